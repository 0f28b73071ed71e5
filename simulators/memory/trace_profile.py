"""A trace's profile: what it asks of a memory, in numbers that say how hard that is.

Banks and rows are those of a memory specification's address mapping; times are the trace's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.memory._trace_reuse import reuse_distances
from simulators.memory._trace_rows import in_order_hits, most_hits, row_numbers, run_lengths
from simulators.memory.specification import MemorySpecification
from simulators.memory.trace import REQUEST_BYTES, Trace, sent_cycles

PAGE_BYTES = 4096
WINDOWS = (16, 64, 256)
"""Requests that may be reordered among each other, for the bound of row hits."""

_MOST_WINDOWS = 4_000_000


@dataclass(frozen=True)
class Burstiness:
    """How unevenly requests arrive.

    Attributes:
        window_ns: length of the time windows that requests are counted in.
        windows: how many whole windows the trace fills.
        mean, peak: requests in a window.
        peak_to_mean: their ratio, 1 for a steady stream.
        dispersion: variance of the counts divided by their mean: 0 steady, 1 as random as a Poisson process, more when
            requests come in bursts.
        idle_fraction: share of windows without a request.
    """

    window_ns: float
    windows: int
    mean: float
    peak: int
    peak_to_mean: float
    dispersion: float
    idle_fraction: float


@dataclass(frozen=True)
class TraceProfile:
    """What a trace asks of a memory.

    Attributes:
        name, requests, digest: of the trace.
        memory, clock_mhz, capacity_bytes, burst_bytes, peak_gbit_per_s: of the memory; a request is one burst.
        write_fraction: share of writes.
        direction_switches: share of requests whose direction differs from that of the request before.
        footprint_bytes, pages, rows: distinct 64-byte lines times 64, distinct 4 KiB pages, distinct rows.
        lowest_address, highest_address: byte addresses.
        duration_ns: time of the latest request, from cycle 0.
        offered_gbit_per_s: bits requested per ns of duration; None if all requests come at cycle 0.
        offered_load: that as a share of the peak.
        gap_cycles: median, 90 %, 99 % and longest time from one request to the next.
        late_fraction: share of requests that cannot leave at their cycle, since one leaves per cycle, in order.
        burstiness: in windows of 100 ns, 1 us and 10 us (those that the trace fills ten times at least and
            four million times at most, since nearly all the windows of a sparser trace are empty).
        row_hits_in_order: share of requests that hit if banks keep order and rows stay open.
        row_hits_at_most: window -> bound of that share when the requests of a window are served in any order.
        row_hits_limit: the same for a window as long as the trace.
        run_length_mean, run_length_longest: requests of one bank to one row in a row.
        bank_share: share of requests per bank, all of the memory's banks.
        bank_largest_share: the largest of them.
        bank_entropy: entropy of the shares over its maximum, log2(banks): 1 when all banks are used alike.
        reused_fraction: share of requests to a line that was asked for before.
        reuse_distance_median, reuse_distance_p90: of those, other lines asked for in between; None without reuse.
    """

    name: str
    requests: int
    digest: str
    memory: str
    clock_mhz: float
    capacity_bytes: int
    burst_bytes: int
    peak_gbit_per_s: float
    write_fraction: float
    direction_switches: float
    footprint_bytes: int
    pages: int
    rows: int
    lowest_address: int
    highest_address: int
    duration_ns: float
    offered_gbit_per_s: float | None
    offered_load: float | None
    gap_cycles: tuple[float, float, float, float]
    late_fraction: float
    burstiness: tuple[Burstiness, ...]
    row_hits_in_order: float
    row_hits_at_most: dict[int, float]
    row_hits_limit: float
    run_length_mean: float
    run_length_longest: int
    bank_share: tuple[float, ...]
    bank_largest_share: float
    bank_entropy: float
    reused_fraction: float
    reuse_distance_median: float | None
    reuse_distance_p90: float | None


def profile_trace(trace: Trace, memory: MemorySpecification) -> TraceProfile:
    """Return the profile of ``trace`` on ``memory`` (10 million requests: 19 s, 1.1 GB)."""
    bank, row = memory.decode(trace.address)
    number = row_numbers(bank, row)
    hits = in_order_hits(bank, number)
    runs = run_lengths(bank, hits)
    share = np.bincount(bank, minlength=memory.organisation.banks) / len(trace)
    line = trace.address // np.uint64(REQUEST_BYTES)
    distance = reuse_distances(line)
    again = distance[distance >= 0]
    duration = trace.duration_ns
    offered = 8.0 * memory.burst_bytes * len(trace) / duration if duration else None
    return TraceProfile(
        name=trace.name,
        requests=len(trace),
        digest=trace.digest,
        memory=memory.name,
        clock_mhz=trace.clock_mhz,
        capacity_bytes=memory.capacity_bytes,
        burst_bytes=memory.burst_bytes,
        peak_gbit_per_s=memory.peak_bandwidth_gbit_per_s,
        write_fraction=float(trace.is_write.mean()),
        direction_switches=float(np.count_nonzero(np.diff(trace.is_write)) / len(trace)),
        footprint_bytes=int(np.count_nonzero(distance < 0)) * REQUEST_BYTES,
        pages=int(np.unique(trace.address // np.uint64(PAGE_BYTES)).size),
        rows=int(number.max()) + 1,
        lowest_address=int(trace.address.min()),
        highest_address=int(trace.address.max()),
        duration_ns=duration,
        offered_gbit_per_s=offered,
        offered_load=None if offered is None else offered / memory.peak_bandwidth_gbit_per_s,
        gap_cycles=_gaps(trace),
        late_fraction=float(np.count_nonzero(sent_cycles(trace.cycle) > trace.cycle) / len(trace)),
        burstiness=tuple(
            burstiness(trace, ns) for ns in (100.0, 1000.0, 10000.0) if 10 * ns <= duration <= _MOST_WINDOWS * ns
        ),
        row_hits_in_order=float(hits.mean()),
        row_hits_at_most={window: most_hits(bank, number, window) / len(trace) for window in WINDOWS},
        row_hits_limit=1.0 - (int(number.max()) + 1) / len(trace),
        run_length_mean=float(runs.mean()),
        run_length_longest=int(runs.max()),
        bank_share=tuple(share.tolist()),
        bank_largest_share=float(share.max()),
        bank_entropy=_evenness(share),
        reused_fraction=len(again) / len(trace),
        reuse_distance_median=float(np.median(again)) if again.size else None,
        reuse_distance_p90=float(np.percentile(again, 90)) if again.size else None,
    )


def row_runs(trace: Trace, memory: MemorySpecification) -> NDArray[np.int64]:
    """Return the lengths of the runs of requests of one bank to one row: int64[k], their sum is n."""
    bank, row = memory.decode(trace.address)
    return run_lengths(bank, in_order_hits(bank, row))


def arrivals(trace: Trace, window_ns: float) -> NDArray[np.int64]:
    """Return int64[k]: requests in each window of ``window_ns`` from cycle 0; the last one may be cut short.

    Raises:
        InvalidInputError: a window that is not positive.
    """
    if not window_ns > 0:
        raise InvalidInputError(f"a window must be longer than 0 ns, got {window_ns}")
    return np.bincount((trace.cycle * (1000.0 / trace.clock_mhz / window_ns)).astype(np.int64))


def burstiness(trace: Trace, window_ns: float) -> Burstiness:
    """Return how unevenly the requests of ``trace`` arrive, over whole windows (the last one counts if it is alone)."""
    counts = arrivals(trace, window_ns)
    counts = counts[:-1] if len(counts) > 1 else counts
    mean, peak = float(counts.mean()), int(counts.max())
    return Burstiness(
        window_ns=window_ns,
        windows=len(counts),
        mean=mean,
        peak=peak,
        peak_to_mean=peak / mean if mean else 0.0,
        dispersion=float(counts.var()) / mean if mean else 0.0,
        idle_fraction=float(np.count_nonzero(counts == 0) / len(counts)),
    )


def _gaps(trace: Trace) -> tuple[float, float, float, float]:
    gaps = np.maximum(np.diff(trace.cycle), 0) if len(trace) > 1 else np.zeros(1)
    median, p90, p99 = np.percentile(gaps, (50, 90, 99)).tolist()
    return median, p90, p99, float(gaps.max())


def _evenness(share: NDArray[np.float64]) -> float:
    used = share[share > 0]
    return float(-(used * np.log2(used)).sum() / np.log2(len(share))) + 0.0 if len(share) > 1 else 1.0
