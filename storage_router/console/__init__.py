"""The console: backends, routes, files and moves in Django's admin. An app of its own (V3)."""
