"""C7: migrations hold no secret and stay the same when the environment changes; and what pickles instead of options."""

from __future__ import annotations

import copy
import os
import pickle
import textwrap
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage, StorageHandler, storages
from django.test import override_settings
from django.utils.deconstruct import deconstructible

import storage_router
from storage_router import AzureStorage, RouterStorage
from storage_router.references import HistoricalStorage, StorageReference, note
from tests.kit import warm

ROOT = Path(__file__).parent.parent
SECRET = "c2VjcmV0LXRoYXQtbXVzdC1uZXZlci1hcHBlYXI="
CONFIG = {
    "backends": {"media": "memory://", "private": {"type": "memory", "base_url": "/private/"}},
    "default": "media",
}
CONFIG["routes"] = [{"prefix": "private", "backend": "private"}]
ENTRY = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": CONFIG}

SETTINGS = """
    import storage_router
    SECRET_KEY = "x"
    INSTALLED_APPS = ["storage_router", "gallery"]
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    USE_TZ = True
    STORAGES = {
        **storage_router.storages(),
        "backup": {"BACKEND": "storage_router.RouterStorage"},
        "staticfiles": {"BACKEND": "storage_router.StaticFilesStorage", "OPTIONS": {"router": "default"}},
    }
"""

MODELS = """
    import os
    from django.core.files.storage import storages
    from django.db import models
    from django.utils.deconstruct import deconstructible
    import storage_router

    AZURE = {"account_name": os.environ["ACCOUNT"], "account_key": os.environ["SECRET"], "azure_container": "media"}
    PARTS = {"backends": {"media": {"type": "azure", **AZURE}}, "default": "media"}

    class OwnRouter(storage_router.RouterStorage):
        pass

    @deconstructible
    class Decorated(storage_router.AzureStorage):
        pass

    @deconstructible
    class DecoratedRouter(storage_router.RouterStorage):
        pass

    class Tenants(storage_router.AzureStorage):
        account_name = AZURE["account_name"]
        account_key = AZURE["account_key"]
        azure_container = AZURE["azure_container"]

        def __init__(self, tenant):
            super().__init__()

    class Folder(Tenants):
        def __init__(self):
            super().__init__("one")

    class Holder:
        class Nested(Folder):
            pass

    def chosen():
        return storage_router.AzureStorage(**AZURE)

    class Photo(models.Model):
        default = models.FileField()
        alias = models.FileField(storage=storages["default"])
        other_alias = models.FileField(storage=storages["backup"])
        sources = models.FileField(storage=storage_router.RouterStorage())
        subclass = models.FileField(storage=OwnRouter())
        parts = models.FileField(storage=storage_router.RouterStorage(**PARTS))
        azure = models.FileField(storage=storage_router.AzureStorage(**AZURE))
        decorated = models.FileField(storage=Decorated(**AZURE))
        decorated_router = models.FileField(storage=DecoratedRouter())
        decorated_parts = models.FileField(storage=DecoratedRouter(**PARTS))
        own_argument = models.FileField(storage=Tenants("one"))
        own_named = models.FileField(storage=Tenants(tenant="one"))
        no_argument = models.FileField(storage=Folder())
        nested = models.FileField(storage=Holder.Nested())
        one = models.FileField(storage=storage_router.backend("private"))
        one_of_another = models.FileField(storage=storage_router.backend("private", router="backup"))
        built = models.FileField(storage=storages["default"].backends["private"])
        built_of_another = models.FileField(storage=storages["backup"].backends["private"])
        disk = models.FileField(storage=storage_router.backend("disk"))
        foreign = models.FileField(storage=storage_router.backend("foreign"))
        nobodys = models.FileField(storage=storage_router.RouterStorage(**PARTS).backends["media"])
        callable = models.FileField(storage=chosen)
"""

