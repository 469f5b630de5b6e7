"""A machine that runs the lab's BPF programs in a test: one memory, a clock that advances by each reading."""

from __future__ import annotations

import struct

CONTEXT, STACK_END, COUNTERS, SIZE = 256, 1024, 1024, 1100
RECORD_NAME = 40
_WORD = 0xFFFF_FFFF_FFFF_FFFF


class Machine:
    """``interface`` is in the context, a record whose byte ``name_at`` says where; a reading takes ``step_ns``."""

    def __init__(self, *, interface: str = "eth1", name_at: int = 20, step_ns: int = 100) -> None:
        self.memory = bytearray(SIZE)
        self.step_ns = step_ns
        self.now_ns = 10**15
        text = interface.encode() + b"\0"
        struct.pack_into("<HH", self.memory, CONTEXT + name_at, RECORD_NAME, len(text))
        self.memory[CONTEXT + RECORD_NAME : CONTEXT + RECORD_NAME + len(text)] = text

    @property
    def counters(self) -> tuple[int, ...]:
        return struct.unpack_from("<QQ", self.memory, COUNTERS)

    def run(self, code: bytes) -> int:
        """Run one packet's program to its end: its result. ``KeyError``: an instruction that no program here has."""
        registers = [0] * 11
        registers[1], registers[10] = CONTEXT, STACK_END
        at = 0
        while True:
            operation, packed, offset, immediate = struct.unpack_from("<BBhi", code, at * 8)
            to, source = packed & 15, packed >> 4
            at += 1
            value = (registers[source] if operation & 8 else immediate) & _WORD
            if operation == 0x95:
                return registers[0]
            if operation == 0x85:
                registers[0] = self._call(immediate, registers)
                registers[1:6] = [0] * 5
            elif operation == 0x18:
                high = struct.unpack_from("<I", code, at * 8 + 4)[0]
                registers[to] = COUNTERS if source == 1 else high << 32 | immediate & 0xFFFFFFFF
                at += 1
            elif operation in (0x61, 0x79):
                kind = "<Q" if operation == 0x79 else "<I"
                registers[to] = struct.unpack_from(kind, self.memory, registers[source] + offset)[0]
            elif operation in (0x62, 0x7A, 0x7B):
                kind = "<I" if operation == 0x62 else "<Q"
                stored = registers[source] if operation == 0x7B else immediate
                struct.pack_into(kind, self.memory, registers[to] + offset, stored)
            elif operation & 7 == 7:
                results = {0x00: registers[to] + value, 0x10: registers[to] - value}
                results |= {0x50: registers[to] & value, 0xB0: value}
                registers[to] = results[operation & 0xF0] & _WORD
            else:
                left = registers[to]
                holds = {0x10: left == value, 0x30: left >= value, 0x50: left != value, 0xA0: left < value}
                at += offset if holds[operation & 0xF0] else 0

    def _call(self, helper: int, registers: list[int]) -> int:
        if helper == 5:
            self.now_ns += self.step_ns
            return self.now_ns
        if helper == 1:
            return COUNTERS
        assert helper == 45
        to, size, source = registers[1:4]
        text = bytes(self.memory[source : source + size]).split(b"\0")[0] + b"\0"
        self.memory[to : to + len(text)] = text
        return len(text)
