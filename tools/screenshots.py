"""Make the pictures of the console and of the demo in docs/pictures/: sites on Azurite, looked at by Chromium.

python tools/screenshots.py [FOLDER]
"""

from __future__ import annotations

import io
import json
import os
import runpy
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ.setdefault("AZURITE_BIN", str(ROOT / "tools/azurite/node_modules/.bin/azurite-blob"))

from django.core.files.base import ContentFile  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from storage_router import AzureStorage  # noqa: E402
from storage_router.files import FileSettings  # noqa: E402
from tests.browser.conftest import ARGUMENTS  # noqa: E402
from tests.console.project import PASSWORD  # noqa: E402
from tests.demo_process import DemoProcess  # noqa: E402
from tests.kit import servers  # noqa: E402
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME, Azurite  # noqa: E402

CONSOLE = "/admin/storage_router_console/console/"
DRAWING = runpy.run_path(str(ROOT / "example/library/drawing.py"))
MOVE = {"router": "default", "route": 'prefix "archive/"', "old": "media", "new": "bulk"}
SHARDS = [
    *({"state": "done", "copied": 4_210, "size": 91 * 2**20} for _ in range(5)),
    {"state": "failed", "failed": 1, "errors": [["archive/2019/plan.dwg", "Azure says HTTP 403 (request id 5f0c…)."]]},
    {"state": "running", "copied": 1_180, "size": 22 * 2**20},
    {"state": "waiting"},
]


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        demo(browser, folder)
        console(browser, folder)
        browser.close()


def demo(browser: Browser, folder: Path) -> None:
    """Take the pictures of the page of ``make demo``, for a wide and for a narrow screen."""
    with DemoProcess() as process:
        for name, width, last in (("demo", 1180, "Documents"), ("demo-narrow", 390, "Store a file")):
            page = browser.new_context(viewport={"width": width, "height": 800}).new_page()
            page.goto(process.page, wait_until="networkidle")
            box = page.locator("section", has=page.get_by_role("heading", name=last)).bounding_box()
            assert box is not None
            page.set_viewport_size({"width": width, "height": int(box["y"] + box["height"] + 20)})
            keep(page, folder / f"{name}.png", full_page=False)
            page.context.close()


def console(browser: Browser, folder: Path) -> None:
    """Take the pictures of the console."""
    with Azurite() as azurite, tempfile.TemporaryDirectory() as temporary:
        options = filled(azurite)
        given = {"options": options, "database": str(Path(temporary) / "db.sqlite3"), "move": MOVE, "shards": SHARDS}
        with servers.web(
            "gunicorn",
            "tests.console.project:application()",
            Path(temporary),
            "--threads",
            "4",
            CONSOLE_PROJECT=json.dumps(given),
        ) as address:
            for name, width, scheme, where in (
                ("console-overview", 1200, "light", ""),
                ("console-overview-dark", 1200, "dark", ""),
                ("console-overview-narrow", 390, "light", ""),
                ("console-where", 1200, "light", "where/?name=private/2026/contract.pdf"),
                ("console-files", 1200, "light", "files/?path=pictures"),
                ("console-file", 1200, "light", "file/?name=pictures/hills.png"),
                ("console-moves", 1200, "light", "moves/"),
                ("console-files-narrow", 390, "dark", "files/?path=pictures"),
            ):
                page = signed_in(browser, address, width, scheme)
                if not where:
                    page.goto(f"{address}{CONSOLE}")
                    page.click("text=Ask every backend now")
                else:
                    page.goto(f"{address}{CONSOLE}{where}", wait_until="networkidle")
                keep(page, folder / f"{name}.png", full_page=True)
                page.context.close()


def keep(page: Page, path: Path, *, full_page: bool) -> None:
    """Write what the page looks like, in 128 colours, so that the file is small."""
    with Image.open(io.BytesIO(page.screenshot(full_page=full_page))) as shot:
        shot.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


def filled(azurite: Azurite) -> dict[str, Any]:
    """Fill four containers, and return the configuration that routes to them."""
    common = {"account_name": ACCOUNT_NAME, "account_key": ACCOUNT_KEY, "account_url": azurite.account_url()}
    aliases = {"media": {}, "private": {}, "bulk": {"access_tier": "Cool"}, "reports": {"expiration_secs": 300}}
    backends = {}
    for alias, more in aliases.items():
        azurite.create_container(alias, public_access="blob" if alias in ("media", "bulk") else None)
        options = {**common, "azure_container": alias, **more}
        backends[alias] = {"type": "azure", **options}
        fill(alias, AzureStorage(**options))
    backends["lost"] = {"type": "azure", **common, "azure_container": "not-created-yet"}
    return {
        "backends": backends,
        "default": "media",
        "routes": [
            {
                "prefix": "private/",
                "backend": "private",
                "delivery": "stream",
                "authorize": "tests.console.project.may_read",
            },
            {"types": ["video/*", ".psd"], "backend": "bulk"},
            {"glob": "reports/**/*.pdf", "backend": "reports"},
            {"prefix": "incoming/", "backend": "lost"},
            {"prefix": "archive/", "backend": "bulk", "moving_from": "media", "phase": "mirror"},
        ],
    }


def fill(alias: str, storage: AzureStorage) -> None:
    """Store the files of a backend."""
    if alias == "private":
        storage.save("private/2026/contract.pdf", ContentFile(DRAWING["pdf"](["Contract"])))
    if alias == "media":
        picture = DRAWING["png"](DRAWING["landscape"]("#3f6f4a", "#8fc1e3"))
        settings = FileSettings(
            content_type="image/png",
            cache_control="public,max-age=86400",
            metadata={"author": "ada"},
            tags={"album": "hills"},
        )
        storage.create("pictures/hills.png", ContentFile(picture), settings)
        for number in range(12):
            storage.save(f"pictures/view-{number:02}.png", ContentFile(picture))
        storage.save("pictures/2025/lake.png", ContentFile(picture))
        storage.save("pictures/2026/lake.png", ContentFile(picture))


def signed_in(browser: Browser, address: str, width: int, scheme: str) -> Page:
    """Return a page of somebody who is signed in."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{address}/admin/login/?next=/admin/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    return page


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/pictures")
