"""Positions on one axis of a tensor: how many a tile touches, and how many it shares with its shifted self.

A tile of the inputs touches, on its row axis, the positions ``i * step + j * pitch`` with i < n output rows, j < k
kernel rows; likewise on the column axis. After division by the greatest common divisor of step and pitch that set is an
interval, if one of the two is 1 and the other range covers its gaps, or else a *comb*: teeth of equal width at equal
distances.
"""

from __future__ import annotations

from simulators.accelerator.kernel_layout import inlined

Real = float


@inlined
def greatest_common_divisor(a: int, b: int) -> int:
    """Return it, by Euclid's algorithm; both at least 1."""
    while b > 0:
        a, b = b, a % b
    return a


@inlined
def distinct(n: Real, step: int, k: Real, pitch: int) -> Real:
    """Return how many positions i * step + j * pitch there are: all pairs less those that repeat an earlier one."""
    divisor = greatest_common_divisor(step, pitch)
    return n * k - max(0.0, n - pitch // divisor) * max(0.0, k - step // divisor)


@inlined
def bounding(n: Real, step: int, k: Real, pitch: int) -> Real:
    """Return the length of the interval from the first to the last position."""
    return step * (n - 1) + pitch * (k - 1) + 1


@inlined
def interval_overlap(length: Real, shift: Real) -> Real:
    """Return how many positions an interval shares with itself shifted."""
    return max(0.0, length - abs(shift))


@inlined
def comb_overlap(teeth: Real, distance: int, width: Real, shift: Real) -> Real:
    """Return how many positions ``teeth`` of ``width`` < ``distance`` share with themselves shifted."""
    whole = shift // distance
    rest = shift - whole * distance
    first = max(0.0, teeth - whole) * max(0.0, width - rest)
    return first + max(0.0, teeth - whole - 1) * max(0.0, width - (distance - rest))


@inlined
def touched_overlap(n: Real, step: int, k: Real, pitch: int, shift: Real) -> Real:
    """Return how many touched positions a tile shares with itself shifted by ``shift``.

    Exact where step or pitch divides the other, which every usual layer's do; else shifts other than 0 count as sharing
    nothing.
    """
    divisor = greatest_common_divisor(step, pitch)
    a, b = step // divisor, pitch // divisor
    moved = abs(shift)
    if moved % divisor != 0:
        return 0.0
    moved = moved / divisor
    if b == 1:
        return interval_overlap(a * (n - 1) + k, moved) if k >= a else comb_overlap(n, a, k, moved)
    if a == 1:
        return interval_overlap(n + b * (k - 1), moved) if n >= b else comb_overlap(k, b, n, moved)
    return n * k - max(0.0, n - b) * max(0.0, k - a) if moved == 0 else 0.0
