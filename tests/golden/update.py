"""Writes what is expected of the reports anew, or stores the tree of a run.

    python tests/golden/update.py                      all expected files, from the stored trees
    python tests/golden/update.py visits versions      only these trees and comparisons
    python tests/golden/update.py --store NAME RUN     keep the run in the folder RUN as tests/golden/NAME/tree.tar.xz

Look at the differences (``git diff tests/golden``) before they are committed: each of them is one that users see.
A tree is stored without its reports, and of each output of a tool only the first lines are kept.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
#: Outputs of tools are long, and no report needs more of them.
MOST_OUTPUT = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="trees and comparisons; all of them where none is named")
    parser.add_argument("--store", nargs=2, metavar=("NAME", "RUN"), help="keep a run as this tree, and do no more")
    options = parser.parse_args()
    sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]
    if options.store:
        store(options.store[0], Path(options.store[1]).resolve())
    else:
        update(options.names)


def update(names: list[str]) -> None:
    from helpers import golden_files as golden

    known = [each.name for each in (*golden.TREES, *golden.COMPARISONS_OF)]
    if unknown := sorted(set(names) - set(known)):
        sys.exit(f"{', '.join(unknown)}: expected some of {', '.join(known)}")
    for tree in golden.TREES:
        if not names or tree.name in names:
            with tempfile.TemporaryDirectory() as place:
                golden.write_expected(tree.expected, golden.tree_files(tree, Path(place)))
    for comparison in golden.COMPARISONS_OF:
        if not names or comparison.name in names:
            with tempfile.TemporaryDirectory() as place:
                files = golden.comparison_files(comparison, Path(place))
                golden.write_expected(golden.GOLDEN / golden.COMPARISONS / comparison.name, files)


def store(name: str, run: Path) -> None:
    """The same bytes for the same run: sorted, without times and owners."""
    from helpers import golden_files as golden

    if not run.is_dir():
        sys.exit(f"{run}: no such folder")
    target = golden.GOLDEN / name / golden.ARCHIVE
    target.parent.mkdir(exist_ok=True)
    with tarfile.open(target, "w:xz", preset=9) as archive:
        for path in sorted(run.rglob("*")):
            inside = path.relative_to(run)
            if inside.parts[0] == "reports":
                continue
            entry = tarfile.TarInfo(f"{run.name}/{inside.as_posix()}")
            if path.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
                continue
            content = path.read_bytes()
            if "_output_" in path.name and len(content) > MOST_OUTPUT:
                content = content[: content.index(b"\n", MOST_OUTPUT) + 1]
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main()
