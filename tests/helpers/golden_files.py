"""Reports of stored results trees, and the files that say what those reports must be, to the byte.

``tests/golden/<tree>/`` holds what a run left (``tree.tar.xz``), the settings that judge it (``settings.yaml``, where
they are not the defaults) and in ``expected/`` all that ``probecost analyze`` and ``probecost validate`` make of it.
``tests/golden/comparisons/`` holds what ``probecost compare`` says of two of the trees. Files are kept as text that
shows readable differences:

- CSV, Markdown, JSON and SVG as they are;
- workbooks (``.xlsx.txt``) as the contents and colours of their cells;
- the page (``report.html.txt``) with a new line after each ``],`` and ``},`` of its data, and with the SHA-256 of its
  style and of its script in their place: those lie beside the code, where their own differences can be read.

Only the folder in which the analysis runs differs from one time to the next: see ``neutral``. ``python
tests/golden/update.py`` writes the expected files anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from openpyxl import load_workbook

GOLDEN = Path(__file__).parents[1] / "golden"
ARCHIVE, SETTINGS, EXPECTED = "tree.tar.xz", "settings.yaml", "expected"
COMPARISONS = "comparisons"
#: What stands in the expected files for the folder in which the analysis ran.
PLACE = "/results"


@dataclass(frozen=True)
class GoldenTree:
    """A stored tree, and how it is judged.

    ``options``: those of ``probecost analyze`` beside the tree, the settings and the formats. ``stored_as``: the name
    of the tree whose files it shares, where it has none of its own.
    """

    name: str
    what: str
    options: tuple[str, ...] = ()
    stored_as: str = ""

    @property
    def archive(self) -> Path:
        return GOLDEN / (self.stored_as or self.name) / ARCHIVE

    @property
    def settings(self) -> Path | None:
        """Its own, or those of the tree that it shares."""
        files = (GOLDEN / name / SETTINGS for name in (self.name, self.stored_as) if name)
        return next((file for file in files if file.exists()), None)

    @property
    def expected(self) -> Path:
        return GOLDEN / self.name / EXPECTED


@dataclass(frozen=True)
class Comparison:
    """Two trees that are compared, by the settings of the first, and the options of ``probecost compare``."""

    name: str
    a: str
    b: str
    options: tuple[str, ...] = ()


TREES = (
    GoldenTree("visits", "8 pairs of visits and a reserve for a void one, two budgets, plain and at half the load"),
    GoldenTree("shared", "a shared baseline, 2 units of two cases, voids on both sides, all six perf tests"),
    GoldenTree("damaged", "the tree of shared, with files that are cut off, empty, missing, no text"),
    GoldenTree("switched", "8 switched flows of a dear tool and of the null case, a broken budget"),
    GoldenTree("switched-void", "the same flows judged by stricter settings, which void half of them", (), "switched"),
    GoldenTree("faster", "switched flows of two versions, the other one dearer: 8 fresh flows confirm it"),
    GoldenTree("versus", "switched flows of two versions, the other one cheaper"),
    GoldenTree("iterations", "two iterations of a dear tool and of the null case, all six perf tests, one unit"),
    GoldenTree(
        "iterations-second",
        "the second of these iterations, and one topic",
        ("--iteration", "2", "--topic", "packet_trace"),
        stored_as="iterations",
    ),
    GoldenTree("fresh", "pairs of visits, a speed-up that 8 fresh pairs confirm; written by the builders of the tests"),
    GoldenTree(
        "hostile", "names and messages that are code for pages and tables; written by the builders of the tests"
    ),
    GoldenTree("older", "the older shape, with files that are damaged; written by the builders of the tests"),
)
COMPARISONS_OF = (
    Comparison("versions", "faster", "versus", ("--allow-different",)),
    Comparison("refused", "faster", "versus"),
)


def probecost(arguments: Sequence[str]) -> str:
    """What a verb writes to the terminal, errors and warnings after the rest, and its exit code in the last line."""
    from probecost.cli.main import main

    said, errors, root = io.StringIO(), io.StringIO(), logging.getLogger()
    warnings = logging.StreamHandler(errors)  # what Python itself does where nobody listens, as in a terminal
    warnings.setLevel(logging.WARNING)
    listening, root.handlers = root.handlers, [warnings]
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
            code = main(list(arguments))
    finally:
        root.handlers = listening
    return f"{said.getvalue()}{errors.getvalue()}exit code {code}\n"


def neutral(text: str, place: Path) -> str:
    """The text with ``PLACE`` for the folder in which the analysis ran: all that depends on where and when it runs."""
    return text.replace(str(place), PLACE)


def tree_files(tree: GoldenTree, place: Path) -> Mapping[str, str]:
    """Every report of the tree and what the verbs say of it, as text by the name of its expected file.

    ``place`` is an empty folder, of which nothing is kept.
    """
    place = place.resolve()
    run, settings = unpack(tree, place)
    reports = place / "reports"
    where = ["--iteration-path", str(run), "--output-dir", str(reports)]
    files = {"analyze.txt": probecost(["analyze", *where, *settings, "--format", "xlsx,svg", *tree.options])}
    files |= {f"reports/{name}": text for name, text in texts(reports)}
    if not tree.options:  # those choose what reports hold; a tree is whole or not
        checked = ["validate", "--results", str(run), *settings]
        files["validate.txt"] = probecost([*checked, "--all"])
        files["validate.json"] = probecost([*checked, "--format", "json"])
    return {name: neutral(text, place) for name, text in sorted(files.items())}


def comparison_files(comparison: Comparison, place: Path) -> Mapping[str, str]:
    """What ``probecost compare`` says and writes of two trees, as text by the name of its expected file."""
    place = place.resolve()
    by_name = {tree.name: tree for tree in TREES}
    run_a, settings = unpack(by_name[comparison.a], place / "a")
    run_b, _ = unpack(by_name[comparison.b], place / "b")
    out = place / "change"
    said = probecost(["compare", str(run_a), str(run_b), "--output-dir", str(out), *settings, *comparison.options])
    files = {"compare.txt": said, **dict(texts(out))}
    return {name: neutral(text, place) for name, text in sorted(files.items())}


def unpack(tree: GoldenTree, place: Path) -> tuple[Path, list[str]]:
    """The tree's folder in ``place``, and the options that name its settings."""
    place.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tree.archive) as archive:
        if hasattr(tarfile, "data_filter"):  # not in Python 3.11.2
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(place)
    (run,) = place.iterdir()
    if tree.settings is None:
        return run, []
    settings = shutil.copy(tree.settings, place / SETTINGS)
    return run, ["--config", str(settings)]


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """All files below a folder, as text by the names of their expected files."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".xlsx":
            yield f"{name}.txt", workbook_text(path)
        elif path.suffix == ".html":
            yield f"{name}.txt", page_text(path.read_bytes().decode())
        else:
            yield name, path.read_bytes().decode()


def workbook_text(path: Path) -> str:
    """The cells of a workbook, a line each that is not empty; with the colour of its ground where it has one."""
    lines = []
    for sheet in load_workbook(path):
        lines.append(f"[{sheet.title}]")
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.value is not None):
            ground = f"  ground {cell.fill.fgColor.rgb}" if cell.fill.fill_type else ""
            form = f"  form {cell.number_format}" if cell.number_format != "General" else ""
            lines.append(f"{cell.coordinate} {cell.value!r}{ground}{form}")
    return "\n".join(lines) + "\n"


def page_text(page: str) -> str:
    """The page as lines that can be compared: see the head of this file."""

    def digest(found: re.Match[str]) -> str:
        return f"{found[1]}SHA-256 {hashlib.sha256(found[2].encode()).hexdigest()}{found[3]}"

    page = re.sub(r"(<(?:style|script)>)(.*?)(</(?:style|script)>)", digest, page, flags=re.DOTALL)
    return re.sub(r"([\]}],)(?!\n)", r"\1\n", page)


def read_expected(folder: Path) -> Mapping[str, str]:
    """The expected files below a folder, by their names."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_expected(folder: Path, files: Mapping[str, str]) -> None:
    """Replace all expected files below a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


def difference(name: str, expected: str | None, found: str | None) -> str:
    """Where a file first differs from the expected one, with the lines before; empty where they are the same."""
    if expected == found:
        return ""
    if expected is None:
        return f"{name}: written, but no file is expected"
    if found is None:
        return f"{name}: expected, but not written"
    pairs = list(zip_longest(_lines(expected), _lines(found)))
    number = next(index for index, (one, other) in enumerate(pairs) if one != other)
    differing = sum(one != other for one, other in pairs)
    one, other = pairs[number]
    at = _first_column(one or "", other or "")
    return "\n".join(
        [
            f"{name}: line {number + 1}, character {at + 1} (lines that differ: {differing})",
            *(f"    {_window(before or '', 0)}" for before, _ in pairs[max(0, number - 2) : number]),
            f"  - {'(the file ends)' if one is None else _window(one, at)}",
            f"  + {'(the file ends)' if other is None else _window(other, at)}",
            "- is expected, + was written; if the change is meant: python tests/golden/update.py",
        ]
    )


def _lines(text: str) -> list[str]:
    """The lines with what ends them, which must be the same too; only a line feed ends one."""
    return [line + "\n" for line in text.split("\n")[:-1]] + ([text.split("\n")[-1]] if text[-1:] != "\n" else [])


def _first_column(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _window(line: str, at: int, width: int = 160) -> str:
    """So much of a long line that the character ``at`` can be seen; what ends it only where it is not a line feed."""
    line = line.removesuffix("\n")
    start = max(0, at - width // 2) if len(line) > width else 0
    shown = line[start : start + width]
    shown = repr(shown)[1:-1] if not shown.isprintable() else shown
    return f"{'...' if start else ''}{shown}{'...' if start + width < len(line) else ''}"
