"""Puts the page's data, style and scripts into its one HTML file.

All data of nodes and results trees are in the JSON blocks alone, and nothing in these can end its block or be read as
HTML: every ``<``, ``>`` and ``&`` is written as ``\\u003c`` and so on. The content security policy allows only the
script and the style of this file, by their hashes, and no loading from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files

from probecost.analysis.report.page.model import Page, plain

#: In the order in which they are joined: each uses the earlier ones.
SCRIPTS = ("dom.js", "words.js", "plot.js", "charts.js", "forest.js", "table.js", "cases.js", "main.js")
_ASSETS = files("probecost.analysis.report.page") / "assets"
_PLACES = re.compile(r"@(policy|style|page|details|script)@")
_HARMLESS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def html_text(page: Page, details: Iterable[str]) -> str:
    """The whole file. ``details``: the ``json_text`` of each case, a block that is parsed when the case is opened."""
    style, script = _read("page.css"), "\n".join(_scripts())
    parts = {
        "policy": policy(style, script),
        "style": style,
        "page": json_block("page", json_text(page)),
        "details": "\n".join(json_block(f"data-{at}", detail) for at, detail in enumerate(details)),
        "script": script,
    }
    return _PLACES.sub(lambda place: parts[place[1]], _read("page.html"))


def json_text(value: object) -> str:
    """Data of the page as JSON that is plain text in HTML.

    >>> json_text("</script><!--")
    '"\\\\u003c/script\\\\u003e\\\\u003c!--"'
    """
    text = json.dumps(plain(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&]", lambda at: _HARMLESS[at[0]], text)


def json_block(name: str, text: str) -> str:
    """A script element with a ``json_text``, which is not executed."""
    return f'<script type="application/json" id="{name}">{text}</script>'


def policy(style: str, script: str) -> str:
    """The content security policy of a page with only this style and this script."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _scripts() -> Iterator[str]:
    """All scripts in one function, so that their names are not global."""
    yield '"use strict";\n(() => {'
    for name in SCRIPTS:
        yield f"// {name}\n{_read(name)}"
    yield "})();"


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
