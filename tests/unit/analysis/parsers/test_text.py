"""Reading files and folders of a results tree, whatever is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probecost.analysis.parsers.json_fields import parse_object
from probecost.analysis.parsers.text import ParseError, named_like, read_text


def test_line_ends_of_all_kinds_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"one\r\ntwo\rthree\n\xff")
    assert read_text(file) == "one\ntwo\nthree\n\ufffd"


@pytest.mark.parametrize("content", [b"", b" \r\n\t"])
def test_a_file_without_text_is_empty(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a"
    file.write_bytes(content)
    with pytest.raises(ParseError, match="the file is empty"):
        read_text(file)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="missing"):
        read_text(tmp_path / "a")
    opened = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ParseError, match="it is no plain file"):
        read_text(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == opened


def test_names_are_matched_and_sorted(tmp_path: Path) -> None:
    for name in ("cpu_2.log", "cpu_10.log", "memory_1.log", "cpu_1.txt"):
        (tmp_path / name).touch()
    (tmp_path / "cpu_3.log").symlink_to("nowhere")  # listed too: reading it tells that it is missing
    assert [path.name for path in named_like(tmp_path, "cpu_*.log")] == ["cpu_10.log", "cpu_2.log", "cpu_3.log"]
    assert named_like(tmp_path / "absent", "*") == []
    assert named_like(tmp_path / "cpu_1.txt", "*") == []


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, 2.5, null, true, "\\u00e9\\n"], "a": {"b": -0.0}}',
        '{"ns": 123456789012345678901234567890, "s": 0.1234567890123456789, "e": 1e999}',
        '{"a": NaN, "b": -Infinity, "c": Infinity}',
        '{"half": "\\ud800", "raw": "\x00"}'.replace("\x00", "\\u0000"),
        '{"a":' * 300 + "1" + "}" * 300,
        'warning: no such file\n{"a": 1}\niperf3: done',
        '\n {"a": 1}\n',
    ],
    ids=["all kinds", "long numbers", "no numbers", "half a character", "deep", "among words", "among blanks"],
)
def test_an_object_is_read_as_the_standard_library_reads_it(text: str) -> None:
    expected = json.JSONDecoder().raw_decode(text, text.find("{"))[0]
    assert repr(parse_object(text)) == repr(expected)


@pytest.mark.parametrize("text", ["[]", "1", '["{"]', '[{"a": 1}, {"b": 2}]', '{"a": 1', '{"a": 1} {'])
def test_what_is_not_one_object_is_told(text: str) -> None:
    with pytest.raises(ParseError, match="JSON"):
        parse_object(text)
