"""What a configuration needs in Azure: containers, public access, CORS, lifecycle rules and roles.

``needs`` is the one table of it. ``commands`` writes it for the Azure CLI, ``service`` does what the account's own
interface can do, and ``doctor`` compares it with what is there.
"""
