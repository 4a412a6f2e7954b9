"""D1, D2, D4: what a route may say of its delivery; mistakes are found when the configuration is read."""

from __future__ import annotations

import pytest

from storage_router import media_types
from storage_router.exceptions import ConfigurationError
from storage_router.factory import configure

RAM = {"ram": {"type": "memory"}}
ACTIVE = "html xhtml svg svgz xml xsl mml js mjs css wasm mht mhtml eml swf rss kml xul dtd dae x3d rdf"


def configured(**route):
    return configure(
        {"backends": {"ram": {"type": "memory"}}, "routes": [{"prefix": "private/", "backend": "ram", **route}]}
    )


def problem_of(**route):
    with pytest.raises(ConfigurationError) as caught:
        configured(**route)
    return caught.value.problems[0]


def test_a_route_without_delivery_is_a_link():
    assert configured().document.routes[0].delivery == "link"


@pytest.mark.parametrize("delivery", ["redirect", "stream", "accel"])
def test_authorize_is_required_where_a_view_delivers(delivery):
    problem = problem_of(delivery=delivery)
    assert problem.id == "storage_router.E002"
    assert problem.message == f"delivery is '{delivery}', and 'authorize' is missing"


def test_authorize_without_delivery_is_an_error_for_the_files_would_be_public():
    problem = problem_of(authorize="acme.files.may_read")
    assert problem.id == "storage_router.E008"
    assert problem.message == "delivery is 'link', where authorize would have no effect"


@pytest.mark.parametrize("text", ["may_read", "acme..may_read", "model:docs.Document", "model:Document.file", ""])
def test_authorize_is_a_dotted_path_or_a_field_of_a_model(text):
    problem = problem_of(delivery="stream", authorize=text)
    assert problem.id == "storage_router.E003"
    assert "neither a dotted path nor 'model:app.Model.field'" in problem.message


@pytest.mark.parametrize("name", ["text/html", "application/xhtml+xml", "text/css", "text/javascript"])
def test_an_active_type_may_not_be_inline(name):
    problem = problem_of(delivery="stream", authorize="a.b", inline=["image/*", name])
    assert problem.message == f"inline: {name} can run scripts"


def test_svg_may_be_inline_where_the_view_sends_the_policy_and_nowhere_else():
    for delivery in ("stream", "accel"):
        configured(delivery=delivery, authorize="a.b", inline=["image/svg+xml"])
    problem = problem_of(delivery="redirect", authorize="a.b", inline=["image/svg+xml"])
    assert "With 'stream' or 'accel', SVG can be shown" in problem.hint


def test_options_of_redirect_need_a_redirect():
    assert problem_of(delivery="stream", authorize="a.b", link_seconds="1m").id == "storage_router.E008"
    assert configured(delivery="redirect", authorize="a.b", link_seconds="5m").document.routes[0].link_seconds == 300


def test_attachment_is_for_links():
    assert configured(attachment=["active", "image/*"]).document.routes[0].attachment == ("active", "image/*")
    assert problem_of(delivery="stream", authorize="a.b", attachment=["active"]).id == "storage_router.E008"


@pytest.mark.parametrize(
    "url", ["/files/", "acme.example/files", "https://a@b/", "https://acme.example/?x", "ftp://x/"]
)
def test_base_url_is_absolute(url):
    with pytest.raises(ConfigurationError, match="is not an absolute http or https URL"):
        configure({"backends": RAM, "default": "ram", "base_url": url})


def test_base_url_ends_in_a_slash():
    configuration = configure({"backends": RAM, "default": "ram", "base_url": "https://a.example/f"})
    assert configuration.document.base_url == "https://a.example/f/"


def test_the_secret_of_nginx_is_never_shown():
    config = {"backends": RAM, "default": "ram", "accel_secret": ["hush"]}
    with pytest.raises(ConfigurationError) as caught:
        configure(config)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("extension", ACTIVE.split())
def test_active_types(extension):
    assert media_types.is_active(media_types.content_type(f"a.{extension}"))


def test_a_star_never_stands_for_an_active_type():
    assert media_types.matches("image/png", ["image/*"])
    assert not media_types.matches("image/svg+xml", ["image/*"])
    assert media_types.matches("image/svg+xml", ["image/svg+xml"])
    assert not media_types.matches("text/html", ["text/*"])
