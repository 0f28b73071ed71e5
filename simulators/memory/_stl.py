"""The compiled parser of ``.stl`` text: one pass over the bytes, no Python object per line."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Text = NDArray[np.uint8]
Int = int | np.int64
Unsigned = int | np.uint64

NO_ERROR, BAD_CYCLE, BAD_DIRECTION, BAD_ADDRESS, BAD_TAIL, BAD_LENGTH = range(6)

EXPECTED = {
    BAD_CYCLE: "a line to begin with '<cycle>:', a decimal number below 2^63 and a colon",
    BAD_DIRECTION: "'read' or 'write' (lower case) after '<cycle>:'",
    BAD_ADDRESS: "a hexadecimal byte address of at most 64 bits, such as 0x400140, after the direction",
    BAD_TAIL: "nothing after the address except a write's data (0x...) or a comment",
    BAD_LENGTH: "a request length in brackets to be (1) to (64) bytes, one burst; split longer requests",
}
"""For each error status: what the parser expected, to complete the sentence 'expected ...'."""

_TAB, _NEWLINE, _RETURN, _SPACE = 9, 10, 13, 32
_HASH, _OPEN, _CLOSE, _ZERO, _COLON, _X = 35, 40, 41, 48, 58, 120
_LONGEST_LENGTH = 64


@njit(cache=True, nogil=True)
def _skip_blanks(text: Text, at: int, end: int) -> int:
    while at < end and (text[at] == _SPACE or text[at] == _TAB):
        at += 1
    return at


@njit(cache=True, nogil=True)
def _hex_digit(byte: int) -> Int:
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    lower = np.int64(byte) | 32
    return lower - 87 if 97 <= lower <= 102 else np.int64(-1)


@njit(cache=True, nogil=True)
def _decimal(text: Text, at: int, end: int) -> tuple[Int, int]:
    """Return (value, position after it); the value is -1 without digits or from 2^63 on."""
    value, start = np.int64(0), at
    while at < end and 48 <= text[at] <= 57:
        digit = np.int64(text[at]) - 48
        if value > 922337203685477580 or (value == 922337203685477580 and digit > 7):
            return np.int64(-1), at
        value = value * 10 + digit
        at += 1
    return (value, at) if at > start else (np.int64(-1), at)


@njit(cache=True, nogil=True)
def _hexadecimal(text: Text, at: int, end: int, most_digits: int) -> tuple[Unsigned, int]:
    """Return (value, position after it) of ``0x...``; the position is -1 if there is none or it is too long."""
    value = np.uint64(0)
    if at + 2 >= end or text[at] != _ZERO or (text[at + 1] | 32) != _X:
        return value, -1
    at += 2
    start = at
    significant = 0
    while at < end:
        digit = _hex_digit(text[at])
        if digit < 0:
            break
        significant += 1 if significant or digit else 0
        value = (value << np.uint64(4)) | np.uint64(digit)
        at += 1
    return (value, at) if at > start and significant <= most_digits else (value, -1)


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
    value, at = _decimal(text, at + 1, end)
    good = 1 <= value <= _LONGEST_LENGTH and at < end and text[at] == _CLOSE
    return at + 1 if good else -1


@njit(cache=True, nogil=True)
def _parse_line(text: Text, at: int, end: int) -> tuple[int, Int, bool, Unsigned]:
    """Return (status, cycle, is_write, address) of the line text[at:end], blanks at both ends stripped."""
    cycle, at = _decimal(text, at, end)
    if cycle < 0 or at >= end or text[at] != _COLON:
        return BAD_CYCLE, cycle, False, np.uint64(0)
    at = _skip_blanks(text, at + 1, end)
    if at < end and text[at] == _OPEN:
        at = _request_length(text, at, end)
        if at < 0:
            return BAD_LENGTH, cycle, False, np.uint64(0)
        at = _skip_blanks(text, at, end)
    is_write, at = _direction(text, at, end)
    after = _skip_blanks(text, at, end) if at >= 0 else at
    if after < 0 or (after == at and at < end):  # a word that goes on ("reads") is no direction
        return BAD_DIRECTION, cycle, False, np.uint64(0)
    address, at = _hexadecimal(text, after, end, 16)
    after = _skip_blanks(text, at, end) if at >= 0 else at
    if after < 0 or (after == at and at < end):
        return BAD_ADDRESS, cycle, is_write, address
    if is_write and after < end and text[after] == _ZERO:
        _, at = _hexadecimal(text, after, end, end)
        after = _skip_blanks(text, at, end) if at >= 0 else end - 1
    if after < end and text[after] != _HASH:
        return BAD_TAIL, cycle, is_write, address
    return NO_ERROR, cycle, is_write, address


@njit(cache=True, nogil=True)
def parse_lines(
    text: Text,
) -> tuple[int, int, int, int, NDArray[np.int64], NDArray[np.bool_], NDArray[np.uint64]]:
    """Parse whole lines of ``.stl`` text.

    Args:
        text: uint8[m], ends where a line ends.

    Returns:
        ``(status, count, lines, at, cycle, is_write, address)``: NO_ERROR or a key of :data:`EXPECTED`; how
        many requests were read; how many lines, the bad one included; where the bad line begins; int64, bool
        and uint64 arrays whose first ``count`` entries are the requests.
    """
    most = 1
    for byte in text:
        most += byte == _NEWLINE
    cycle = np.empty(most, np.int64)
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
        start = _skip_blanks(text, at, end)
        if start < end and text[start] != _HASH:
            status, cycle[count], is_write[count], address[count] = _parse_line(text, start, end)
            if status != NO_ERROR:
                return status, count, lines, at, cycle, is_write, address
            count += 1
        at = next_line
    return NO_ERROR, count, lines, at, cycle, is_write, address
