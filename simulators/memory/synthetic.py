"""Synthetic workloads by name, seed and parameters: ``synthetic/<generator>?key=value&key=value``.

For example ``synthetic/uniform-random?requests=5000&seed=3&write_fraction=0.3``. Each generator is a frozen
dataclass below: its fields are the keys, their metadata the ranges and meanings. A comma separates keys as well
as an ampersand does, which saves quoting in a shell. Every request moves 64 bytes and stays inside ``capacity``.

The same specification gives the same bits on every platform and NumPy version: only raw 64-bit outputs of
PCG64 (whose stream NumPy keeps stable, NEP 19) and integer arithmetic are used, no floating-point functions.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.memory._sizes import parse_size
from simulators.memory.trace import REQUEST_BYTES, Trace

PREFIX = "synthetic/"
GIB = 1 << 30
MIB = 1 << 20

Lines = NDArray[np.int64]
"""Numbers of 64-byte lines (or cycles), int64[n]."""


class Draws:
    """Random integers of one seed (PCG64, raw outputs only)."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def raw(self, n: int) -> NDArray[np.uint64]:
        """Return uint64[n], uniform over all values."""
        return np.asarray(self._bits.random_raw(n), dtype=np.uint64)

    def below(self, bound: int, n: int) -> Lines:
        """Return int64[n] in ``0..bound-1``, ``1 <= bound <= 2^32``.

        Multiply-and-shift (Lemire, arXiv 1805.10941, without the rejection): the bias is below
        ``bound / 2^32``.
        """
        return ((self.raw(n) >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)).astype(np.int64)

    def flags(self, fraction: float, n: int) -> NDArray[np.bool_]:
        """Return bool[n], each true with probability ``fraction`` (exact to 2^-32)."""
        return self.below(1 << 32, n) < int(fraction * (1 << 32))

    def order(self, n: int) -> Lines:
        """Return a random permutation of ``0..n-1``: the order of n raw outputs (ties stay in place)."""
        return np.argsort(self.raw(n), kind="stable").astype(np.int64)


def _key(default: int | float, low: int | float, high: int | float, doc: str) -> Any:
    return dataclasses.field(default=default, metadata={"low": low, "high": high, "doc": doc})


@dataclass(frozen=True, kw_only=True)
class Generator:
    """What all generators share: size, seed, write share, pace and the addresses they stay within."""

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    requests: int = _key(10_000, 1, 100_000_000, "number of requests")
    seed: int = _key(0, 0, 2**63 - 1, "seed of all random choices")
    write_fraction: float = _key(0.0, 0.0, 1.0, "probability that a request (or a whole run) is a write")
    interval: int = _key(4, 0, 1_000_000, "mean cycles between requests; 4 is the data bus rate of DDR3")
    capacity: int = _key(GIB, 1 << 16, 1 << 38, "bytes of memory; addresses lie below")

    def __post_init__(self) -> None:
        for key in dataclasses.fields(self):
            value, low, high = getattr(self, key.name), key.metadata["low"], key.metadata["high"]
            wanted = float if isinstance(key.default, float) else int
            good_type = isinstance(value, wanted | int) and not isinstance(value, bool)
            if not good_type or not low <= value <= high:
                kind = "a number" if wanted is float else "an integer"
                raise InvalidInputError(
                    f"workload {PREFIX}{self.name}: {key.name} must be {kind} in {low}..{high}, got {value!r}"
                )
            object.__setattr__(self, key.name, wanted(value))
        if self.capacity % REQUEST_BYTES:
            raise InvalidInputError(
                f"workload {PREFIX}{self.name}: capacity must be a multiple of {REQUEST_BYTES} bytes, "
                f"got {self.capacity}"
            )

    @property
    def lines(self) -> int:
        """How many 64-byte lines fit into the capacity."""
        return self.capacity // REQUEST_BYTES

    @property
    def spec(self) -> str:
        """The canonical name: only keys that differ from their defaults, in the order of the fields."""
        changed = [
            f"{key.name}={getattr(self, key.name)}"
            for key in dataclasses.fields(self)
            if getattr(self, key.name) != key.default
        ]
        return PREFIX + self.name + ("?" + "&".join(changed) if changed else "")

    def generate(self, clock_mhz: float = 800.0) -> Trace:
        """Return the workload; its cycles count in ``clock_mhz``, its name is :attr:`spec`."""
        draws = Draws(self.seed)
        lines, is_write = self._accesses(draws)
        cycle = self._cycles(draws)
        address = (lines % self.lines * REQUEST_BYTES).astype(np.uint64)
        return Trace(self.spec, cycle, is_write, address, clock_mhz)

    def _accesses(self, draws: Draws) -> tuple[Lines, NDArray[np.bool_]]:
        """Return line numbers (wrapped at the capacity by the caller) and directions, both [requests]."""
        return self._lines(draws), draws.flags(self.write_fraction, self.requests)

    def _lines(self, draws: Draws) -> Lines:
        raise NotImplementedError

    def _cycles(self, draws: Draws) -> Lines:
        """Return int64[requests]: one request each ``interval`` cycles."""
        return np.arange(self.requests, dtype=np.int64) * self.interval


