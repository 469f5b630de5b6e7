"""README.md and docs/: their links lead somewhere, and docs/options.md names every option and verb."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from probecost.cli.main import VERBS, probecost

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
OPTIONS = (PROJECT / "docs" / "options.md").read_text()
#: Files of the package that may name a page.
SOURCES = [path for ending in ("*.py", "*.yaml") for path in sorted((PROJECT / "probecost").rglob(ending))]


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> Iterator[str]:
    """Anchors of all headings, by GitHub's rule: small letters, no punctuation, hyphens for blanks."""
    for heading in re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def dead(link: str, base: Path) -> bool:
    """True if a relative link has no file or, in a page, no heading."""
    name, _, anchor = unquote(link).partition("#")
    target = base.parent / name if name else base
    return not target.exists() or (bool(anchor) and (target.suffix != ".md" or anchor not in anchors(target)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    assert [link for link in links if not re.match(r"[a-z]+:", link) and dead(link, page)] == []


def test_every_page_is_linked_from_the_first() -> None:
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)", prose(PAGES[0])))
    assert [f"docs/{page.name}" for page in PAGES[1:] if f"docs/{page.name}" not in linked] == []


def test_the_code_names_pages_that_exist() -> None:
    named = re.compile(r"\b(?:docs/[\w-]+|README)\.md(?:#[\w-]+)?")
    links = {(path.name, link) for path in SOURCES for link in named.findall(path.read_text())}
    assert links
    assert [each for each in sorted(links) if dead(each[1], PROJECT / "README.md")] == []


def test_every_option_of_pytest_is_explained() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--help"]
    text = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    group = re.search(r"^probecost: .*?:\n(.*?)^\S", text, flags=re.DOTALL | re.MULTILINE)
    assert group is not None
    options = re.findall(r"^  (--[\w-]+)", group[1], flags=re.MULTILINE)
    assert "--env" in options
    assert [option for option in options if not re.search(rf"^\| `{option}[ `]", OPTIONS, flags=re.MULTILINE)] == []


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_is_explained_with_its_options(verb: str) -> None:
    assert f"| `probecost {verb} " in OPTIONS
    command = probecost.get_command(click.Context(probecost), verb)
    assert command is not None
    options = [
        name for each in command.params if isinstance(each, click.Option) for name in each.opts if name != "--help"
    ]
    assert [name for name in options if not re.search(rf"{name}(?![\w-])", OPTIONS)] == []
