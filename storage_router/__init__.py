"""A configuration-driven storage router for Django: each file to its own backend, most of them Azure Blob containers."""