@dataclass(frozen=True, kw_only=True)
class Streaming(Generator):
    """Walk through memory line by line; several streams take turns, equally far apart in memory."""

    name: ClassVar[str] = "streaming"
    summary: ClassVar[str] = "sequential lines, one or several streams taking turns"

    streams: int = _key(1, 1, 64, "arrays walked at the same time, each from its own share of memory")

    def _lines(self, draws: Draws) -> Lines:
        turn = np.arange(self.requests, dtype=np.int64)
        return turn % self.streams * (self.lines // self.streams) + turn // self.streams


@dataclass(frozen=True, kw_only=True)
class UniformRandom(Generator):
    """Every request goes to a line drawn uniformly from the whole capacity."""

    name: ClassVar[str] = "uniform-random"
    summary: ClassVar[str] = "independent lines, uniform over the capacity: hardly a row hit"

    interval: int = _key(8, 0, 1_000_000, "mean cycles between requests, uniform in 0..2*interval")

    def _lines(self, draws: Draws) -> Lines:
        return draws.below(self.lines, self.requests)

    def _cycles(self, draws: Draws) -> Lines:
        return np.cumsum(draws.below(2 * self.interval + 1, self.requests))


@dataclass(frozen=True, kw_only=True)
class Strided(Generator):
    """Steps of ``stride`` bytes through a region; each wrap moves on by one line (a column-wise matrix walk)."""

    name: ClassVar[str] = "strided"
    summary: ClassVar[str] = "constant stride through a region, as when walking down a matrix column"

    interval: int = _key(8, 0, 1_000_000, "cycles between requests")
    stride: int = _key(4096, REQUEST_BYTES, GIB, "bytes from one request to the next, a multiple of 64")
    region: int = _key(16 * MIB, REQUEST_BYTES, 1 << 38, "bytes walked before wrapping, at least the stride")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stride % REQUEST_BYTES or not self.stride <= self.region <= self.capacity:
            raise InvalidInputError(
                f"workload {PREFIX}{self.name}: stride must be a multiple of {REQUEST_BYTES}, and stride <= region <= "
                f"capacity; got stride={self.stride}, region={self.region}, capacity={self.capacity}"
            )

    def _lines(self, draws: Draws) -> Lines:
        turn = np.arange(self.requests, dtype=np.int64)
        stride, steps = self.stride // REQUEST_BYTES, self.region // self.stride
        return turn % steps * stride + turn // steps % stride


@dataclass(frozen=True, kw_only=True)
class PointerChase(Generator):
    """Follow one random cycle through all nodes of a region: each line once per lap, one miss at a time."""

    name: ClassVar[str] = "pointer-chase"
    summary: ClassVar[str] = "one random cycle through a region, a miss at a time: latency is everything"

    interval: int = _key(48, 0, 1_000_000, "cycles between requests; 48 is a miss and some work at 800 MHz")
    nodes: int = _key(1 << 16, 2, 1 << 24, "lines in the cycle, one node each")

    def _lines(self, draws: Draws) -> Lines:
        # The nodes in random order, closed to a ring, is a uniformly random cycle.
        ring = draws.order(min(self.nodes, self.lines))
        return np.resize(ring, self.requests)


@dataclass(frozen=True, kw_only=True)
class Bursty(Generator):
    """Sequential bursts from random places, sent back to back, with random silence between them."""

    name: ClassVar[str] = "bursty"
    summary: ClassVar[str] = "back-to-back sequential bursts from random places, silence between"

    write_fraction: float = _key(0.3, 0.0, 1.0, "probability that a burst is written, not read")
    interval: int = _key(1, 0, 1_000_000, "cycles between the requests of a burst")
    burst: int = _key(32, 1, 100_000, "requests in a burst")
    silence: int = _key(300, 0, 1 << 30, "mean cycles between bursts, uniform in 0..2*silence")

    def _accesses(self, draws: Draws) -> tuple[Lines, NDArray[np.bool_]]:
        turn = np.arange(self.requests, dtype=np.int64)
        bursts = -(-self.requests // self.burst)
        start = draws.below(self.lines, bursts)
        is_write = draws.flags(self.write_fraction, bursts)
        return start[turn // self.burst] + turn % self.burst, is_write[turn // self.burst]

    def _cycles(self, draws: Draws) -> Lines:
        turn = np.arange(self.requests, dtype=np.int64)
        silence = np.cumsum(draws.below(2 * self.silence + 1, -(-self.requests // self.burst)))
        return turn * self.interval + (silence - silence[0])[turn // self.burst]


@dataclass(frozen=True, kw_only=True)
class CloudMixture(Generator):
    """Many tenants at once: a Zipf-popular hot set, sequential runs, scattered accesses, quiet phases.

    An event is a hot access, a run or a scattered access; the shares below count requests. The k-th hot line
    is drawn with weight 1/k (Zipf's law with exponent 1, in integers). A run is read or written as a whole.
    """

    name: ClassVar[str] = "cloud-mixture"
    summary: ClassVar[str] = "Zipf-popular hot lines, sequential runs, scattered accesses, quiet phases"

    write_fraction: float = _key(0.3, 0.0, 1.0, "probability that an event is a write")
    interval: int = _key(6, 0, 1_000_000, "mean cycles between requests, uniform in 0..2*interval")
    hot_share: float = _key(0.4, 0.0, 1.0, "share of requests that go to the hot set")
    run_share: float = _key(0.4, 0.0, 1.0, "share of requests that belong to sequential runs")
    hot_lines: int = _key(4096, 1, 1 << 20, "lines in the hot set, scattered over the capacity")
    run_length: int = _key(16, 1, 10_000, "mean requests in a run, uniform in 1..2*run_length-1")
    phase: int = _key(2000, 1, 100_000_000, "requests between quiet phases")
    quiet: int = _key(8000, 0, 1 << 30, "cycles of a quiet phase")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hot_share + self.run_share > 1.0:
            raise InvalidInputError(
                f"workload {PREFIX}{self.name}: hot_share + run_share must be at most 1, "
                f"got {self.hot_share} + {self.run_share}"
            )

    def _accesses(self, draws: Draws) -> tuple[Lines, NDArray[np.bool_]]:
        n = self.requests  # events; each has at least one request, so n of them are enough
        kind = self._kinds(draws.below(1 << 32, n))
        length = np.where(kind == 1, 1 + draws.below(2 * self.run_length - 1, n), 1)
        start = np.where(kind == 0, self._hot(draws, n), draws.below(self.lines, n))
        is_write = draws.flags(self.write_fraction, n)
        event = np.repeat(np.arange(n), length)[:n]
        first = np.cumsum(length) - length
        return start[event] + np.arange(n) - first[event], is_write[event]

    def _kinds(self, draw: Lines) -> Lines:
        """0 hot, 1 run, 2 scattered: a run's probability per event is its share divided by its mean length."""
        run = self.run_share / self.run_length
        whole = run + 1.0 - self.run_share
        hot, either = (int(share / whole * (1 << 32)) for share in (self.hot_share, self.hot_share + run))
        return (draw >= hot).astype(np.int64) + (draw >= either)

    def _hot(self, draws: Draws, n: int) -> Lines:
        places = draws.below(self.lines, self.hot_lines)
        weight_up_to = np.cumsum((1 << 27) // np.arange(1, self.hot_lines + 1, dtype=np.int64))
        return places[np.searchsorted(weight_up_to, draws.below(int(weight_up_to[-1]), n), side="right")]

    def _cycles(self, draws: Draws) -> Lines:
        gaps = draws.below(2 * self.interval + 1, self.requests)
        gaps[self.phase :: self.phase] += self.quiet
        return np.cumsum(gaps)


GENERATORS: Mapping[str, type[Generator]] = {
    kind.name: kind for kind in (Streaming, UniformRandom, Strided, PointerChase, Bursty, CloudMixture)
}
"""Every generator by its name."""


def synthetic_names() -> tuple[str, ...]:
    """Return the names of all generators with the prefix ``synthetic/``."""
    return tuple(PREFIX + name for name in GENERATORS)


def parse_spec(spec: str) -> Generator:
    """Turn ``synthetic/<generator>?key=value&...`` into its generator object.

    Integers may be written with underscores and with KiB, MiB or GiB behind them.

    Raises:
        UnknownNameError: a generator or key that does not exist; names the nearest.
        InvalidInputError: a value of the wrong type or out of range, a key twice, or no ``key=value``.
    """
    name, _, query = spec.partition("?")
    kind = GENERATORS.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    if kind is None:
        raise UnknownNameError("synthetic workload", name, synthetic_names())
    keys = {key.name: key for key in dataclasses.fields(kind)}
    values: dict[str, int | float] = {}
    for part in re.split("[&,]", query) if query else ():
        key, equals, text = part.partition("=")
        if not equals:
            raise InvalidInputError(f"workload {spec!r}: expected key=value after '?', got {part!r}")
        if key not in keys:
            raise UnknownNameError(f"key of workload {name}:", key, keys)
        if key in values:
            raise InvalidInputError(f"workload {spec!r}: {key} is given twice")
        values[key] = _number(f"workload {spec!r}: {key}", text, isinstance(keys[key].default, float))
    return kind(**values)  # type: ignore[arg-type]  # checked in __post_init__


def _number(what: str, text: str, is_float: bool) -> int | float:
    number = parse_size(text)
    if number is not None:
        return number
    try:
        value = float(text) if is_float else None
    except ValueError:
        value = None
    if value is None:
        wanted = "a number such as 0.3" if is_float else "an integer such as 5000 or 16MiB"
        raise InvalidInputError(f"{what} must be {wanted}, got {text!r}")
    return value
