import shlex
import subprocess

import pytest

from probecost.plan.variables import (
    AbsentValueError,
    UnknownVariableError,
    all_placeholders,
    placeholders,
    render,
    resolve,
)


def command(template: str, **values: str) -> str:
    return render(template, values, ["DEV", "PID"]).command


def test_placeholders_are_single_words_in_braces() -> None:
    assert placeholders("a {x} --y={y_1} {x} {{z}} { @ = count(); } {}") == ("x", "y_1")


def test_values_are_put_in_and_everything_else_is_kept() -> None:
    assert command("sudo  x.py {a},{b} --f={a}", a="1", b="2") == "sudo  x.py 1,2 --f=1"
    assert command("bpftrace -e 'k:x { @ = count(); }' {{a}} {a}", a="1") == "bpftrace -e 'k:x { @ = count(); }' {a} 1"


def test_definitions_may_hold_variables() -> None:
    assert command("x {SRC}", SRC="{ip}", ip="10.0.0.1") == "x 10.0.0.1"
    assert all_placeholders("x {SRC}", {"SRC": "{ip}"}) == {"SRC", "ip"}


@pytest.mark.parametrize("values", [{}, {"a": "{b}"}, {"a": "{a}"}, {"a": "{b}", "b": "{a}"}])
def test_what_nothing_defines_is_an_error(values: dict[str, str]) -> None:
    with pytest.raises(UnknownVariableError):
        resolve("{a}", values)


@pytest.mark.parametrize("value", ["10.0.0.1", "eth0,eth1", "a=b", "x:y/z@w", "100%", "-5"])
def test_values_that_a_shell_reads_as_they_are_stay_unquoted(value: str) -> None:
    assert command("x {a}", a=value) == f"x {value}"


@pytest.mark.parametrize("value", ["a b", "$(reboot)", "a;b", "it's", 'say "hi"', "`id`", "a\\b", "*", "a|b", "ä ö"])
@pytest.mark.parametrize("template", ["x {a}", "x --f={a}", "x '{a}'", 'x "{a}"', "x 'host {a} or {a}'", 'x "pre {a}"'])
def test_other_values_are_one_word_wherever_they_stand(template: str, value: str) -> None:
    words = [word.replace("{a}", value) for word in shlex.split(template)]
    rendered = command(template, a=value).removeprefix("x ")
    shell = subprocess.run(["sh", "-c", f"printf '%s\\n' {rendered}"], capture_output=True, text=True, check=True)
    assert shell.stdout.splitlines() == words[1:]


class TestLeavingOut:
    @pytest.mark.parametrize(
        ("template", "expected"),
        [
            ("x.py --device {DEV} --all", "x.py --all"),
            ("x.py --device={DEV} --all", "x.py --all"),
            ("x.py -i {DEV}", "x.py"),
            ("x.py --a 1 --device {DEV}", "x.py --a 1"),
        ],
    )
    def test_an_option_without_a_value(self, template: str, expected: str) -> None:
        rendered = render(template, {"DEV": ""}, ["DEV"])
        assert (rendered.command, rendered.left_out) == (expected, ("DEV",))

    def test_a_definition_that_stands_for_what_is_not_there(self) -> None:
        rendered = render("x.py --pid {pid}", {"pid": "{PID}", "PID": ""}, ["PID"])
        assert (rendered.command, rendered.left_out) == ("x.py", ("pid",))

    @pytest.mark.parametrize("template", ["x.py {PID}", "x.py 'port {PID}'", "x.py --a {PID},{b}"])
    def test_what_is_no_option_cannot_be_left_out(self, template: str) -> None:
        with pytest.raises(AbsentValueError) as caught:
            render(template, {"PID": "", "b": "1"}, ["PID"])
        assert caught.value.name == "PID"

    def test_what_the_user_left_empty_is_left_out_without_a_note(self) -> None:
        rendered = render("x.py {mode} --level {level} 'a {mode}'", {"mode": "", "level": ""}, ["PID"])
        assert (rendered.command, rendered.left_out) == ("x.py 'a '", ())


@pytest.mark.parametrize("value", ["x; exit 7", "$(exit 7)", "it's", 'a"b'])
@pytest.mark.parametrize(
    "template", [r"printf %s \"{a}", r"printf %s {a}\'", r'printf %s "\"{a}"', r"printf %s '\'{a}"]
)
def test_a_backslash_before_a_quote_opens_nothing(template: str, value: str) -> None:
    """A value that takes itself out of its place would be a command."""
    done = subprocess.run(["sh", "-c", command(template, a=value)], capture_output=True, text=True, check=True)
    assert value in done.stdout
