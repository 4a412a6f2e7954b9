"""How Sphinx makes the pages of this directory a site: ``make docs``. It asks no network for anything."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pygments.lexers.shell import BashLexer
from sphinx.application import Sphinx

_PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _PROJECT["name"]
release = version = _PROJECT["version"]
copyright = "the authors; MIT licence"  # noqa: A001 - Sphinx's name for it
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["tables.css"]
# Headings get the anchors that GitHub gives them, so that links between the pages work in both places.
myst_heading_anchors = 4
myst_links_external_new_tab = False
# The pages also link to files of the repository, which are not part of the site.
nitpicky = True


def setup(app: Sphinx) -> None:
    """Show files of variables as what a shell would make of them: Pygments does not know the name."""
    app.add_lexer("dotenv", BashLexer)
