"""What is wrong with a results tree: errors of parsers, and the problems that the reports list."""

from __future__ import annotations

import errno
import fnmatch
import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic_core import from_json

from probecost.errors import ProbecostError

MAX_BYTES = 256 << 20
MAX_JSON = 64 << 20
_JSON = json.JSONDecoder()


class ParseError(ProbecostError):
    """A result file that holds no usable data; the message is the reason, without the path."""


class Kind(StrEnum):
    """What a problem means for who trusts the data."""

    MISSING = "missing"
    IMPLAUSIBLE = "implausible"
    VOID = "void"
    REMARK = "remark"


@dataclass(frozen=True)
class Problem:
    """One thing that is missing from, or doubtful in, a results tree.

    ``missing``: data that should be there cannot be used, its cells are N/A. Otherwise the data are used and should be
    read with care, or, with ``is_void``, a gate does not let them count though nothing is wrong with the file;
    ``is_short``: because the generator did not measure as long as it should. ``is_remark``: nothing is wrong, it is
    told so that it is known. The identifying fields are empty where they are unknown (damaged metadata).
    """

    path: Path
    reason: str
    missing: bool
    environment: str = ""
    iteration: int = 0
    case_key: str = ""
    visit_id: str = ""
    arm: str = ""
    unit: int = 0
    perf_test: str = ""
    conn_type: str = ""
    is_void: bool = False
    is_short: bool = False
    is_remark: bool = False

    @property
    def is_unused(self) -> bool:
        """Whether the data are there and do not count."""
        return self.is_void and not self.missing

    @property
    def kind(self) -> Kind:
        if self.missing:
            return Kind.MISSING
        if self.is_remark:
            return Kind.REMARK
        return Kind.VOID if self.is_void and not self.is_short else Kind.IMPLAUSIBLE

    def text(self, root: Path) -> str:
        """One line: which perf test of which visit, why, and the file relative to ``root``."""
        parts = [
            f"unit {self.unit}" if self.unit else "",
            f"{self.arm} visit" if self.arm else "",
            f"{self.perf_test} {self.conn_type}".strip(),
        ]
        where = ", ".join(part for part in parts if part)
        path = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        return f"{where + ': ' if where else ''}{self.reason} ({path})"


def read_text(path: Path) -> str:
    """The file's text (bytes that are not UTF-8 replaced).

    ``ParseError`` when it is absent, unreadable, empty or too long, or no plain file: a tree may come from anywhere.
    """
    try:
        # A pipe without a writer must not keep us, and a link may lead to any file of this machine.
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(opened)
            if not stat.S_ISREG(status.st_mode):
                raise ParseError("it is no plain file")
            if status.st_size > MAX_BYTES:
                raise ParseError(f"the file has {status.st_size} bytes, more than {MAX_BYTES}")
            text = _read(opened, status.st_size).decode("utf-8", "replace")
        finally:
            os.close(opened)
    except FileNotFoundError:
        raise ParseError("the file is missing") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ParseError("it is a link, no plain file") from None
        raise ParseError(f"the file cannot be read: {error.strerror or error}") from None
    if not text or text.isspace():
        raise ParseError("the file is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _read(opened: int, size: int) -> bytes:
    """Up to ``size`` bytes: nearly always what one call gives, and a file object is not needed for that."""
    data = os.read(opened, size)
    while len(data) < size and (more := os.read(opened, size - len(data))):
        data += more
    return data


def named_like(folder: Path, pattern: str) -> list[Path]:
    """What lies in ``folder`` under a name that matches, sorted; nothing where it cannot be read.

    (As ``Path.glob``, in a third of the time.)
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return []
    return [folder / name for name in sorted(fnmatch.filter(names, pattern))]


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder; ``False`` also where that may not be asked."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Whether ``path`` is a file; ``False`` also where that may not be asked."""
    try:
        return path.is_file()
    except OSError:
        return False


def parse_object(text: str) -> Mapping[str, object]:
    """The one JSON object in ``text``; a generator's warnings before and after it are passed over.

    Raises ``ParseError`` for no object, a truncated one, or more than one.
    """
    if len(text) > MAX_JSON:
        raise ParseError(f"has {len(text)} characters, more than {MAX_JSON}")
    try:
        value = from_json(text)
    except ValueError:
        return _object_among(text)
    return value if isinstance(value, dict) else _object_among(text)


def _object_among(text: str) -> Mapping[str, object]:
    """The object in a text that is not JSON as a whole, and what is wrong where there is none.

    (The standard library's parser is half as fast, and says where an object ends.)
    """
    start = text.find("{")
    if start < 0:
        raise ParseError("holds no JSON object")
    try:
        value, end = _JSON.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"broken or truncated JSON: {error}") from None
    if "{" in text[end:]:
        raise ParseError("holds more than one JSON object: which one belongs here is unknown")
    assert isinstance(value, dict)  # raw_decode started at a brace
    return value


def child(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    """The object under ``key``, empty when it is absent or something else."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def number(parent: Mapping[str, object], key: str) -> float | None:
    """The finite number under ``key``, ``None`` when there is none (``true`` is not a number, nor is NaN)."""
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def whole(parent: Mapping[str, object], key: str) -> int | None:
    """The integer under ``key``, kept exact (nanoseconds do not fit a float); ``None`` when there is none."""
    value = parent.get(key)
    if type(value) is int:
        return value
    rough = number(parent, key)
    return int(rough) if rough is not None and rough.is_integer() else None


def words(parent: Mapping[str, object], key: str) -> str:
    """The text under ``key``; numbers as text, anything else as an empty string."""
    value = parent.get(key)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
