"""The recipes of docs/transactions-and-tenants.md: django-tenants with PostgreSQL, Celery, and private files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client, override_settings
from django.urls import include, path

import storage_router
from tests.kit import warm

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/transactions-and-tenants.md").read_text(encoding="utf-8")

urlpatterns = [path("files/", include("storage_router.urls"))]
asked = []

SETTINGS = """
SECRET_KEY = "only for tests"
SHARED_APPS = ["django_tenants", "customers", "django.contrib.contenttypes", "storage_router"]
TENANT_APPS = ["django.contrib.contenttypes"]
INSTALLED_APPS = SHARED_APPS
TENANT_MODEL, TENANT_DOMAIN_MODEL = "customers.Client", "customers.Domain"
DATABASE_ROUTERS = ("django_tenants.routers.TenantSyncRouter",)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIDDLEWARE = ["django_tenants.middleware.main.TenantMainMiddleware"]
ROOT_URLCONF = "customers.urls"
ALLOWED_HOSTS = ["*"]
"""

MODELS = """
from django.db import models
from django_tenants.models import DomainMixin, TenantMixin

class Client(TenantMixin):
    auto_create_schema = True

class Domain(DomainMixin):
    pass
"""

URLS = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.urls import path

def save(request):
    return HttpResponse(default_storage.save("1.txt", ContentFile(request.get_host())))

urlpatterns = [path("save", save)]
"""

RUN = """
import django, threading
django.setup()
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client as Browser
from django_tenants.utils import tenant_context
from storage_router.exceptions import NoTenantError
from customers.models import Client, Domain

call_command("migrate_schemas", "--shared", verbosity=0)
tenants = []
for name in ("acme", "evil"):
    tenant = Client.objects.create(schema_name=name)
    Domain.objects.create(domain=f"{name}.example", tenant=tenant, is_primary=True)
    tenants.append(tenant)
for tenant in tenants * 3:
    answer = Browser().get("/save", headers={"host": f"{tenant.schema_name}.example"})
    assert answer.status_code == 200, answer.content
for tenant in tenants:
    with tenant_context(tenant):
        with default_storage.open("1.txt") as file:
            assert file.read() == f"{tenant.schema_name}.example".encode()
        assert len(default_storage.listdir("")[1]) == 3
found = []
def ask():
    try:
        default_storage.url("1.txt")
    except NoTenantError:
        found.append("no tenant")
with tenant_context(tenants[0]):
    thread = threading.Thread(target=ask); thread.start(); thread.join()
assert found == ["no tenant"]
print([tenant.pk for tenant in tenants])
"""


def test_django_tenants_has_files_of_each_tenant(postgres, tmp_path):
    (tmp_path / "customers").mkdir()
    (tmp_path / "customers/__init__.py").write_text("")
    (tmp_path / "customers/models.py").write_text(MODELS)
    (tmp_path / "customers/urls.py").write_text(URLS)
    migrations = tmp_path / "customers/migrations"
    migrations.mkdir()
    (migrations / "__init__.py").write_text("")
    database = {**postgres, "ENGINE": "django_tenants.postgresql_backend"}
    backend = {"type": "filesystem", "location": f"{tmp_path}/files/{{tenant}}", "base_url": "/{tenant}/"}
    options = {
        "backends": {"t": backend},
        "default": "t",
        "tenancy": {"current": "django_tenants"},
    }
    entries = {"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}
    settings = f"{SETTINGS}\nDATABASES = {{'default': {database!r}}}\nSTORAGES = {entries!r}\n"
    (tmp_path / "settings.py").write_text(settings)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "DJANGO_SETTINGS_MODULE": "settings"}

    def run(*arguments):
        found = warm.run(*arguments, cwd=tmp_path, env=environment)
        assert found.returncode == 0, found.stderr
        return found.stdout

    run("-m", "django", "makemigrations", "customers", "-v0")
    assert run("-c", RUN).endswith("[1, 2]\n")
    assert sorted(one.name for one in (tmp_path / "files").iterdir()) == ["1", "2"]


def test_a_celery_task_has_the_tenant_of_the_code_that_sent_it():
    [recipe] = re.findall(r"```python\n# acme/celery.py\n(.*?)```", PAGE, re.DOTALL)
    names = {"current_tenant": lambda: "acme"}
    exec(recipe, names)
    app = names["app"]
    app.conf.update(broker_url="memory://", task_always_eager=True)

    options = {"backends": {"t": {"type": "memory", "location": "{tenant}", "base_url": "/{tenant}/"}}, "default": "t"}
    with override_settings(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}):

        @app.task
        def address():
            return storages["default"].url("1.txt")

        assert address.delay().get() == "/acme/1.txt"
        assert address.apply_async(headers={"tenant": "evil"}).get() == "/evil/1.txt"


def authorize(request, file):
    asked.append((file.name, file.tenant))
    return True


def test_a_private_file_is_that_of_its_tenant_and_authorize_is_told_which(tmp_path):
    backend = {"type": "filesystem", "location": f"{tmp_path}/{{tenant}}", "base_url": "/{tenant}/"}
    route = {"prefix": "tenants/{tenant}/", "backend": "tenant", "strip_prefix": True}
    route |= {"delivery": "stream", "authorize": f"{__name__}.authorize"}
    options = {"backends": {"tenant": backend}, "routes": [route], "base_url": "https://{tenant}.acme.example/files/"}
    entries = {"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}
    with override_settings(STORAGES=entries, ROOT_URLCONF=__name__):
        asked.clear()
        name = storages["default"].save("tenants/acme/1.txt", ContentFile(b"acme"))
        assert storages["default"].url(name) == "https://acme.acme.example/files/f/tenants/acme/1.txt"
        answer = Client().get("/files/f/tenants/acme/1.txt")
        assert b"".join(answer.streaming_content) == b"acme"
        assert asked == [("tenants/acme/1.txt", "acme")]
        with storage_router.tenant("evil"):
            assert Client().get("/files/f/tenants/acme/1.txt").status_code == 404
        assert Client().get("/files/f/tenants/ACME/1.txt").status_code == 404
        assert len(asked) == 1