# A storage of another package, as Django's documentation asks for one.
FOREIGN = """
    from django.core.files.storage import FileSystemStorage
    from django.utils.deconstruct import deconstructible

    @deconstructible
    class ForeignStorage(FileSystemStorage):
        def __init__(self, password):
            super().__init__()
"""

CONFIGURATION = """
    default = "media"
    [backends.media]
    type = "azure"
    azure_container = "media"
    [backends.private]
    type = "azure"
    azure_container = "private"
    [backends.disk]
    type = "filesystem"
    [backends.foreign]
    type = "django"
    backend = "gallery.foreign.ForeignStorage"
    [[routes]]
    prefix = "private/"
    backend = "private"
"""


class Project:
    """A Django project with one model, run under different environments."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "gallery").mkdir()
        (directory / "gallery/__init__.py").write_text("")
        for name, text in [
            ("project_settings.py", SETTINGS),
            ("gallery/models.py", MODELS),
            ("gallery/foreign.py", FOREIGN),
            ("storage_router.toml", CONFIGURATION),
        ]:
            (directory / name).write_text(textwrap.dedent(text))

    def environment(self, account: str = "acme", secret: str = SECRET) -> dict[str, str]:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{self.directory}{os.pathsep}{ROOT}",
            "DJANGO_SETTINGS_MODULE": "project_settings",
            "ACCOUNT": account,
            "SECRET": secret,
        }
        for alias in ("MEDIA", "PRIVATE"):
            environment[f"STORAGE_ROUTER__BACKENDS__{alias}__ACCOUNT_NAME"] = account
            environment[f"STORAGE_ROUTER__BACKENDS__{alias}__ACCOUNT_KEY"] = secret
        environment["STORAGE_ROUTER__BACKENDS__DISK__LOCATION"] = str(self.directory / account)
        environment["STORAGE_ROUTER__BACKENDS__FOREIGN__OPTIONS__PASSWORD"] = secret
        return environment

    def run(self, *arguments: str, **given: str) -> str:
        found = warm.run(*arguments, cwd=self.directory, env=self.environment(**given))
        assert found.returncode == 0, found.stderr
        return found.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    found = Project(tmp_path_factory.mktemp("project"))
    found.run("-m", "django", "makemigrations", "gallery")
    return found


@pytest.fixture(scope="module")
def migration(project):
    return (project.directory / "gallery/migrations/0001_initial.py").read_text()


@pytest.mark.parametrize(
    ("field", "storage"),
    [
        ("default", ""),
        ("alias", "storage=storage_router.references.StorageReference('default'), "),
        ("other_alias", "storage=storage_router.references.StorageReference('backup'), "),
        ("sources", "storage=storage_router.RouterStorage(), "),
        ("subclass", "storage=gallery.models.OwnRouter(), "),
        ("parts", "storage=storage_router.references.HistoricalStorage(), "),
        ("azure", "storage=storage_router.references.HistoricalStorage(), "),
        ("decorated", "storage=storage_router.references.HistoricalStorage(), "),
        ("decorated_router", "storage=gallery.models.DecoratedRouter(), "),
        ("decorated_parts", "storage=storage_router.references.HistoricalStorage(), "),
        ("own_argument", "storage=storage_router.references.HistoricalStorage(), "),
        ("own_named", "storage=storage_router.references.HistoricalStorage(), "),
        ("no_argument", "storage=gallery.models.Folder(), "),
        ("nested", "storage=storage_router.references.HistoricalStorage(), "),
        ("one", "storage=storage_router.backend('private'), "),
        ("one_of_another", "storage=storage_router.backend('private', router='backup'), "),
        ("built", "storage=storage_router.backend('private'), "),
        ("built_of_another", "storage=storage_router.backend('private', router='backup'), "),
        ("disk", "storage=storage_router.backend('disk'), "),
        ("foreign", "storage=storage_router.backend('foreign'), "),
        ("nobodys", "storage=storage_router.references.HistoricalStorage(), "),
        ("callable", "storage=gallery.models.chosen, "),
    ],
)
def test_a_migration_names_the_storage_and_nothing_of_its_options(migration, field, storage):
    # C7
    assert f"('{field}', models.FileField({storage}upload_to=''))," in migration


@pytest.mark.parametrize("word", [SECRET, "acme", "media", "account", "azure_container", ".core.windows.net", "key"])
def test_no_setting_is_in_a_migration(migration, word):
    # C7
    assert word not in migration.replace("verbose_name='ID'", "").lower().replace("primary_key", "")


def test_a_migration_stays_the_same_when_the_environment_changes(project):
    # C7
    said = project.run("-m", "django", "makemigrations", "--check", "--dry-run", account="elsewhere", secret="b3RoZXI=")
    assert said == "No changes detected\n"


def test_a_migration_stays_the_same_when_django_has_forgotten_its_storages(project):
    """C7: in tests, every override of some settings makes Django build its storages again."""
    code = """if True:
        import django; django.setup()
        from django.core.files.storage import storages
        from django.core.management import call_command
        from django.test import override_settings
        memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
        for override in ({"STATIC_URL": "/other/"}, {"STORAGES": {"default": memory, "staticfiles": memory}}):
            with override_settings(**override):
                assert storages._storages == {}
                call_command("makemigrations", check_changes=True, dry_run=True)
    """
    assert project.run("-c", code) == "No changes detected\n" * 2


def test_migrations_run_and_the_models_fields_have_their_real_storages(project):
    # C7
    project.run("-m", "django", "migrate")
    code = """if True:
        import django; django.setup()
        from gallery.models import Photo
        photo = Photo(default="a.txt", azure="b", one="c", parts="d", callable="e", built="f")
        for name in ("default", "azure", "one", "parts", "callable", "built"):
            print(getattr(photo, name).url)
    """
    urls = project.run("-c", code).splitlines()
    host = "https://acme.blob.core.windows.net"
    expected = ["media/a.txt", "media/b", "private/c", "media/d", "media/e", "private/f"]
    assert urls == [f"{host}/{path}" for path in expected]


def test_an_instance_of_a_model_is_pickled_for_another_process_which_uses_its_files(project):
    """A12: a model instance that holds a storage can be pickled."""
    write = """if True:
        import django; django.setup()
        import pickle, sys
        from django.core.files.base import ContentFile
        from gallery.models import Photo
        photo = Photo(default="a.txt", azure="b", decorated="c", own_argument="d", nested="e", nobodys="f")
        photo.disk.save("g.txt", ContentFile(b"content"), save=False)
        photo.azure.url
        pickle.dump(photo, open("photo.pickle", "wb"))
    """
    read = """if True:
        import django; django.setup()
        import pickle
        from gallery.models import Photo
        photo = pickle.load(open("photo.pickle", "rb"))
        assert type(photo) is Photo
        for name in ("default", "azure", "decorated", "own_argument", "nested", "nobodys"):
            print(getattr(photo, name).url)
        print(photo.disk.read())
    """
    project.run("-c", write)
    assert SECRET.encode() not in (project.directory / "photo.pickle").read_bytes()
    *urls, content = project.run("-c", read).splitlines()
    assert urls == [f"https://acme.blob.core.windows.net/media/{name}" for name in ("a.txt", *"bcdef")]
    assert content == "b'content'"


def test_a_historical_model_says_what_to_do_instead_of_using_a_storage(project):
    code = """if True:
        import django; django.setup()
        from django.db import connection
        from django.db.migrations.loader import MigrationLoader
        Photo = MigrationLoader(connection).project_state().apps.get_model("gallery", "Photo")
        print(Photo(one="c").one.url)
        try:
            Photo(azure="b").azure.url
        except NotImplementedError as error:
            print(error)
    """
    url, message = project.run("-c", code).splitlines()
    assert url == "https://acme.blob.core.windows.net/private/c"
    assert "Put the storage into STORAGES and give the field storages['alias']" in message


def test_a_field_with_a_backend_of_another_package_itself_is_an_error(project):
    """C7: no migration ever holds its options."""
    models = project.directory / "gallery/models.py"
    kept = models.read_text()
    models.write_text(kept.replace('storage_router.backend("foreign")', 'storages["default"].backends["foreign"]'))
    try:
        command = ("-m", "django", "makemigrations", "--dry-run")
        found = warm.run(*command, cwd=project.directory, env=project.environment())
    finally:
        models.write_text(kept)
    assert found.returncode == 1
    assert (
        "gallery.Photo.foreign: ForeignStorage is the backend 'foreign', and migrations would hold its options"
        in found.stderr
    )
    assert "Write storage=storage_router.backend('foreign')." in found.stderr
    assert SECRET not in found.stdout + found.stderr


# Without a project: the pieces.


@deconstructible
class Decorated(AzureStorage):
    pass


class Wrapper(Storage):
    """Whoever has it as an entry of STORAGES has a router, too, that is none."""

    def __init__(self):
        self.inner = RouterStorage(**CONFIG)


class Tenants(RouterStorage):
    def __init__(self, tenant):
        super().__init__(**CONFIG)
        self.tenant = tenant


@pytest.fixture
def configured():
    with override_settings(
        STORAGES={"default": ENTRY, "other": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    ):
        yield storages["default"]


def test_the_router_of_django_is_pickled_and_deconstructed_by_its_alias(configured):
    """A12: a model instance that holds a storage can be pickled."""
    assert pickle.loads(pickle.dumps(configured)) is configured
    path, arguments, options = configured.deconstruct()
    assert (path, arguments, options) == ("storage_router.references.StorageReference", ("default",), {})


@pytest.mark.parametrize("alias", ["default", "azure", "decorated"])
def test_what_django_has_built_for_an_alias_keeps_it(alias):
    # C7, A12
    parts = {key: value for key, value in BACKENDS["azure"].items() if key != "type"}
    entries = {
        "default": ENTRY,
        "azure": {"BACKEND": "storage_router.AzureStorage", "OPTIONS": parts},
        "decorated": {"BACKEND": f"{__name__}.Decorated", "OPTIONS": parts},
    }
    with override_settings(STORAGES=entries):
        before = storages[alias]
        # As AppConfig.ready() does, which builds every entry.
        note(before, alias)
        with override_settings(STATIC_URL="/other/"):
            assert storages[alias] is not before
            assert before.deconstruct() == ("storage_router.references.StorageReference", (alias,), {})
            pickled = pickle.dumps(before)
            assert SECRET.encode() not in pickled
            assert pickle.loads(pickled) is storages[alias]


def test_what_is_built_beside_djangos_storages_has_no_alias():
    # C7
    placeholder = ("storage_router.references.HistoricalStorage", (), {})
    with override_settings(STORAGES={"default": {"BACKEND": f"{__name__}.Wrapper"}}):
        assert storages["default"].inner.deconstruct() == placeholder
        assert StorageHandler({"other": ENTRY})["other"].deconstruct() == placeholder
        assert storages.create_storage(ENTRY).deconstruct() == placeholder


def test_another_router_is_pickled_by_its_configuration():
    # A12
    config = {**CONFIG, "backends": {**CONFIG["backends"], "media": {"type": "memory", "base_url": "/m/"}}}
    router = RouterStorage(**config)
    again = pickle.loads(pickle.dumps(router))
    assert again is not router
    assert type(again) is RouterStorage
    assert again.configuration.document == router.configuration.document
    assert (again.url("a"), again.url("private/b")) == ("/m/a", "/private/private/b")
    assert again.deconstruct() == router.deconstruct() == ("storage_router.references.HistoricalStorage", (), {})


def test_a_subclass_of_the_router_is_pickled_with_what_it_keeps():
    # A12
    again = pickle.loads(pickle.dumps(Tenants("one")))
    assert again.tenant == "one"
    assert again.deconstruct() == ("storage_router.references.HistoricalStorage", (), {})


def test_a_reference_to_one_backend_is_that_backend_by_its_own_names(configured):
    """Issue 4: picks one backend of the router for a field."""
    one = storage_router.backend("private")
    assert isinstance(one, Storage)
    assert one.save("a.txt", ContentFile(b"x")) == "a.txt"
    assert one.exists("a.txt")
    assert one.url("a.txt") == "/private/a.txt"
    assert one.listdir("") == ([], ["a.txt"])
    assert configured.backends["private"].exists("a.txt")
    assert one.resolve() is configured.backends["private"]
    assert one.base_url == "/private/"
    assert repr(one) == "<BackendReference 'private' of STORAGES['default']>"


def test_a_reference_asks_for_nothing_before_it_is_used():
    # C7: models are imported, and migrations run, without any configuration.
    with override_settings(STORAGES={}):
        one = storage_router.backend("private")
        assert one.deconstruct() == ("storage_router.backend", ("private",), {})
        assert storage_router.backend("a", router="b").deconstruct() == (
            "storage_router.backend",
            ("a",),
            {"router": "b"},
        )
        assert copy.deepcopy(one).deconstruct() == pickle.loads(pickle.dumps(one)).deconstruct() == one.deconstruct()


def test_a_reference_to_what_is_not_there_says_so_at_its_first_use(configured):
    with pytest.raises(ImproperlyConfigured) as error:
        storage_router.backend("privat").url("a")
    assert str(error.value) == (
        "storage_router.backend('privat'): STORAGES['default'] has no such backend. Did you mean 'private'?"
    )
    with pytest.raises(ImproperlyConfigured) as error:
        storage_router.backend("private", router="other").url("a")
    assert str(error.value) == (
        "storage_router.backend('private') needs a storage_router.RouterStorage, and STORAGES['other'] is a "
        "InMemoryStorage."
    )


def test_a_reference_has_no_attribute_that_its_backend_lacks(configured):
    with pytest.raises(AttributeError, match="has no attribute 'no_such_method'"):
        storage_router.backend("private").no_such_method  # noqa: B018
    with pytest.raises(AttributeError, match=r"^_private$"):
        storage_router.backend("private")._private  # noqa: B018


def test_every_method_of_djangos_storage_goes_through_a_reference():
    # R9
    for kind in (storage_router.backend("x"), StorageReference("x"), HistoricalStorage()):
        own = vars(type(kind)) | vars(type(kind).__base__)
        public = {name for name, value in vars(Storage).items() if callable(value) and not name.startswith("__")}
        assert public - own.keys() == set()


FOREIGN_STORAGE = {
    "type": "django",
    "backend": "django.core.files.storage.FileSystemStorage",
    "options": {"location": f"/srv/{SECRET}"},
}
BACKENDS = {
    "azure": {"type": "azure", "account_name": "acme", "account_key": SECRET, "azure_container": "media"},
    "disk": {"type": "filesystem", "location": f"/srv/{SECRET}"},
    "memory": {"type": "memory", "base_url": f"/{SECRET}/"},
    "foreign": FOREIGN_STORAGE,
}
PARTS = {"backends": BACKENDS, "default": "azure"}
HOST = "https://acme.blob.core.windows.net"
AZURE_CLASS = "storage_router.AzureStorage"
AZURE_OPTIONS = {key: value for key, value in BACKENDS["azure"].items() if key != "type"}


@pytest.fixture
def routers():
    entry = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": PARTS}
    with override_settings(STORAGES={"default": entry, "backup": entry}):
        yield storages


@pytest.mark.parametrize("alias", ["azure"])
@pytest.mark.parametrize(("router", "options"), [("default", {}), ("backup", {"router": "backup"})])
def test_a_backend_is_its_alias_in_its_router(routers, alias, router, options):
    # C7, A12, A13
    backend = routers[router].backends[alias]
    assert backend.deconstruct() == ("storage_router.backend", (alias,), options)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        pickled = pickle.dumps(backend, protocol)
        assert SECRET.encode() not in pickled
        assert pickle.loads(pickled) is backend


@pytest.mark.parametrize("alias", ["disk", "memory", "foreign"])
def test_nothing_is_written_into_the_storages_of_other_packages(routers, alias):
    # A13
    backend = routers["default"].backends[alias]
    assert not {"deconstruct", "__reduce_ex__"} & vars(backend).keys()
    assert copy.copy(backend) is not backend


def test_a_backend_of_a_router_without_an_alias_is_a_placeholder():
    # C7: what storage_router.backend() would find is another one.
    backend = RouterStorage(**PARTS).backends["azure"]
    assert backend.deconstruct() == ("storage_router.references.HistoricalStorage", (), {})


def test_a_backend_of_a_router_without_an_alias_is_pickled_as_one_of_that_router():
    # A12
    alias = "azure"
    router = RouterStorage(**PARTS)
    again, again_router = pickle.loads(pickle.dumps((router.backends[alias], router)))
    assert again is again_router.backends[alias]
    assert again is not router.backends[alias]
    assert type(again) is type(router.backends[alias])
    assert again.url("a.txt") == router.backends[alias].url("a.txt")


def test_a_backend_that_is_one_of_djangos_storages_keeps_that_name():
    # C7
    config = {"backends": {"shared": {"type": "django", "backend": f"{__name__}.shared"}}, "default": "shared"}
    entry = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": config}
    options = {key: value for key, value in BACKENDS["azure"].items() if key != "type"}
    other = {"BACKEND": "storage_router.AzureStorage", "OPTIONS": options}
    with override_settings(STORAGES={"default": entry, "shared": other}):
        assert storages["default"].backends["shared"] is storages["shared"]
        assert storages["shared"].deconstruct() == (
            "storage_router.references.StorageReference",
            ("shared",),
            {},
        )


def shared():
    return storages["shared"]


def test_a_memory_is_not_what_is_pickled(configured):
    assert isinstance(pickle.loads(pickle.dumps(configured)).backends["media"], InMemoryStorage)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_an_independent_twin_without_an_alias(routers, copied):
    """A13: what a copy changes is nobody else's."""
    with override_settings(STORAGES={**settings.STORAGES, "azure": {"BACKEND": AZURE_CLASS, "OPTIONS": AZURE_OPTIONS}}):
        twin = copied(storages["azure"])
        twin.location = "tenant-a"
        assert (twin.url("x"), storages["azure"].url("x")) == (f"{HOST}/media/tenant-a/x", f"{HOST}/media/x")
        assert twin.deconstruct() == ("storage_router.references.HistoricalStorage", (), {})
        assert pickle.loads(pickle.dumps(twin)).url("x") == twin.url("x")
    router = copied(routers["default"])
    router.backends["azure"].location = "tenant-b"
    assert router.url("x") == f"{HOST}/media/tenant-b/x"
    assert routers["default"].url("x") == f"{HOST}/media/x"
    router.backends["disk"].base_url = "/elsewhere/"
    assert routers["default"].backends["disk"].base_url != "/elsewhere/"


def test_a_storage_whose_options_were_changed_is_pickled_with_them(routers):
    # A13
    storage = routers["default"].backends["azure"]
    assert pickle.loads(pickle.dumps(storage)) is storage
    storage.location = "changed"
    again = pickle.loads(pickle.dumps(storage))
    assert again is not storage
    assert again.url("x") == storage.url("x") == f"{HOST}/media/changed/x"
    assert storage.deconstruct() == ("storage_router.backend", ("azure",), {})
