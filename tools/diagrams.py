"""Draw docs/pictures/ as SVG: who sends what to whom, and what leads where. With --check, report stale files."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures"

PROCESS, ENTRA, STORAGE, BROWSER = "your process", "Microsoft Entra ID", "Azure Storage", "browser"
COLLECT, SITE = "collectstatic", "running servers"
READER, VIEW, NGINX, BACKEND = "browser", "the view", "nginx", "backend"
FIELD, ROUTER, TABLE, AZURE, PIPELINE = "FileField", "RouterStorage", "RouteTable", "AzureStorage", "pipeline"
# Name of the file -> who takes part, from left to right; messages: from, to, text. To oneself: what is computed.
DIAGRAMS: dict[str, tuple[list[str], list[tuple[str, str, str]]]] = {
    "identity": (
        [ENTRA, PROCESS, STORAGE, BROWSER],
        [
            (PROCESS, ENTRA, "who I am: the host vouches for it"),
            (ENTRA, PROCESS, "a token"),
            (PROCESS, STORAGE, "save, open, list, with the token"),
            (PROCESS, STORAGE, "a user delegation key, once an hour"),
            (STORAGE, PROCESS, "the key, good for seven days"),
            (PROCESS, PROCESS, "url(): one HMAC with that key"),
            (PROCESS, BROWSER, "a page with the signed link"),
            (BROWSER, STORAGE, "GET the link"),
            (STORAGE, BROWSER, "the file"),
        ],
    ),
    "account-key": (
        [PROCESS, STORAGE, BROWSER],
        [
            (PROCESS, STORAGE, "save, open, list: each request signed with the key"),
            (PROCESS, PROCESS, "url(): one HMAC with the key"),
            (PROCESS, BROWSER, "a page with the signed link"),
            (BROWSER, STORAGE, "GET the link"),
            (STORAGE, BROWSER, "the file"),
        ],
    ),
    "sas": (
        [PROCESS, STORAGE, BROWSER],
        [
            (PROCESS, STORAGE, "save, open, list, with the SAS in the query"),
            (PROCESS, PROCESS, "url(): the address alone; a SAS cannot sign"),
            (PROCESS, BROWSER, "a page with the unsigned link"),
            (BROWSER, STORAGE, "GET the link"),
            (STORAGE, BROWSER, "the file, if the container is public"),
        ],
    ),
    "publishing": (
        [COLLECT, STORAGE, SITE],
        [
            (COLLECT, STORAGE, "one listing"),
            (COLLECT, COLLECT, "post-processing, on this machine; a failure ends here"),
            (COLLECT, STORAGE, "1. hashed files: css/site.3ef2….css"),
            (COLLECT, STORAGE, "2. plain files: css/site.css"),
            (STORAGE, SITE, "all files of the old manifest, still there"),
            (COLLECT, STORAGE, "3. staticfiles.dd36….json, for prunestatic"),
            (COLLECT, STORAGE, "4. the manifest, staticfiles.json"),
            (SITE, STORAGE, "a server that starts reads the new one"),
            (STORAGE, SITE, "all files that it names, there already"),
        ],
    ),
    "redirect": (
        [READER, VIEW, BACKEND],
        [
            (READER, VIEW, "GET /files/f/private/a.pdf"),
            (VIEW, VIEW, "authorize(request, file)"),
            (VIEW, READER, "302: a signed link of link_seconds"),
            (READER, BACKEND, "GET the link"),
            (BACKEND, READER, "the file"),
        ],
    ),
    "stream": (
        [READER, VIEW, BACKEND],
        [
            (READER, VIEW, "GET /files/f/private/a.pdf"),
            (VIEW, VIEW, "authorize(request, file)"),
            (VIEW, BACKEND, "one request, with range and conditions"),
            (BACKEND, VIEW, "the bytes, in pieces"),
            (VIEW, READER, "200, 206 or 304"),
        ],
    ),
    "accel": (
        [READER, NGINX, VIEW, BACKEND],
        [
            (READER, NGINX, "GET /files/f/private/a.pdf"),
            (NGINX, VIEW, "the request, with accel_secret"),
            (VIEW, VIEW, "authorize(request, file)"),
            (VIEW, NGINX, "X-Accel-Redirect: a link for this file"),
            (NGINX, BACKEND, "GET the link, Range"),
            (BACKEND, NGINX, "the bytes"),
            (NGINX, READER, "the file; the link stays in the server"),
        ],
    ),
    "saving": (
        [FIELD, ROUTER, TABLE, AZURE, PIPELINE],
        [
            (FIELD, ROUTER, 'save("private/a.pdf", content)'),
            (ROUTER, ROUTER, "names: cleaned once"),
            (ROUTER, TABLE, "match(name)"),
            (TABLE, ROUTER, '"private", own name'),
            (ROUTER, AZURE, "save(own name, content)"),
            (AZURE, PIPELINE, "PUT, If-None-Match: *"),
            (PIPELINE, AZURE, "201, or 409: the next name"),
            (AZURE, ROUTER, "the name in the container"),
            (ROUTER, FIELD, "the full name"),
        ],
    ),
}

# Name of the file -> boxes: column, row, width in columns, text; arrows: from a box to a box, text. "|" breaks lines.
Chart = tuple[dict[str, tuple[float, float, float, str]], list[tuple[str, str, str]]]
CHARTS: dict[str, Chart] = {
    "routing": (
        {
            "name": (0, 0, 1, "private/contract.pdf"),
            "static": (1.3, 0, 1.2, '1. prefix "static/"'),
            "private": (1.3, 1, 1.2, '2. prefix "private/"'),
            "video": (1.3, 2, 1.2, '3. types "video/*", ".psd"'),
            "default": (1.3, 3, 1.2, "default"),
            "cdn": (3, 0, 1.4, "backend static|acmecdn / static"),
            "secret": (3, 1, 1.4, "backend private|acmeprivate / private"),
            "bulk": (3, 2, 1.4, "backend bulk|acmefiles / bulk"),
            "media": (3, 3, 1.4, "backend media|acmefiles / media"),
        },
        [
            ("name", "static", ""),
            ("static", "private", "no match"),
            ("private", "video", "no match"),
            ("video", "default", "no match"),
            ("static", "cdn", ""),
            ("private", "secret", "first match"),
            ("video", "bulk", ""),
            ("default", "media", ""),
        ],
    ),
    "moving": (
        {
            "phase": (0, 0, 0.8, "phase"),
            "old": (0, 1, 0.8, "old backend"),
            "new": (0, 2, 0.8, "new backend"),
            "before": (1, 0, 1, "before"),
            "before-old": (1, 1, 1, "read, save, delete"),
            "before-new": (1, 2, 1, "-"),
            "mirror": (2.4, 0, 1, "mirror"),
            "mirror-old": (2.4, 1, 1, "read, save, delete"),
            "mirror-new": (2.4, 2, 1, "save, delete"),
            "switch": (3.8, 0, 1, "switch"),
            "switch-old": (3.8, 1, 1, "read if missing,|save, delete"),
            "switch-new": (3.8, 2, 1, "read, save, delete"),
            "settle": (5.2, 0, 1, "settle"),
            "settle-old": (5.2, 1, 1, "save, delete"),
            "settle-new": (5.2, 2, 1, "read, save, delete"),
            "after": (6.6, 0, 1, "after"),
            "after-old": (6.6, 1, 1, "move finish empties it"),
            "after-new": (6.6, 2, 1, "read, save, delete"),
        },
        [
            ("before", "mirror", ""),
            ("mirror", "switch", "verify"),
            ("switch", "settle", ""),
            ("settle", "after", ""),
            ("mirror-old", "mirror-new", "copy"),
        ],
    ),
}


# Room -> what it holds. A floor's picture says it of those of its rooms that are here.
ROOMS = {
    "apps": "the app",
    "checks": "what Django looks for: checks, views, admin",
    "doctor": "does it work? probes of each backend",
    "provision": "what the accounts need, and creating it",
    "management": "what all commands share; routes, config, schema",
    "installed": "storages in STORAGES and fields; readiness",
    "uploads": "from the browser straight to Azure",
    "delivery": "private files; moves, orphans, dangling rows",
    "tenancy": "each a table of the document",
    "staticfiles": "static files: copied, hashed, published",
    "router": "RouterStorage: full names in and out",
    "factory": "from validated options to storages",
    "azure": "AzureStorage: blobs, requests, signatures",
    "routing": "a name in, a match out; migrations, pickles",
    "conf": "sources, layers, models; pool of async methods",
    "files": "what is known of a file; what happened",
    "names": "legal names, types, locks after a fork",
    "exceptions": "the hierarchy, and Problem",
}


def floors() -> Chart:
    """The rooms of the package, the highest floor first, as tests/test_architecture.py has them."""
    stacked = runpy.run_path(str(ROOT / "tests" / "test_architecture.py"))["FLOORS"][::-1]
    boxes = {}
    for row, rooms in enumerate(stacked):
        boxes[str(row)] = (0.0, row * 0.62, 2.4, " · ".join(sorted(rooms)))
        boxes[f"{row}: held"] = (
            2.4,
            row * 0.62,
            2.2,
            "; ".join(ROOMS[room] for room in sorted(rooms) if room in ROOMS),
        )
    return boxes, []


LANE, NARROW, STEP, TOP, BOX = 300, 210, 44, 60, 150
COLUMN, ROW, HEIGHT = 170, 76, 44
# The picture stands on light and on dark pages.
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2933;text-anchor:middle}"
    "rect{fill:#e6f0fa;stroke:#2b6cb0}line,path{stroke:#2b6cb0;fill:none}.life{stroke:#b0bec9;stroke-dasharray:4}"
    "@media(prefers-color-scheme:dark){text{fill:#dfe7ee}rect{fill:#1d2f42;stroke:#7fb2e5}"
    "line,path{stroke:#7fb2e5}.life{stroke:#51606e}}"
)


def framed(width: float, height: float, title: str, lines: list[str]) -> str:
    """Return the text of an SVG file."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
            '<path d="M0 0L8 4L0 8"/></marker>',
            *lines,
            "</svg>",
            "",
        ]
    )


