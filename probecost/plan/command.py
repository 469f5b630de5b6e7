"""Makes the case of one command that is measured without a configuration of tools."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from probecost.config.commands import parse
from probecost.config.environment import Case, Environment, PairKind
from probecost.config.keys import safe
from probecost.config.validation import nearest
from probecost.config.variables import ALL
from probecost.errors import ConfigError
from probecost.plan.directions import DIRECTION_VARIABLES, RECEIVED, ends
from probecost.plan.settings import AskedCommand
from probecost.plan.variables import AbsentValueError, UnknownVariableError, render
from probecost.results.layout import case_hash

CATEGORY = "command"
_VARIABLE = re.compile(r"\{\w+\}")


def command_case(environment: Environment, asked: AskedCommand) -> Case:
    """The case of ``asked``: ``host-command-<hash>``, or ``host-<name>``; its tool's name always has the hash.

    The hash is of the template, so it is the same on every environment. ``ConfigError``: the environment lacks the test
    pair or a variable, or the name has no usable character.
    """
    kind = asked.pair_kind
    if kind not in environment.pairs:
        has = " and ".join(environment.pairs)
        raise ConfigError(f"environment {environment.name} has no {kind} test pair, only {has}", hint="Say: --pair")
    digest = case_hash(asked.template, {})
    name = safe(asked.name)
    if asked.name and not name:
        raise ConfigError(f"--name {asked.name!r}: expected letters, digits, '_', '.', '+' or '-'")
    values = {
        **variable_values(environment, kind, RECEIVED),
        "direction": RECEIVED,
        "duration": f"{environment.default_duration_s:g}",
    }
    command = rendered(asked.template, values, f"environment {environment.name}")
    return Case(
        environment=environment.name,
        key=f"{kind}-{name or f'{CATEGORY}-{digest}'}",
        id=1,
        name=name or CATEGORY,
        command=command,
        tool_id=f"{name or CATEGORY}_{digest}",
        category=CATEGORY,
        pair_kind=kind,
        parameters=(),
        hash=digest,
        duration_s=environment.default_duration_s,
        tool_file=parse(command).file,
        attaches=asked.attaches,
        ready_timeout_s=asked.ready_timeout_s,
        stop_signal=asked.stop_signal,
        log_cap_bytes=asked.log_cap_bytes,
    )


def variable_values(environment: Environment, kind: PairKind, direction: str | None) -> dict[str, str]:
    """The discovered variables of a test pair as text, several values joined by commas, and those of ``direction``.

    Only the directions ``rx`` and ``tx`` have variables.
    """
    found = environment.variables.get(kind, {})
    texts = {name: value if isinstance(value, str) else ",".join(value) for name, value in found.items()}
    return {**texts, **ends(kind).get(direction or "", {})}


def rendered(template: str, values: Mapping[str, str], whose: str) -> str:
    """``template`` with ``values`` filled in, quoted as in the templates of tools; no option is left out.

    ``ConfigError``: an unknown variable, a variable without a value, or an empty result. ``whose`` names the owner of
    the values in messages.
    """
    try:
        result = render(template, values, ALL)
        if result.left_out:
            raise AbsentValueError(result.left_out[0])
    except UnknownVariableError as error:
        close = nearest(error.name, list(values)) or f" (a literal {{{error.name}}} is written {{{{{error.name}}}}})"
        if error.name in DIRECTION_VARIABLES:
            close = f" ({whose} has no direction rx or tx)"
        raise ConfigError(
            f"unknown variable {{{error.name}}}{close} in command: {template}",
            hint=f"Variables of {whose}: {', '.join(values)}",
        ) from None
    except AbsentValueError as error:
        raise ConfigError(f"{whose} has no {{{error.name}}}, used in command: {template}") from None
    if not result.command:
        raise ConfigError(f"nothing is left of the command: {template!r}")
    return result.command


def command_line(words: Sequence[str]) -> str:
    """The words of a command as one line for a shell; a single word is a line already. Variables stay unquoted.

    >>> command_line(["sudo", "bpftrace", "-e", "k:f { @ = count(); }", "{INTERNAL_INTERFACE}"])
    "sudo bpftrace -e 'k:f { @ = count(); }' {INTERNAL_INTERFACE}"
    """
    if len(words) == 1:
        return words[0]
    return " ".join(word if _is_bare(word) else shlex.quote(word) for word in words)


def _is_bare(word: str) -> bool:
    plain = _VARIABLE.sub("x", word)
    return shlex.quote(plain) == plain
