"""Recording memory traces of real programs: valgrind's lackey, a cache filter, a clock, a page allocation."""

from __future__ import annotations

from simulators.memory.recording.caches import CacheFilter, CacheLevel
from simulators.memory.recording.lackey import ProgramFailedError, stream_accesses
from simulators.memory.recording.pages import physical_addresses
from simulators.memory.recording.recorder import (
    MemoryRequests,
    Recipe,
    cut_trace,
    describe_recording,
    record,
    run_through_caches,
    write_recording,
)

__all__ = [
    "CacheFilter",
    "CacheLevel",
    "MemoryRequests",
    "ProgramFailedError",
    "Recipe",
    "cut_trace",
    "describe_recording",
    "physical_addresses",
    "record",
    "run_through_caches",
    "stream_accesses",
    "write_recording",
]
