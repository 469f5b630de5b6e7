from itertools import pairwise
from pathlib import Path

import pytest

from probecost.config.documents import dotted, read_json, read_yaml, read_yaml_key, shorten
from probecost.errors import ConfigError


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


class TestYaml:
    def test_each_key_and_item_knows_its_line(self, tmp_path: Path) -> None:
        document = read_yaml(write(tmp_path, "a.yaml", "a: 1\nb:\n  c: [x,\n     y]\n  d:\n    - e: 2\n"))
        assert document.data == {"a": 1, "b": {"c": ["x", "y"], "d": [{"e": 2}]}}
        assert document.line(("b", "c")) == 3
        assert document.line(("b", "c", 1)) == 4
        assert document.line(("b", "d", 0, "e")) == 6

    def test_a_missing_key_is_at_the_line_of_what_would_hold_it(self, tmp_path: Path) -> None:
        document = read_yaml(write(tmp_path, "a.yaml", "a: 1\nb:\n  c: 1\n"))
        assert document.line(("b", "missing", "deeper")) == 2
        assert document.line(("nowhere",)) == 1

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("on", "on"),
            ("no", "no"),
            ("010", "010"),
            ("12:30:45", "12:30:45"),
            ("2026-01-02", "2026-01-02"),
            ("0.50", "0.50"),
            ("1e3", "1e3"),
            ("true", True),
            ("null", None),
            ("-7", -7),
            ("0.5", 0.5),
            ("'7'", "7"),
        ],
    )
    def test_scalars_mean_what_yaml_1_2_says(self, tmp_path: Path, text: str, value: object) -> None:
        data = read_yaml(write(tmp_path, "a.yaml", f"a: {text}\n")).data
        assert isinstance(data, dict)
        assert data["a"] == value
        assert type(data["a"]) is type(value)

    def test_broken_yaml_names_file_line_and_column(self, tmp_path: Path) -> None:
        file = write(tmp_path, "a.yaml", "a: 1\nb: [1, 2\nc: 3\n")
        with pytest.raises(ConfigError, match=rf"{file}:3:2: broken YAML"):
            read_yaml(file)

    def test_a_tab_is_broken_yaml_with_its_line(self, tmp_path: Path) -> None:
        file = write(tmp_path, "a.yaml", "a:\n\tb: 1\n")
        with pytest.raises(ConfigError, match=rf"{file}:2:1: broken YAML"):
            read_yaml(file)

    def test_a_control_character_is_broken_yaml_with_its_line(self, tmp_path: Path) -> None:
        file = write(tmp_path, "a.yaml", "a: 1\nb: \x01\n")
        with pytest.raises(ConfigError, match=rf"{file}:2: broken YAML"):
            read_yaml(file)

    def test_a_key_that_repeats_is_an_error(self, tmp_path: Path) -> None:
        file = write(tmp_path, "a.yaml", "a:\n  b: 1\n  c: 2\n  b: 3\n")
        with pytest.raises(ConfigError, match=rf"{file}:4: a.b: .*this key is repeated"):
            read_yaml(file)

    def test_merge_keys_and_anchors_work(self, tmp_path: Path) -> None:
        document = read_yaml(write(tmp_path, "a.yaml", "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n"))
        assert document.data == {"a": {"b": 1}, "c": {"b": 1, "d": 2}}

    def test_an_alias_to_what_holds_it_ends(self, tmp_path: Path) -> None:
        document = read_yaml(write(tmp_path, "a.yaml", "a: &x\n  - *x\nb: 1\n"))
        assert document.line(("b",)) == 3

    def test_aliases_that_multiply_are_refused(self, tmp_path: Path) -> None:
        levels = [f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]" for below, name in pairwise("abcdefgh")]
        file = write(tmp_path, "a.yaml", "\n".join(["a: &a [x]", *levels]))
        with pytest.raises(ConfigError, match=rf"{file}: too large: more than \d+ keys"):
            read_yaml(file)

    def test_keys_are_text(self, tmp_path: Path) -> None:
        text = "1: a\ntrue: b\n2001-01-01: c\nd: &x {5: e}\nf: {<<: *x, 6: g}\n"
        document = read_yaml(write(tmp_path, "a.yaml", text))
        five, six = {"5": "e"}, {"5": "e", "6": "g"}
        assert document.data == {"1": "a", "true": "b", "2001-01-01": "c", "d": five, "f": six}

    @pytest.mark.parametrize(
        "value", ["!!int x", "!!int ''", "!!float x", "!!bool x", "!!timestamp x", "!!map x", "!!map [1]", "!!seq x"]
    )
    def test_a_value_that_does_not_fit_its_tag(self, tmp_path: Path, value: str) -> None:
        file = write(tmp_path, "a.yaml", f"a: 1\nb: {value}\n")
        with pytest.raises(ConfigError, match=rf"{file}:2:4: broken YAML"):
            read_yaml(file)

    def test_half_a_character(self, tmp_path: Path) -> None:
        file = write(tmp_path, "a.yaml", 'a: 1\nb: "\\ud800"\n')
        with pytest.raises(ConfigError, match=rf"{file}:2:4: broken YAML: .*half a character"):
            read_yaml(file)

    def test_a_number_of_thousands_of_digits_is_text(self, tmp_path: Path) -> None:
        digits = "9" * 5000
        assert read_yaml(write(tmp_path, "a.yaml", f"a: {digits}")).data == {"a": digits}
        assert read_json(write(tmp_path, "a.json", f"[{digits}]")).data == [digits]

    def test_files_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no such file"):
            read_yaml(tmp_path / "absent.yaml")
        (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
        with pytest.raises(ConfigError, match="UTF-8"):
            read_yaml(tmp_path / "latin.yaml")


class TestJson:
    def test_each_key_and_item_knows_its_line(self, tmp_path: Path) -> None:
        text = '{\n  "a": [\n    {"b": "x, {y"},\n    {\n      "b": []\n    },\n    3\n  ],\n  "c": {}\n}\n'
        document = read_json(write(tmp_path, "a.json", text))
        assert document.line(("a", 0, "b")) == 3
        assert document.line(("a", 1)) == 4
        assert document.line(("a", 1, "b")) == 5
        assert document.line(("a", 2)) == 7
        assert document.line(("c",)) == 9

    def test_a_bare_list_has_lines_too(self, tmp_path: Path) -> None:
        document = read_json(write(tmp_path, "a.json", '[\n\t{"id": 1},\n\t{"id": 2}\n]'))
        assert document.line((1, "id")) == 3

    def test_broken_json_names_file_line_and_column(self, tmp_path: Path) -> None:
        file = write(tmp_path, "a.json", '{\n  "a": 1,\n  "b" 2\n}')
        with pytest.raises(ConfigError, match=rf"{file}:3:7: broken JSON"):
            read_json(file)

    def test_half_a_character(self, tmp_path: Path) -> None:
        file = write(tmp_path, "a.json", '{"a": "\\ud83d\\ude00",\n"b": "\\ud83d"}')
        with pytest.raises(ConfigError, match=rf"{file}:2: broken JSON: .*half a character"):
            read_json(file)
        assert read_json(write(tmp_path, "b.json", '["\\ud83d\\ude00"]')).data == ["\U0001f600"]

    def test_a_key_that_repeats_is_an_error(self, tmp_path: Path) -> None:
        file = write(tmp_path, "a.json", '{"a": [{"b": 1,\n "b": 2}]}')
        with pytest.raises(ConfigError, match=rf"{file}:2: a\[0\].b"):
            read_json(file)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\ngenerated:\n  inputs: {x: '1'}\n\n  # more\n  by: me\nb: [\n", {"inputs": {"x": "1"}, "by": "me"}),
        ("generated: {inputs: {x: '1'}}\nb: 2\n", {"inputs": {"x": "1"}}),
        ('{"a": 1, "generated": {"by": "me"}}', {"by": "me"}),
        ("a:\n  generated: 1\n", None),
        ("a: 1\n", None),
        ("generated: 5", 5),
    ],
)
def test_one_key_of_a_file(tmp_path: Path, text: str, value: object) -> None:
    assert read_yaml_key(write(tmp_path, "a.yaml", text), "generated") == value


