"""A site with the console, and people who look at it."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings

from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME

from .project import settings


def azure(server, container, **more):
    return {
        "type": "azure",
        "account_name": ACCOUNT_NAME,
        "account_key": ACCOUNT_KEY,
        "account_url": server if isinstance(server, str) else server.account_url(),
        "azure_container": container,
        **more,
    }


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database of its own with all tables, in the place of the tests' common one."""
    connection = connections["default"]
    kept, name = connection.connection, connection.settings_dict["NAME"]
    connection.connection, connection.settings_dict["NAME"] = (
        None,
        str(tmp_path_factory.mktemp("console") / "db.sqlite3"),
    )
    with override_settings(**settings({"backends": {"files": {"type": "memory"}}, "default": "files"})):
        call_command("migrate", verbosity=0)
    yield
    connection.close()
    connection.connection, connection.settings_dict["NAME"] = kept, name


@pytest.fixture
def site(database):
    """``site(options)`` configures the site and returns a client of a member of staff with the permission."""
    from django.contrib.auth.models import Permission, User
    from django.core.cache import cache

    overrides = []

    def use(options, *, permission=True, staff=True, **more):
        override = override_settings(**settings(options, **more))
        override.enable()
        overrides.append(override)
        user = User.objects.create_user(f"user {User.objects.count()}", is_staff=staff)
        if permission:
            found = Permission.objects.get(codename="view_console", content_type__app_label="storage_router_console")
            user.user_permissions.add(found)
        client = Client()
        client.force_login(user)
        return client

    cache.clear()
    yield use
    for override in reversed(overrides):
        override.disable()


@pytest.fixture(params=[pytest.param("azure", marks=pytest.mark.azurite), "filesystem", "memory"])
def backend(request, tmp_path):
    """The options of a backend of each type."""
    if request.param == "azure":
        return azure(request.getfixturevalue("azurite"), request.getfixturevalue("container"))
    if request.param == "filesystem":
        return {"type": "filesystem", "location": str(tmp_path / "files"), "base_url": "/open/"}
    return {"type": "memory", "base_url": "/open/"}
