"""D4, T3, T24: what a real browser does with private files, whoever uploaded them."""

from __future__ import annotations

import io
import runpy
from urllib.parse import quote

import pytest
from PIL import Image

from tests.delivery.conftest import ROUTE
from tests.delivery.servers import site
from tests.kit.servers import ROOT

from .conftest import TIMEOUT

pytestmark = pytest.mark.browser

DRAWING = runpy.run_path(str(ROOT / "example/library/drawing.py"))

RAN = "new Image().src = '/ran'"
SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" width="200" height="200"><style>rect {{ fill: #00ff00 }}</style>
<rect width="200" height="200"/><script>{RAN}</script></svg>"""
SCRIPT = f"{RAN}; document.title = 'ran'; self.onmessage = () => 0;"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The site; another site at another port shows what the pages of others can do."""
    folder = tmp_path_factory.mktemp("private")
    files = folder / "files/private"
    files.mkdir(parents=True)
    frames = [DRAWING["vp8"](DRAWING["landscape"]("#23395b", "#f4a261", sun=step / 24)) for step in range(24)]
    for name, content in {
        "a.svg": SVG.encode(),
        "a.html": f"<script>{RAN}</script>".encode(),
        "a.js": SCRIPT.encode(),
        "a.css": b"body { background: #00ff00 }",
        "a.png": DRAWING["png"](DRAWING["landscape"]("#23395b", "#f4a261")),
        "a.pdf": DRAWING["pdf"](["Private"]),
        "\u00dcbersicht \u202efdp.zip": b"PK",
        "a.webm": DRAWING["webm"](frames),
    }.items():
        (files / name).write_bytes(content)
    backends = {"files": {"type": "filesystem", "location": str(folder / "files")}}
    shown = {**ROUTE, "prefix": "shown/", "strip_prefix": True, "inline": ["image/svg+xml"]}
    (folder / "files/a.svg").write_bytes(SVG.encode())
    document = {"backends": backends, "routes": [ROUTE, shown]}
    with site("uvicorn", document, folder) as ours, site("uvicorn", document, folder) as others:
        yield f"http://127.0.0.1:{ours.port}", f"http://127.0.0.1:{others.port}"


@pytest.fixture
def reader(browser, server):
    """A page whose requests are the reader's, and a set of the paths that it asked for."""
    context = browser.new_context(extra_http_headers={"X-User": "reader"}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    page.asked = set()
    page.on("request", lambda request: page.asked.add(request.url.removeprefix(server[0])))
    yield page
    context.close()


def show(page, origin: str, html: str) -> None:
    """Open a page of the site at ``origin``, which allows scripts and styles of its own only."""
    page.goto(f"{origin}/page?html={quote(html)}", wait_until="networkidle")


def test_an_svg_that_is_inline_shows_its_styles_and_runs_no_script(reader, server):
    reader.goto(f"{server[0]}/files/f/shown/a.svg", wait_until="networkidle")
    reader.wait_for_timeout(300)
    assert "/ran" not in reader.asked
    with Image.open(io.BytesIO(reader.screenshot())) as shown:
        assert shown.convert("RGB").getpixel((100, 100)) == (0, 255, 0)


@pytest.mark.parametrize("name", ["a.svg", "a.html", "a.js"])
def test_active_files_are_downloads(reader, server, name):
    with reader.expect_download() as download:
        reader.goto("about:blank")
        reader.evaluate("url => { location.href = url }", f"{server[0]}/files/f/private/{name}")
    assert download.value.suggested_filename == name
    assert "/ran" not in reader.asked


def test_the_name_of_a_download_is_what_it_shows(reader, server):
    with reader.expect_download() as download:
        reader.goto("about:blank")
        url = f"{server[0]}/files/f/private/{quote(chr(0xDC))}bersicht%20{quote(chr(0x202E))}fdp.zip"
        reader.evaluate("url => { location.href = url }", url)
    assert download.value.suggested_filename == "\u00dcbersicht _fdp.zip"


@pytest.mark.parametrize(
    "html",
    [
        '<script src="/files/f/private/a.js"></script>',
        '<script type="module" src="/files/f/private/a.js"></script>',
        '<link rel="stylesheet" href="/files/f/private/a.css">',
    ],
    ids=["script", "module", "stylesheet"],
)
def test_a_page_of_the_site_cannot_run_or_apply_an_upload(reader, server, html):
    show(reader, server[0], html)
    assert "/ran" not in reader.asked
    assert reader.title() == ""
    assert reader.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"


def test_an_upload_is_no_worker_of_the_site(reader, server):
    show(reader, server[0], "")
    worker = (
        "new Promise(done => { const it = new Worker('/files/f/private/a.js'); it.onerror = () => done('refused') })"
    )
    assert reader.evaluate(worker) == "refused"
    register = "navigator.serviceWorker.register('/files/f/private/a.js').then(() => 'registered', () => 'refused')"
    assert reader.evaluate(register) == "refused"
    assert "/ran" not in reader.asked


LOADED = """new Promise(done => {
    const image = document.querySelector('img');
    if (image.complete) done(image.naturalWidth > 0);
    image.onload = () => done(true); image.onerror = () => done(false);
})"""


def test_pages_of_the_site_embed_its_files_and_pages_of_others_do_not(reader, server):
    ours, others = server
    image = f'<img src="{ours}/files/f/private/a.png">'
    show(reader, ours, image)
    assert reader.evaluate(LOADED) is True
    show(reader, others, image)
    assert reader.evaluate(LOADED) is False
    fetched = f"fetch('{ours}/files/f/private/a.png', {{mode: 'no-cors'}}).then(() => 'answer', () => 'blocked')"
    assert reader.evaluate(fetched) == "blocked"


def has_viewer(page) -> bool:
    """Whether the browser's own viewer shows a document in the page."""
    return any(frame.url.startswith("chrome-extension://") for frame in page.frames)


def test_a_pdf_is_shown_and_only_the_site_may_frame_it(reader, server):
    ours, others = server
    answer = reader.goto(f"{ours}/files/f/private/a.pdf")
    assert answer.status == 200
    assert reader.evaluate("document.contentType") == "application/pdf"
    assert any(has_viewer(reader) or reader.wait_for_timeout(100) for _ in range(1200))
    failed = []
    reader.on("requestfailed", lambda request: failed.append(request.url))
    show(reader, others, f'<iframe src="{ours}/files/f/private/a.pdf"></iframe>')
    # The viewer of the page before gives up requests of its own.
    assert {url for url in failed if url.startswith("http")} == {f"{ours}/files/f/private/a.pdf"}
    assert not has_viewer(reader)


def test_a_video_is_sought_by_ranges(reader, server):
    statuses = []
    reader.on("response", lambda response: response.url.endswith(".webm") and statuses.append(response.status))
    show(reader, server[0], '<video src="/files/f/private/a.webm" preload="auto"></video>')
    seek = """new Promise(done => {
        const video = document.querySelector('video');
        video.onseeked = () => done(video.currentTime > 0.4);
        video.currentTime = 0.5;
    })"""
    assert reader.evaluate(seek) is True
    assert set(statuses) == {206}
