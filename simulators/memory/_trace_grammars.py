"""The compiled parsers of trace files: one pass over the bytes, no Python object per line.

Facts of the formats: DRAMSys 4.0, ``simulator/StlPlayer.cpp``; DRAMsim3, ``src/common.cc``; Ramulator 1,
``src/Processor.cpp``; Ramulator 2, ``src/frontend/impl/memory_trace/loadstore_trace.cpp`` and
``src/frontend/impl/processor/simpleO3/trace.cpp``. Blank lines and comments behind ``#`` are fine in all of them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulators.memory._trace_lexing import (
    ZERO,
    Int,
    Text,
    Unsigned,
    bare_hexadecimal,
    decimal,
    field,
    hexadecimal,
    number,
    skip_blanks,
    word,
)

STL, DRAMSIM3, LOAD_STORE, READ_WRITE, CPU = range(5)
"""Grammars of a line: ``time: read|write address``, ``address READ|WRITE cycle``, ``LD|ST address``,
``address R|W`` and ``instructions load [write-back]``."""

NO_ERROR, BAD_CYCLE, BAD_DIRECTION, BAD_ADDRESS, BAD_TAIL, BAD_LENGTH = range(6)
BAD_DRAMSIM3, BAD_LOAD_STORE, BAD_READ_WRITE, BAD_CPU = range(6, 10)

EXPECTED = {
    BAD_CYCLE: "a line to begin with '<cycle>:', a decimal number below 2^63 and a colon",
    BAD_DIRECTION: "'read' or 'write' (lower case) after '<cycle>:'",
    BAD_ADDRESS: "a hexadecimal byte address of at most 64 bits, such as 0x400140, after the direction",
    BAD_TAIL: "nothing after the address except a write's data (0x...) or a comment",
    BAD_LENGTH: "a request length in brackets to be (1) to (64) bytes, one burst; split longer requests",
    BAD_DRAMSIM3: "'<address> READ|WRITE <cycle>': a hexadecimal byte address of at most 64 bits, the direction, "
    "and a decimal cycle below 2^63, such as '0x400140 READ 31'",
    BAD_LOAD_STORE: "'LD <address>' or 'ST <address>', the byte address decimal or hexadecimal with 0x, such as "
    "'LD 0x400140'",
    BAD_READ_WRITE: "'<address> R' or '<address> W', the byte address decimal or hexadecimal with 0x, such as "
    "'0x400140 R'",
    BAD_CPU: "'<instructions> <load address> [<write-back address>]': a decimal count below 2^31 and one or two byte "
    "addresses, decimal or hexadecimal with 0x, such as '3 20734016'",
}
"""For each error status: what the parser expected, to complete the sentence 'expected ...'."""

_NEWLINE, _RETURN, _SPACE, _TAB = 10, 13, 32, 9
_HASH, _OPEN, _CLOSE, _COLON = 35, 40, 41, 58
_LONGEST_LENGTH = 64
_MOST_INSTRUCTIONS = 1 << 31
_READ, _WRITE = np.frombuffer(b"read", np.uint8), np.frombuffer(b"write", np.uint8)
_LD, _ST = np.frombuffer(b"ld", np.uint8), np.frombuffer(b"st", np.uint8)
_R, _W = np.frombuffer(b"r", np.uint8), np.frombuffer(b"w", np.uint8)

Line = tuple[int, Int, bool, Unsigned]
"""Status, time, whether it is a write, address."""


@njit(cache=True, nogil=True)
def _direction(text: Text, at: int, end: int) -> tuple[bool, int]:
    """Return (is_write, position after the word), the position -1 if it is neither ``read`` nor ``write``."""
    if at + 4 <= end and text[at] == 114 and text[at + 1] == 101 and text[at + 2] == 97 and text[at + 3] == 100:
        return False, at + 4
    if (
        at + 5 <= end
        and text[at] == 119
        and text[at + 1] == 114
        and text[at + 2] == 105
        and text[at + 3] == 116
        and text[at + 4] == 101
    ):
        return True, at + 5
    return False, -1


@njit(cache=True, nogil=True)
def _request_length(text: Text, at: int, end: int) -> int:
    """Return the position after ``(N)``, or -1 if N is not a length that one burst serves."""
    value, at = decimal(text, at + 1, end)
    good = 1 <= value <= _LONGEST_LENGTH and at < end and text[at] == _CLOSE
    return at + 1 if good else -1


@njit(cache=True, nogil=True)
def _stl_line(text: Text, at: int, end: int) -> tuple[int, Int, bool, Unsigned]:
    """``31: read 0x400140``, perhaps with a length before the direction and a write's data behind the address."""
    cycle, at = decimal(text, at, end)
    if cycle < 0 or at >= end or text[at] != _COLON:
        return BAD_CYCLE, cycle, False, np.uint64(0)
    at = skip_blanks(text, at + 1, end)
    if at < end and text[at] == _OPEN:
        at = _request_length(text, at, end)
        if at < 0:
            return BAD_LENGTH, cycle, False, np.uint64(0)
        at = skip_blanks(text, at, end)
    is_write, at = _direction(text, at, end)
    after = skip_blanks(text, at, end) if at >= 0 else at
    if after < 0 or (after == at and at < end):  # a word that goes on ("reads") is no direction
        return BAD_DIRECTION, cycle, False, np.uint64(0)
    address, at = hexadecimal(text, after, end, 16)
    after = skip_blanks(text, at, end) if at >= 0 else at
    if after < 0 or (after == at and at < end):
        return BAD_ADDRESS, cycle, is_write, address
    if is_write and after < end and text[after] == ZERO:
        _, at = hexadecimal(text, after, end, end)
        after = skip_blanks(text, at, end) if at >= 0 else end - 1
    if after < end and text[after] != _HASH:
        return BAD_TAIL, cycle, is_write, address
    return NO_ERROR, cycle, is_write, address


