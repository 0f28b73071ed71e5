"""A random stream per run: xoshiro256++ (Blackman and Vigna, ACM TOMS 47, 2021).

``streams`` is uint64 ``[runs, 4]``, one state per run, advanced in place: what a run draws depends on its own draws
only.
"""

from __future__ import annotations

import numpy as np

from agents.kernels.kernel_options import SOURCE, compiled, entry_point


@compiled
def next_bits(streams: np.ndarray, run: int) -> np.uint64:
    """Return the next 64 random bits of a run."""
    a, b, c, d = streams[run, 0], streams[run, 1], streams[run, 2], streams[run, 3]
    total = a + d
    result = ((total << np.uint64(23)) | (total >> np.uint64(41))) + a
    shifted = b << np.uint64(17)
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << np.uint64(45)) | (d >> np.uint64(19))
    streams[run, 0], streams[run, 1], streams[run, 2], streams[run, 3] = a, b, c, d
    return result


@compiled
def uniform(streams: np.ndarray, run: int) -> float:
    """Return a number in [0, 1) with 53 random bits."""
    return np.int64(next_bits(streams, run) >> np.uint64(11)) * 2.0**-53


@compiled
def below(streams: np.ndarray, run: int, count: int) -> int:
    """Return an integer in [0, count), ``count`` below 2^31; some are likelier by a share of count / 2^32 at most."""
    return int(np.int64(((next_bits(streams, run) >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32)))


def _entry_points(source: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    @entry_point
    def draw_designs(streams: np.ndarray, runs: np.ndarray, counts: np.ndarray, designs: np.ndarray) -> int:
        """Write uniformly random designs ``[k, d]``, row i from the stream of ``runs[i]``."""
        for i in range(len(runs)):
            for j in range(len(counts)):
                designs[i, j] = below(streams, runs[i], counts[j])
        return 0 * source

    return draw_designs


draw_designs = _entry_points(SOURCE)
