from dataclasses import replace

from probecost.config.environment import Case
from probecost.plan.edited_cases import Change, compare


def case(name: str, command: str | None = None) -> Case:
    return Case("bed", f"host-{name}", 1, name, command or f"run {name}", "x", "c", "host", (), "abc123", 10.0)


A, B, C = case("a"), case("b"), case("c")


def test_nothing_differs() -> None:
    difference = compare([A, B], [A, B])
    assert not difference
    assert not difference.reordered


def test_another_order_is_told_but_is_no_difference() -> None:
    difference = compare([C, A, B], [A, B, C])
    assert not difference
    assert difference.reordered


def test_added_and_removed() -> None:
    difference = compare([A, C], [A, B])
    assert difference
    assert (difference.only_in_file, difference.only_generated) == ((C,), (B,))


def test_another_command_under_the_same_key() -> None:
    difference = compare([A, case("b", "run b --more")], [A, B])
    assert difference.changed == (Change("host-b", "command", "run b --more", "run b"),)
    assert not difference.only_in_file
    assert not difference.only_generated


def test_the_same_command_with_other_settings() -> None:
    edited = replace(B, name="mine", duration_s=60.0, key="host-mine")
    assert compare([A, edited], [A, B]).changed == (
        Change("host-mine", "name", "mine", "b"),
        Change("host-mine", "duration_s", "60.0", "10.0"),
    )


def test_commands_that_occur_several_times_are_paired_one_to_one() -> None:
    first, second = case("a", "same"), case("b", "same")
    assert not compare([second, first], [first, second])
    assert compare([first], [first, second]).only_generated == (second,)
