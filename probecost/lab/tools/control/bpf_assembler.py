"""A small assembler for BPF: functions that make instructions, and ``assemble``, which makes a program of them.

It has only the instructions of this folder's programs. Encoding: Documentation/bpf/standardization/instruction-set.rst
of the kernel; little-endian machines only.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Sequence, Union


class Register(IntEnum):
    """A register. ``R0`` holds results; ``R1`` to ``R5`` are arguments and lost in a call; ``R6`` to ``R9`` stay.

    The program starts with its context in ``R1``. ``FP`` is the end of its stack.
    """

    R0 = 0
    R1 = 1
    R2 = 2
    R3 = 3
    R4 = 4
    R5 = 5
    R6 = 6
    R7 = 7
    R8 = 8
    R9 = 9
    FP = 10


class Helper(IntEnum):
    """Functions of the kernel, by their numbers in include/uapi/linux/bpf.h."""

    MAP_LOOKUP = 1
    KTIME_GET_NS = 5
    PROBE_READ_STR = 45


@dataclass(frozen=True)
class Instruction:
    """One instruction. ``target`` is the label that a jump leads to; a ``wide`` one has 64 bits of ``immediate``."""

    code: int
    destination: int = 0
    source: int = 0
    offset: int = 0
    immediate: int = 0
    target: str = ""
    wide: bool = False


#: An instruction, or a label of the next one.
Line = Union[Instruction, str]
Operand = Union[Register, int]

_SIZES = {4: 0x00, 8: 0x18}
_LDX, _ST, _STX = 0x61, 0x62, 0x63  # of memory, with the size of 4 bytes, which is 0
_ALU64, _JMP, _FROM_REGISTER = 0x07, 0x05, 0x08
_ADD, _SUB, _AND, _MOV = 0x00, 0x10, 0x50, 0xB0
_JEQ, _JGE, _JNE, _CALL, _EXIT, _JLT = 0x10, 0x30, 0x50, 0x80, 0x90, 0xA0
_WIDE_IMMEDIATE, _MAP_DESCRIPTOR = 0x18, 1


def move(destination: Register, value: Operand) -> Instruction:
    return _alu(_MOV, destination, value)


def add(destination: Register, value: Operand) -> Instruction:
    return _alu(_ADD, destination, value)


def subtract(destination: Register, value: Operand) -> Instruction:
    return _alu(_SUB, destination, value)


def bit_and(destination: Register, value: Operand) -> Instruction:
    return _alu(_AND, destination, value)


def wide(destination: Register, value: int) -> Instruction:
    """Set a register to 64 bits; ``move`` takes only 32."""
    return Instruction(_WIDE_IMMEDIATE, destination, immediate=value, wide=True)


def map_address(destination: Register, descriptor: int) -> Instruction:
    """Set a register to the map of ``descriptor`` in this process."""
    return Instruction(_WIDE_IMMEDIATE, destination, _MAP_DESCRIPTOR, immediate=descriptor, wide=True)


def load(destination: Register, base: Register, offset: int, size: int) -> Instruction:
    """Read ``size`` bytes (4 or 8) at ``base + offset``."""
    return Instruction(_LDX | _SIZES[size], destination, base, offset)


def store(base: Register, offset: int, value: Operand, size: int) -> Instruction:
    """Write ``size`` bytes (4 or 8) at ``base + offset``."""
    if isinstance(value, Register):
        return Instruction(_STX | _SIZES[size], base, value, offset)
    return Instruction(_ST | _SIZES[size], base, offset=offset, immediate=value)


def jump_if_equal(left: Register, right: Operand, target: str) -> Instruction:
    return _jump(_JEQ, left, right, target)


def jump_if_not_equal(left: Register, right: Operand, target: str) -> Instruction:
    return _jump(_JNE, left, right, target)


def jump_if_less(left: Register, right: Operand, target: str) -> Instruction:
    """Unsigned."""
    return _jump(_JLT, left, right, target)


def jump_if_at_least(left: Register, right: Operand, target: str) -> Instruction:
    """Unsigned."""
    return _jump(_JGE, left, right, target)


def call(helper: Helper) -> Instruction:
    return Instruction(_JMP | _CALL, immediate=helper)


def leave() -> Instruction:
    """End the program; its result is in ``R0``."""
    return Instruction(_JMP | _EXIT)


def assemble(lines: Sequence[Line]) -> bytes:
    """The program as bytes for the kernel: 8 bytes an instruction, 16 for a wide one.

    ``ValueError``: a label is missing or repeated, or a number does not fit its field.
    """
    places: dict[str, int] = {}
    at = 0
    for line in lines:
        if isinstance(line, Instruction):
            at += 2 if line.wide else 1
        elif line in places:
            raise ValueError(f"the label {line} is there twice")
        else:
            places[line] = at
    code = b""
    for line in lines:
        if isinstance(line, Instruction):
            code += _encode(line, len(code) // 8, places)
    return code


def _alu(operation: int, destination: Register, value: Operand) -> Instruction:
    if isinstance(value, Register):
        return Instruction(_ALU64 | operation | _FROM_REGISTER, destination, value)
    return Instruction(_ALU64 | operation, destination, immediate=value)


def _jump(operation: int, left: Register, right: Operand, target: str) -> Instruction:
    if isinstance(right, Register):
        return Instruction(_JMP | operation | _FROM_REGISTER, left, right, target=target)
    return Instruction(_JMP | operation, left, immediate=right, target=target)


def _encode(line: Instruction, at: int, places: dict[str, int]) -> bytes:
    offset = line.offset
    if line.target:
        if line.target not in places:
            raise ValueError(f"there is no label {line.target}")
        offset = places[line.target] - at - 1
    registers = line.destination | line.source << 4
    try:
        if not line.wide:
            return struct.pack("<BBhi", line.code, registers, offset, line.immediate)
        low, high = line.immediate & 0xFFFFFFFF, line.immediate >> 32
        return struct.pack("<BBhIBBhI", line.code, registers, offset, low, 0, 0, 0, high)
    except struct.error as error:
        raise ValueError(f"{line} does not fit: {error}") from None
