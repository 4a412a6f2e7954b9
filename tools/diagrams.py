"""Draw docs/pictures/: who says what to whom, as SVG. With --check, say whether the files are stale."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"

PROCESS, ENTRA, STORAGE, BROWSER = "your process", "Microsoft Entra ID", "Azure Storage", "browser"
COLLECT, SITE = "collectstatic", "running servers"
# Name of the file -> who takes part, from left to right; what is said: from, to, text. To oneself: what is computed.
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
}

LANE, STEP, TOP, BOX = 300, 44, 60, 150
# The picture stands on light and on dark pages.
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2933;text-anchor:middle}"
    "rect{fill:#e6f0fa;stroke:#2b6cb0}line,path{stroke:#2b6cb0;fill:none}.life{stroke:#b0bec9;stroke-dasharray:4}"
    "@media(prefers-color-scheme:dark){text{fill:#dfe7ee}rect{fill:#1d2f42;stroke:#7fb2e5}"
    "line,path{stroke:#7fb2e5}.life{stroke:#51606e}}"
)


def draw(actors: list[str], steps: list[tuple[str, str, str]]) -> str:
    """Return a sequence diagram as the text of an SVG file."""
    width, height = LANE * len(actors), TOP + STEP * len(steps) + 24
    x = {actor: LANE * number + LANE // 2 for number, actor in enumerate(actors)}
    said = "; ".join(f"{source} to {target}: {text}" for source, target, text in steps)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">',
        f"<title>{escape(said)}</title>",
        f"<style>{STYLE}</style>",
        '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
        '<path d="M0 0L8 4L0 8"/></marker>',
    ]
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
    return "\n".join([*lines, "</svg>", ""])


def main(arguments: list[str]) -> int:
    """Write the pictures, or compare them; return an exit status."""
    FOLDER.mkdir(exist_ok=True)
    stale = []
    for name, (actors, steps) in DIAGRAMS.items():
        path, text = FOLDER / f"{name}.svg", draw(actors, steps)
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
