"""D1, D4, D5, T16: what ``manage.py check`` says of private delivery."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.conf import settings
from django.test import override_settings

from storage_router import checks
from storage_router.exceptions import ConfigurationError

from .test_rows import APPS

AZURE = {"type": "azure", "account_name": "acme", "azure_container": "files", "credential": "default"}
PRIVATE = {"prefix": "private/", "backend": "files", "delivery": "stream", "authorize": "tests.delivery.site.may_read"}
PLAIN = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


def router(routes, *, backends=None, **document):
    options = {
        "backends": {"files": AZURE, "open": {"type": "memory"}, **(backends or {})},
        "routes": routes,
        **document,
    }
    return {"BACKEND": "storage_router.RouterStorage", "OPTIONS": {"default": "open", **options}}


def found(default, *, deploy=False, urlconf="tests.delivery.site", others=None, **more):
    """The ids of what the checks find."""
    storages = {"default": default, "staticfiles": PLAIN, **(others or {})}
    with override_settings(STORAGES=storages, ROOT_URLCONF=urlconf, **more):
        messages = checks.check_deployment(None) if deploy else checks.check_configuration(None)
    assert all(message.hint for message in messages)
    return {message.id.removeprefix("storage_router."): message.msg for message in messages}


def test_a_sound_delivery_has_nothing_to_say():
    assert found(router([PRIVATE])) == {}
    assert found(router([{**PRIVATE, "delivery": "redirect"}])) == {}


class TestTwoDoors:
    def test_one_container_with_a_default_beside_the_private_prefix_is_safe(self):
        open_files = {"prefix": "open/", "backend": "open"}
        assert found(router([PRIVATE, open_files], default="files")) == {}

    def test_a_stripped_prefix_leads_to_the_private_files(self):
        shared = {"prefix": "shared/", "backend": "files", "strip_prefix": True}
        problems = found(router([PRIVATE, shared]))
        assert "its files are also reached by STORAGES['default'], routes[1]" in problems["E030"]

    @pytest.mark.parametrize(
        ("private", "shared"),
        [
            ({"glob": "*/secret/*"}, {"prefix": "shared/"}),
            ({"prefix": "private/"}, {"prefix": "shared/", "types": "image/*"}),
            ({"prefix": "private/"}, {"prefix": "shared/", "glob": "**/*.jpg"}),
            ({"glob": "private/**"}, {"prefix": "shared/", "glob": "*/*/*.jpg"}),
        ],
    )
    def test_a_door_for_some_names_is_one(self, private, shared):
        asks = {key: value for key, value in PRIVATE.items() if key != "prefix"}
        routes = [{**asks, **private}, {"backend": "again", "strip_prefix": True, **shared}]
        assert "E030" in found(router(routes, backends={"again": AZURE}))

    def test_another_backend_on_the_container_leads_to_the_private_files(self):
        again = {**AZURE, "location": "private"}
        problems = found(router([PRIVATE, {"prefix": "a/", "backend": "again"}], backends={"again": again}))
        assert "E030" in problems

    def test_another_router_leads_to_the_private_files(self):
        other = router([{"prefix": "x/", "backend": "open"}], default="files")
        assert "STORAGES['other'], default" in found(router([PRIVATE]), others={"other": other})["E030"]

    def test_another_authorize_is_another_door(self):
        shared = {
            **PRIVATE,
            "prefix": "shared/",
            "strip_prefix": True,
            "authorize": "tests.delivery.site.may_read_async",
        }
        assert "E030" in found(router([PRIVATE, shared]))
        same = {**PRIVATE, "prefix": "shared/", "strip_prefix": True}
        assert "E030" not in found(router([PRIVATE, same]))

    def test_a_route_that_moves_has_the_files_of_both_backends(self):
        old = {**AZURE, "azure_container": "old"}
        moving = {**PRIVATE, "moving_from": "old", "phase": "mirror"}
        assert "E030" not in found(router([moving], backends={"old": old}))
        shared = {"prefix": "shared/", "backend": "old", "strip_prefix": True}
        assert "E030" in found(router([moving, shared], backends={"old": old}))

    def test_the_same_directory_written_otherwise_is_the_same(self, tmp_path):
        backends = {
            "files": {"type": "filesystem", "location": str(tmp_path / "a")},
            "again": {"type": "filesystem", "location": str(tmp_path)},
        }
        assert "E030" in found(router([PRIVATE, {"prefix": "a/private/", "backend": "again"}], backends=backends))

    def test_the_location_of_a_private_backend_inside_the_default_is_safe_where_the_route_claims_its_names(self):
        inner = {**AZURE, "location": "private"}
        route = {**PRIVATE, "backend": "inner", "strip_prefix": True}
        assert "E030" not in found(router([route], backends={"inner": inner}, default="files"))

    def test_the_location_of_files_by_type_inside_the_default_is_safe_where_the_route_claims_their_names(self):
        inner = {**AZURE, "location": "documents"}
        route = {**{key: value for key, value in PRIVATE.items() if key != "prefix"}, "backend": "inner"}
        for types in (".pdf", ["application/pdf", "image/*"]):
            assert "E030" not in found(router([{**route, "types": types}], backends={"inner": inner}, default="files"))
        of_prefix = {**route, "prefix": "mine/", "strip_prefix": True, "types": ".pdf"}
        assert "E030" in found(router([of_prefix], backends={"inner": inner}, default="files"))
        other = {"types": ".jpg", "backend": "files"}
        assert "E030" not in found(router([{**route, "types": ".pdf"}, other], backends={"inner": inner}))
        some = {"prefix": "documents/", "types": [".jpg", ".pdf"], "backend": "files"}
        assert "E030" in found(router([some, {**route, "types": ".pdf"}], backends={"inner": inner}))

    def test_the_location_of_files_by_their_end_inside_the_default_is_safe_where_the_glob_claims_their_names(self):
        inner = {**AZURE, "location": "documents"}
        route = {**{key: value for key, value in PRIVATE.items() if key != "prefix"}, "backend": "inner"}
        for globs in ("**/*.pdf", ["**/*.pdf", "**/*.tar.gz"]):
            assert "E030" not in found(router([{**route, "glob": globs}], backends={"inner": inner}, default="files"))
        for globs in ("*.pdf", "**/invoice-*.pdf", ["**/*.pdf", "**/a"]):
            assert "E030" in found(router([{**route, "glob": globs}], backends={"inner": inner}, default="files"))
        of_any_case = {**route, "prefix": "mine/", "strip_prefix": True, "types": ".pdf"}
        exact = {"glob": "**/*.pdf", "backend": "inner", "delivery": "stream", "authorize": route["authorize"]}
        assert "E030" in found(router([of_any_case, exact], backends={"inner": inner}, default="files"))

    def test_it_stops_the_process(self):
        from django.core.files.storage import storages

        shared = {"prefix": "shared/", "backend": "files", "strip_prefix": True}
        with override_settings(STORAGES={"default": router([PRIVATE, shared]), "staticfiles": PLAIN}):
            assert storages["default"]
            errors = [one for one in checks.found() if not one.is_warning]
            with pytest.raises(ConfigurationError, match="E030"):
                raise ConfigurationError(errors)

    def test_a_route_by_type_before_the_private_one_is_a_warning_that_names_it(self):
        problems = found(router([{"types": "video/*", "backend": "open"}, PRIVATE]))
        assert problems.keys() == {"W030"}
        assert 'routes[0] (types "video/*") comes before it' in problems["W030"]


def test_an_authorize_that_is_no_function():
    problems = found(router([{**PRIVATE, "authorize": "tests.delivery.site.nobody"}]))
    assert "there is no function 'tests.delivery.site.nobody'" in problems["E031"]


@pytest.mark.parametrize("reference", ["documents.Nothing.file", "nowhere.Document.file", "documents.Document.nothing"])
def test_a_field_that_does_not_exist(reference):
    with override_settings(INSTALLED_APPS=APPS):
        assert "E031" in found(router([{**PRIVATE, "authorize": f"model:{reference}"}]))


def test_a_column_without_an_index():
    with override_settings(INSTALLED_APPS=APPS):
        assert found(router([{**PRIVATE, "authorize": "model:documents.Document.file"}])) == {}
        problems = found(router([{**PRIVATE, "authorize": "model:documents.Letter.file"}]))
    assert "documents.Letter.file, which has no index" in problems["W033"]


@pytest.mark.parametrize("delivery", ["redirect", "accel"])
def test_a_backend_that_cannot_sign(delivery):
    files = {**AZURE, "credential": "anonymous"}
    problems = found(router([{**PRIVATE, "delivery": delivery}], backends={"files": files}, accel_secret="x"))
    assert problems.keys() == {"E032"}


def test_accel_needs_its_secret():
    assert found(router([{**PRIVATE, "delivery": "accel"}])).keys() == {"E033"}


STATIC = {"staticfiles": {"BACKEND": "storage_router.StaticFilesStorage"}}
MATCHERS = [{"prefix": "static/"}, {}, {"types": [".css"]}, {"glob": "**/*.svg"}, {"glob": "static/private/**"}]


@pytest.mark.parametrize("matcher", MATCHERS)
def test_static_files_have_no_view(matcher):
    route = {key: value for key, value in PRIVATE.items() if key != "prefix"}
    routes = [{**route, **matcher}]
    assert "E034" in found(router(routes), others=STATIC)
    before = {"prefix": "static/", "backend": "open"}
    assert "E034" not in found(router([before, *routes]), others=STATIC)


@pytest.mark.parametrize("matcher", [{"prefix": "static/"}, {"glob": "static/private/**"}])
def test_a_route_for_static_files_has_no_delivery_wherever_they_are(matcher):
    route = {key: value for key, value in PRIVATE.items() if key != "prefix"}
    assert "E034" in found(router([{**route, **matcher}]))


def test_types_that_not_every_site_has_among_its_static_files_may_be_private():
    route = {key: value for key, value in PRIVATE.items() if key != "prefix"}
    assert "E034" not in found(router([{**route, "types": [".pdf", "video/*"]}]), others=STATIC)


def test_a_view_for_all_files_is_no_problem_where_static_files_are_elsewhere():
    route = {key: value for key, value in PRIVATE.items() if key != "prefix"}
    assert "E034" not in found(router([route]))


def test_static_files_are_no_downloads():
    routes = [{"prefix": "static/", "backend": "files", "attachment": ["active"]}]
    assert "E034" in found(router(routes), others=STATIC)


def test_urls_that_are_not_included():
    problems = found(router([PRIVATE]), urlconf="tests.delivery.nothing_included")
    assert problems.keys() == {"E035"}


def test_urls_below_a_language():
    assert found(router([PRIVATE]), urlconf="tests.delivery.localized").keys() == {"E036"}


def test_private_files_below_media_root(tmp_path):
    files = {"type": "filesystem", "location": str(tmp_path / "media/private")}
    problems = found(router([PRIVATE], backends={"files": files}), MEDIA_ROOT=str(tmp_path / "media"))
    assert problems.keys() == {"W031"}


def test_a_field_that_goes_round_the_view(monkeypatch):
    from django.db.models import FileField

    import storage_router

    with override_settings(INSTALLED_APPS=APPS):
        field = apps.get_model("documents", "Document")._meta.get_field("file")
        assert isinstance(field, FileField)
        monkeypatch.setattr(field, "storage", storage_router.backend("files"))
        assert "W032" in found(router([PRIVATE]))
        assert "W032" not in found(router([PRIVATE], default="files"))


def test_public_uploads_that_browsers_run():
    public = {**AZURE, "azure_container": "public"}

    def deployed(**route):
        uploads = {"prefix": "uploads/", "backend": "public", **route}
        return found(router([uploads], backends={"public": public}, default=None), deploy=True)

    assert "W034" in deployed()
    assert "W034" not in deployed(attachment=["active"])
    assert "W034" not in deployed(types=[".png"])
    assert "W034" not in deployed(read_only=True)
    public["expiration_secs"] = 60
    assert "W034" not in deployed()


def test_a_private_backend_with_views_needs_no_expiring_links():
    files = {**AZURE, "azure_container": "private"}
    assert found(router([PRIVATE], backends={"files": files})) == {}
    assert settings.configured
