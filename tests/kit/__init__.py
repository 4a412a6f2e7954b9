"""The servers that the tests start, and what makes them fail: Azurite, and a proxy that stands in front of it."""
