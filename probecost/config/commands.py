"""Reads a tool's command line: the tool's file, its options, and its discovered values."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

_WRAPPERS = {"sudo", "env", "nice", "ionice", "chrt", "taskset", "timeout", "stdbuf", "nohup", "exec", "time", "setsid"}
_WRAPPER_OPTIONS_WITH_VALUE = {"-u", "-g", "-C", "-p", "-r", "-t", "-h", "-k", "-s", "-n", "-c"}
_SUDO_FLAGS = {"-n", "-k", "-s"}  # these take no value for sudo
_BUILT_INS = {"cd", "echo", "exec", "exit", "export", "if", "for", "set", "time", "trap", "ulimit", "while", ":", "."}
_INTERPRETER = re.compile(r"python[0-9.]*|bpftrace|sh|bash|dash|ksh|zsh|perl|ruby|lua|node|stap")
_INLINE = {"-c", "-e", "-m"}
_PLAIN = re.compile(r"[\t\n\r !#-&(-\[\]-~]*")  # printable ASCII without quotes and backslashes
_NUMBER = re.compile(r"-\d+(\.\d+)?")


@dataclass(frozen=True)
class CommandParts:
    """A command taken apart. ``tool`` names the tool (no folder, no ending); ``file`` is its path as in the command.

    ``file`` is ``None`` for a program on the PATH, and for code in the command itself.

    ``words`` are all words of the command; the tool's own arguments begin at ``arguments_from``.
    """

    words: tuple[str, ...]
    tool: str
    file: str | None
    arguments_from: int


def split(command: str) -> list[str]:
    """The words of a command as a shell sees them; split at blanks if its quotes do not match."""
    if _PLAIN.fullmatch(command):
        return command.split()  # same result as shlex, a hundred times faster
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def parse(command: str, script: str | None = None) -> CommandParts:
    """Find the tool in ``command``: the word with the file name ``script``, else the program after sudo and the like.

    >>> parse("sudo -n python3 tools/ovs/drop-monitor.py --interval 1").tool
    'drop-monitor'
    """
    words = split(command)
    if script:
        name = PurePosixPath(script).name
        for index, word in enumerate(words):
            if word.rpartition("/")[2] == name:
                return CommandParts(tuple(words), PurePosixPath(name).stem, word, index + 1)
    index = _skip_wrappers(words)
    if index >= len(words):
        return CommandParts(tuple(words), PurePosixPath(words[0]).stem if words else "", None, len(words))
    program = words[index]
    file = program if "/" in program else None  # else it is found on the PATH, not below the workdir
    end = index + 1
    if _INTERPRETER.fullmatch(PurePosixPath(program).name):
        file = None
        while end < len(words) and words[end].startswith("-") and words[end] not in _INLINE:
            end += 1
        if end < len(words) and words[end] not in _INLINE:
            file = words[end]
            end += 1
    tool = PurePosixPath(script or file or program).stem
    return CommandParts(tuple(words), tool, file, end)


def programs(command: str) -> tuple[str, ...]:
    """The programs that a command needs on the PATH: sudo and the like, and the first program after them.

    >>> programs("sudo -n PYTHONUNBUFFERED=1 bpftrace tools/drop.bt tcp")
    ('sudo', 'bpftrace')
    """
    words = split(command)
    index = _skip_wrappers(words)
    found = [word for word in words[:index] if word in _WRAPPERS]
    return tuple(word for word in (*found, *words[index : index + 1]) if "/" not in word and word not in _BUILT_INS)


def _skip_wrappers(words: list[str]) -> int:
    index = 0
    wrapper = ""
    while index < len(words):
        word = words[index]
        if PurePosixPath(word).name in _WRAPPERS:
            wrapper = PurePosixPath(word).name
        elif wrapper and word.startswith("-"):
            takes_value = word in _WRAPPER_OPTIONS_WITH_VALUE and not (wrapper == "sudo" and word in _SUDO_FLAGS)
            index += takes_value
        elif not (wrapper and re.fullmatch(r"[\d.]+[smhd]?|0x[0-9a-f]+", word)) and not re.match(r"\w+=", word):
            break
        index += 1
    return index


def options(words: tuple[str, ...]) -> dict[str, str]:
    """Options of a command and their values, "" for flags: ``{"--queue": "0", "--verbose": ""}``."""
    found: dict[str, str] = {}
    for index, word in enumerate(words):
        if not word.startswith("-") or _NUMBER.fullmatch(word) or word in ("-", "--"):
            continue
        name, equals, value = word.partition("=")
        following = words[index + 1] if index + 1 < len(words) else "-"
        if not equals and (not following.startswith("-") or _NUMBER.fullmatch(following)):
            value = following
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def generalise(words: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    """The words with each discovered value replaced by its variable: ``--src-ip {host_REMOTE_IP}``."""

    def word_of(word: str) -> str:
        if word in names:
            return f"{{{names[word]}}}"
        head, equals, value = word.partition("=")
        return f"{head}={{{names[value]}}}" if equals and value in names else word

    return tuple(word_of(word) for word in words)
