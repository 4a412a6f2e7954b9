"""The public test kit: Azurite as a process, for the tests of storages and of projects that use them."""