def test_one_key_of_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.yaml:1:12: broken YAML"):
        read_yaml_key(write(tmp_path, "a.yaml", "generated: ]\n"), "generated")


def test_values_and_problems_by_path(tmp_path: Path) -> None:
    document = read_yaml(write(tmp_path, "a.yaml", "a:\n  - b: 1\n"))
    assert document.get(("a", 0, "b")) == 1
    assert document.get(("a", 5, "b")) is None
    assert document.get(("a", "b"), "absent") == "absent"
    assert document.problem(("a", 0, "b"), "expected text", value=1) == f"{document.file}:2: a[0].b = 1: expected text"
    assert document.problem((), "is empty") == f"{document.file}:1: is empty"
    assert dotted(("a", 0, "b", "c")) == "a[0].b.c"


@pytest.mark.parametrize("key", ["password", "ssh_password", "passwd", "private_key", "api_token", "SECRET_x"])
def test_what_may_be_a_secret_is_not_shown(tmp_path: Path, key: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"nodes:\n  web:\n    {key}: hunter2\n")
    document = read_yaml(file)
    told = document.problem(("nodes", "web", key), "unknown key", value=document.get(("nodes", "web", key)))
    assert "hunter2" not in told
    assert f"nodes.web.{key} = (not shown): unknown key" in told


def test_the_password_of_a_destination_is_not_shown() -> None:
    assert shorten("root:hunter2@192.0.2.1:22") == '"root:***@192.0.2.1:22"'
    assert shorten("root@192.0.2.1:22") == '"root@192.0.2.1:22"'