def sequence(actors: list[str], steps: list[tuple[str, str, str]]) -> str:
    """Return a sequence diagram."""
    lane = LANE if len(actors) < 5 else NARROW
    width, height = lane * len(actors), TOP + STEP * len(steps) + 24
    x = {actor: lane * number + lane // 2 for number, actor in enumerate(actors)}
    lines = []
    for actor in actors:
        lines.append(f'<line class="life" x1="{x[actor]}" y1="40" x2="{x[actor]}" y2="{height - 8}"/>')
        lines.append(f'<rect x="{x[actor] - BOX // 2}" y="8" width="{BOX}" height="32" rx="6"/>')
        lines.append(f'<text x="{x[actor]}" y="29">{escape(actor)}</text>')
    for number, (source, target, text) in enumerate(steps):
        y = TOP + STEP * number + 24
        begin, end = x[source], x[target]
        if source == target:
            lines.append(f'<path d="M{begin} {y - 8}h14v14h-14" marker-end="url(#head)"/>')
            lines.append(f'<text x="{begin + 24}" y="{y + 4}" style="text-anchor:start">{escape(text)}</text>')
        else:
            lines.append(f'<line x1="{begin}" y1="{y}" x2="{end}" y2="{y}" marker-end="url(#head)"/>')
            lines.append(f'<text x="{(begin + end) // 2}" y="{y - 6}">{escape(text)}</text>')
    return framed(width, height, "; ".join(f"{source} to {target}: {text}" for source, target, text in steps), lines)


def chart(boxes: dict[str, tuple[float, float, float, str]], arrows: list[tuple[str, str, str]]) -> str:
    """Return boxes and the arrows between them: to the right from side to side, else down."""
    place = {key: (8 + COLUMN * column, 8 + ROW * row, COLUMN * wide) for key, (column, row, wide, _) in boxes.items()}
    lines = []
    for key, (left, top, width) in place.items():
        rows = boxes[key][3].split("|")
        lines.append(f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{HEIGHT}" rx="6"/>')
        lines += [
            f'<text x="{left + width / 2:g}" y="{top + HEIGHT / 2 + 5 + 17 * (number - (len(rows) - 1) / 2):g}">'
            f"{escape(row)}</text>"
            for number, row in enumerate(rows)
        ]
    for source, target, text in arrows:
        left, top, width = place[source]
        to_left, to_top, to_width = place[target]
        if to_left > left:
            begin, end = (left + width, top + HEIGHT / 2), (to_left, to_top + HEIGHT / 2)
            label, anchor = ((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2 - 6), "middle"
        else:
            begin, end = (left + width / 2, top + HEIGHT), (to_left + to_width / 2, to_top)
            label, anchor = (begin[0] + 8, (begin[1] + end[1]) / 2 + 4), "start"
        x1, y1, x2, y2 = (f"{value:g}" for value in (*begin, *end))
        lines.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" marker-end="url(#head)"/>')
        if text:
            lines.append(f'<text x="{label[0]:g}" y="{label[1]:g}" style="text-anchor:{anchor}">{escape(text)}</text>')
    width = max(left + width for left, _, width in place.values()) + 8
    height = max(top for _, top, _ in place.values()) + HEIGHT + 8
    return framed(width, height, "; ".join(text.replace("|", ": ") for *_, text in boxes.values()), lines)


def pictures() -> dict[str, str]:
    """Return the text of each picture, by its name."""
    charts = CHARTS | {"floors": floors()}
    return {name: sequence(*told) for name, told in DIAGRAMS.items()} | {
        name: chart(*drawn) for name, drawn in charts.items()
    }


def main(arguments: list[str]) -> int:
    """Write the pictures, or compare them; return an exit status."""
    FOLDER.mkdir(exist_ok=True)
    stale = []
    for name, text in pictures().items():
        path = FOLDER / f"{name}.svg"
        if "--check" in arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(path.name)
        else:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name} is stale; run python tools/diagrams.py")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
