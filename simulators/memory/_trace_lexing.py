"""Compiled pieces of trace parsers: blanks, numbers and words at a place of a text.

Each takes the text (uint8[m]), a position and the position behind the last byte it may look at, and returns the
position behind what it found, -1 where there is nothing of the kind.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Text = NDArray[np.uint8]
Int = int | np.int64
Unsigned = int | np.uint64

TAB, SPACE, ZERO = 9, 32, 48
_X = 120


@njit(cache=True, nogil=True)
def skip_blanks(text: Text, at: int, end: int) -> int:
    while at < end and (text[at] == SPACE or text[at] == TAB):
        at += 1
    return at


@njit(cache=True, nogil=True)
def _hex_digit(byte: int) -> Int:
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    lower = np.int64(byte) | 32
    return lower - 87 if 97 <= lower <= 102 else np.int64(-1)


@njit(cache=True, nogil=True)
def decimal(text: Text, at: int, end: int) -> tuple[Int, int]:
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
def _hex_digits(text: Text, at: int, end: int, most_digits: int) -> tuple[Unsigned, int]:
    value, start, significant = np.uint64(0), at, 0
    while at < end:
        digit = _hex_digit(text[at])
        if digit < 0:
            break
        significant += 1 if significant or digit else 0
        value = (value << np.uint64(4)) | np.uint64(digit)
        at += 1
    return (value, at) if at > start and significant <= most_digits else (value, -1)


@njit(cache=True, nogil=True)
def hexadecimal(text: Text, at: int, end: int, most_digits: int) -> tuple[Unsigned, int]:
    """Return (value, position after it) of ``0x...``; the position is -1 if there is none or it is too long."""
    if at + 2 >= end or text[at] != ZERO or (text[at + 1] | 32) != _X:
        return np.uint64(0), -1
    return _hex_digits(text, at + 2, end, most_digits)


@njit(cache=True, nogil=True)
def bare_hexadecimal(text: Text, at: int, end: int) -> tuple[Unsigned, int]:
    """Return (value, position after it) of at most 64 bits of hexadecimal, with or without ``0x``."""
    if at + 2 < end and text[at] == ZERO and (text[at + 1] | 32) == _X:
        return hexadecimal(text, at, end, 16)
    return _hex_digits(text, at, end, 16)


@njit(cache=True, nogil=True)
def number(text: Text, at: int, end: int) -> tuple[Unsigned, int]:
    """Return (value, position after it) of hexadecimal with ``0x`` (64 bits) or decimal below 2^63."""
    if at + 1 < end and text[at] == ZERO and (text[at + 1] | 32) == _X:
        return hexadecimal(text, at, end, 16)
    value, at = decimal(text, at, end)
    return (np.uint64(value), at) if value >= 0 else (np.uint64(0), -1)


@njit(cache=True, nogil=True)
def word(text: Text, at: int, end: int, lower: Text) -> int:
    """Return the position after a word that equals ``lower`` in all-lower or all-upper case, and a blank or the end."""
    n = lower.size
    if at + n > end or (at + n < end and text[at + n] != SPACE and text[at + n] != TAB):
        return -1
    case = text[at] & 32
    for i in range(n):
        if text[at + i] != (lower[i] & 223) | case:
            return -1
    return at + n


@njit(cache=True, nogil=True)
def field(text: Text, at: int, end: int) -> int:
    """Return where the next field begins behind a blank at ``at``; -1 if no blank is there or ``at`` is -1."""
    if at < 0 or (at < end and text[at] != SPACE and text[at] != TAB):
        return -1
    return skip_blanks(text, at, end)
