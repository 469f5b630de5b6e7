"""The end of what a tool wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from probecost.remote.supervisor.output import TAIL_BYTES, gave_up, tail

BCC = """\
In file included from /virtual/main.c:2:
In file included from include/uapi/linux/ptrace.h:142:
./arch/x86/include/asm/ptrace.h:17:9: warning: 'CONFIG_X86' macro redefined [-Wmacro-redefined]
#define CONFIG_X86 1
        ^
<command line>:3:9: note: previous definition is here
#define CONFIG_X86 2
        ^
/virtual/main.c:30:5: warning: unused variable 'x' [-Wunused-variable]
   30 |     int x;
      |         ^
3 warnings generated.
cannot attach kprobe, probe entry may not exist
Failed to attach BPF program kprobe__no_such to kprobe no_such
"""


def written(tmp_path: Path, text: str) -> str:
    file = tmp_path / "err.log"
    file.write_text(text)
    return tail(str(file))


def test_compiler_warnings_do_not_hide_the_reason(tmp_path: Path) -> None:
    assert written(tmp_path, BCC).splitlines() == [
        "cannot attach kprobe, probe entry may not exist",
        "Failed to attach BPF program kprobe__no_such to kprobe no_such",
    ]


def test_a_reason_before_many_warnings_is_found(tmp_path: Path) -> None:
    warning = "a.c:1:1: warning: w\nint x;\n    ^\n"
    assert written(tmp_path, "the reason\n" + warning * 500) == "the reason"


def test_errors_of_the_compiler_stay(tmp_path: Path) -> None:
    text = "/virtual/main.c:3:1: error: unknown type name 'foo'\nfoo bar;\n^"
    assert written(tmp_path, text) == text


def test_only_the_end_of_a_long_text(tmp_path: Path) -> None:
    assert written(tmp_path, "x" * 10_000 + "end")[-4:] == "xend"
    assert len(written(tmp_path, "x" * 10_000)) == TAIL_BYTES


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert tail(str(tmp_path / "none")) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BCC, True),
        ("No probes attached", True),
        ("ERROR: Could not attach probe", True),
        ("libbpf: prog 'x': failed to attach: ENOENT", True),
        ("Attaching 3 probes...", False),
        ("Tracing, hit Ctrl-C to end", False),
    ],
)
def test_what_says_that_nothing_is_attached(text: str, expected: bool) -> None:
    assert gave_up(text) is expected