@njit(cache=True, nogil=True)
def _either(text: Text, at: int, end: int, read: Text, write: Text) -> tuple[bool, int]:
    """Return (is_write, position after the word), the position -1 if it is neither of the two."""
    after = word(text, at, end, read)
    return (False, after) if after >= 0 else (True, word(text, at, end, write))


@njit(cache=True, nogil=True)
def _is_over(text: Text, at: int, end: int) -> bool:
    """Return whether nothing but a comment follows a field that ends at ``at`` (-1: there was no field)."""
    after = field(text, at, end)
    return after >= 0 and (after == end or text[after] == _HASH)


@njit(cache=True, nogil=True)
def _dramsim3_line(text: Text, at: int, end: int) -> Line:
    """``0x400140 READ 31``."""
    address, after = bare_hexadecimal(text, at, end)
    at = field(text, after, end)
    is_write, after = _either(text, at, end, _READ, _WRITE) if at >= 0 else (False, -1)
    at = field(text, after, end)
    cycle, after = decimal(text, at, end) if at >= 0 else (np.int64(-1), -1)
    good = cycle >= 0 and _is_over(text, after, end)
    return NO_ERROR if good else BAD_DRAMSIM3, cycle, is_write, address


@njit(cache=True, nogil=True)
def _load_store_line(text: Text, at: int, end: int) -> Line:
    """``LD 0x400140``."""
    is_write, after = _either(text, at, end, _LD, _ST)
    at = field(text, after, end)
    address, after = number(text, at, end) if at >= 0 else (np.uint64(0), -1)
    return NO_ERROR if _is_over(text, after, end) else BAD_LOAD_STORE, np.int64(0), is_write, address


@njit(cache=True, nogil=True)
def _read_write_line(text: Text, at: int, end: int) -> Line:
    """``0x400140 R``."""
    address, after = number(text, at, end)
    at = field(text, after, end)
    is_write, after = _either(text, at, end, _R, _W) if at >= 0 else (False, -1)
    return NO_ERROR if _is_over(text, after, end) else BAD_READ_WRITE, np.int64(0), is_write, address


@njit(cache=True, nogil=True)
def _cpu_line(text: Text, at: int, end: int) -> tuple[int, Int, bool, Unsigned, Unsigned]:
    """``3 20734016 20734080``; return (status, instructions, whether there is a write-back, load, write-back)."""
    before, after = decimal(text, at, end)
    at = field(text, after, end) if 0 <= before < _MOST_INSTRUCTIONS else -1
    load, after = number(text, at, end) if at >= 0 else (np.uint64(0), -1)
    if _is_over(text, after, end):
        return NO_ERROR, before, False, load, np.uint64(0)
    at = field(text, after, end)
    write, after = number(text, at, end) if at >= 0 else (np.uint64(0), -1)
    return NO_ERROR if _is_over(text, after, end) else BAD_CPU, before, True, load, write


@njit(cache=True, nogil=True)
def _line(text: Text, at: int, end: int, grammar: int) -> tuple[int, Int, bool, Unsigned, Unsigned]:
    """Parse the line text[at:end], blanks at both ends stripped; the last value is of the CPU grammar only."""
    if grammar == CPU:
        return _cpu_line(text, at, end)
    if grammar == STL:
        status, time, is_write, address = _stl_line(text, at, end)
    elif grammar == DRAMSIM3:
        status, time, is_write, address = _dramsim3_line(text, at, end)
    elif grammar == LOAD_STORE:
        status, time, is_write, address = _load_store_line(text, at, end)
    else:
        status, time, is_write, address = _read_write_line(text, at, end)
    return status, time, is_write, address, np.uint64(0)


@njit(cache=True, nogil=True)
def parse_lines(
    text: Text, grammar: int
) -> tuple[int, int, int, int, NDArray[np.int64], NDArray[np.bool_], NDArray[np.uint64]]:
    """Parse whole lines of a trace.

    Args:
        text: uint8[m], ends where a line ends.
        grammar: STL, DRAMSIM3, LOAD_STORE, READ_WRITE or CPU.

    Returns:
        ``(status, count, lines, at, time, is_write, address)``: NO_ERROR or a key of :data:`EXPECTED`; how many
        requests were read; how many lines, the bad one included; where the bad line begins; int64, bool and uint64
        arrays whose first ``count`` entries are the requests. ``time`` is the number the line gives: a cycle, a delay
        or 0; in the CPU grammar the instructions from the load before to this one, 0 for a write-back.
    """
    most = 1
    for byte in text:
        most += byte == _NEWLINE
    most *= 2 if grammar == CPU else 1
    time = np.empty(most, np.int64)
    is_write = np.empty(most, np.bool_)
    address = np.empty(most, np.uint64)
    count = lines = at = 0
    while at < text.size:
        end = at
        while end < text.size and text[end] != _NEWLINE:
            end += 1
        next_line, lines = end + 1, lines + 1
        while end > at and (text[end - 1] == _RETURN or text[end - 1] == _SPACE or text[end - 1] == _TAB):
            end -= 1
        start = skip_blanks(text, at, end)
        if start < end and text[start] != _HASH:
            status, time[count], writes, address[count], write_back = _line(text, start, end, grammar)
            is_write[count] = writes and grammar != CPU
            if status != NO_ERROR:
                return status, count, lines, at, time, is_write, address
            count += 1
            if grammar == CPU:
                time[count - 1] += 1
                if writes:
                    time[count], is_write[count], address[count] = 0, True, write_back
                    count += 1
        at = next_line
    return NO_ERROR, count, lines, at, time, is_write, address
