"""What a tool wrote, for messages: the end of a stream without the compiler's warnings, and whether it gave up."""

import os
import re
from typing import List

TAIL_BYTES = 2000
_READ_BYTES = 64 << 10  # the warnings of one BCC program may be tens of KB
_WARNING = re.compile(r"^\S[^\n]*?:\d+:\d+: (?:warning|note): |^In file included from |^\s+from \S+:\d+[,:]")
_COUNT = re.compile(r"^\d+ warnings? generated\.?$")
_CARET = re.compile(r"^[\s\d|]*[~^][\s~^-]*$")
_MOST_CONTEXT = 4  # lines of a warning below its first: the source, a caret, a proposal
_GAVE_UP = re.compile(
    r"\b(?:failed|could not|couldn't|cannot|can't|unable) (?:to )?attach|\bno probes? (?:were |was |is |are )?attached"
    r"|\battached (?:to )?(?:0|no) probes?\b|\b0 probes? attached|\berror attaching\b",
    re.IGNORECASE,
)


def tail(path: str) -> str:
    """The last lines of a file as text."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _READ_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(without_warnings(text.splitlines())).strip()[-TAIL_BYTES:]


def gave_up(text: str) -> bool:
    """Whether a tool reports that a probe, or none, could be attached."""
    return bool(_GAVE_UP.search(text))


def without_warnings(lines: List[str]) -> List[str]:
    """Without warnings and notes of clang or gcc, and the source lines that they quote."""
    kept: List[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if _WARNING.match(line):
            quoted = lines[at : at + _MOST_CONTEXT]
            carets = [number for number, one in enumerate(quoted) if _CARET.match(one) and one.strip()]
            at += carets[0] + 1 if carets else 0
        elif not _COUNT.match(line.strip()):
            kept.append(line)
    return kept
