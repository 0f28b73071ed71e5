"""Synthetic workloads: the grammar, the promised shapes, and bits that never change."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.memory.synthetic import GENERATORS, Draws, Generator, parse_spec, synthetic_names
from simulators.memory.trace import Trace
from simulators.memory.workloads import row_reuse

# Written down once: a change means that results of the same name are no longer comparable.
DIGESTS = {
    "streaming": "1d7b000555e0a6c1",
    "uniform-random": "ad75f6fbcbd44587",
    "strided": "86813f7f4567eea4",
    "pointer-chase": "78bd0c348beb4b9b",
    "bursty": "8d3b044ae0ee8349",
    "cloud-mixture": "4c2e0e8f4ef160aa",
}


def make(spec: str) -> Trace:
    return parse_spec(f"synthetic/{spec}").generate()


def test_the_bits_of_a_specification_never_change() -> None:
    assert {name: make(name).digest[:16] for name in GENERATORS} == DIGESTS


def test_raw_draws_are_pcg64() -> None:
    # The first outputs of NumPy's PCG64(0); its stream is promised never to change (NEP 19).
    assert Draws(0).raw(2).tolist() == [11749869230777074271, 4976686463289251617]
    raw = np.random.PCG64(5).random_raw(1000).tolist()
    assert Draws(5).below(10, 1000).tolist() == [(value >> 32) * 10 >> 32 for value in raw]
    assert sorted(Draws(5).order(50).tolist()) == list(range(50))


def test_draws_below_are_uniform() -> None:
    counts = np.bincount(Draws(1).below(7, 70_000), minlength=7)
    # Each count is binomial(70 000, 1/7): mean 10 000, standard deviation 92.6; five of them are allowed.
    assert counts.size == 7 and np.all(np.abs(counts - 10_000) < 463)


@pytest.mark.parametrize("name", list(GENERATORS))
@settings(max_examples=25, deadline=None)
@given(
    requests=st.integers(1, 300),
    seed=st.integers(0, 2**63 - 1),
    write_fraction=st.floats(0, 1),
    capacity=st.sampled_from([1 << 16, 1 << 24, (1 << 24) + 64 * 77, 1 << 30, 1 << 38]),
)
def test_every_generator_keeps_the_common_promises(
    name: str, requests: int, seed: int, write_fraction: float, capacity: int
) -> None:
    region = {"region": min(capacity, 1 << 24)} if name == "strided" else {}
    generator = GENERATORS[name](
        requests=requests, seed=seed, write_fraction=write_fraction, capacity=capacity, **region
    )
    trace = generator.generate(933.0)
    assert len(trace) == requests and trace.clock_mhz == 933.0 and trace.is_ordered
    assert not np.any(trace.address % 64) and int(trace.address.max()) < capacity
    assert write_fraction > 0 or not trace.is_write.any()
    assert write_fraction < 1 or trace.is_write.all()
    again = parse_spec(trace.name)
    assert again == generator and again.generate(933.0) == trace


@pytest.mark.parametrize("name", [name for name in GENERATORS if name not in ("streaming", "strided")])
def test_another_seed_gives_another_trace(name: str) -> None:
    assert make(f"{name}?seed=1").digest != make(f"{name}?seed=2").digest


def test_streaming_walks_line_by_line_and_streams_take_turns() -> None:
    assert make("streaming?requests=4").address.tolist() == [0, 64, 128, 192]
    trace = make("streaming?requests=5&streams=2&capacity=1MiB&interval=7")
    assert trace.address.tolist() == [0, 1 << 19, 64, (1 << 19) + 64, 128]
    assert trace.cycle.tolist() == [0, 7, 14, 21, 28]


def test_strided_wraps_to_the_next_line() -> None:
    trace = make("strided?requests=7&stride=128&region=384&interval=0")
    assert trace.address.tolist() == [0, 128, 256, 64, 192, 320, 0]
    assert trace.cycle.tolist() == [0] * 7


def test_pointer_chase_visits_every_node_once_per_lap() -> None:
    trace = make("pointer-chase?requests=300&nodes=100")
    laps = trace.address.reshape(3, 100) // 64
    assert sorted(laps[0].tolist()) == list(range(100))
    assert np.array_equal(laps[0], laps[1]) and np.array_equal(laps[0], laps[2])


def test_uniform_random_covers_the_capacity_at_the_stated_pace() -> None:
    trace = make("uniform-random?requests=20000&interval=8&write_fraction=0.25")
    eighths = np.bincount((trace.address >> np.uint64(27)).astype(int), minlength=8)
    assert np.all(np.abs(eighths - 2500) < 5 * 46.8)  # binomial(20 000, 1/8): standard deviation 46.8
    assert abs(trace.cycle[-1] / 20_000 - 8) < 5 * 4.9 / 141  # a gap in 0..16 has standard deviation 4.9
    assert abs(trace.is_write.mean() - 0.25) < 5 * 0.00306
    assert row_reuse(trace) < 0.001


def test_bursty_has_sequential_bursts_with_silence_between() -> None:
    trace = make("bursty?requests=1000&burst=10&silence=50")
    gaps, steps = np.diff(trace.cycle), np.diff(trace.address.astype(np.int64))
    inside = np.arange(999) % 10 != 9
    assert np.all(gaps[inside] == 1)
    assert np.all((steps[inside] == 64) | (steps[inside] == 64 - 2**30))  # a burst wraps at the capacity
    assert gaps[~inside].min() >= 1 and gaps[~inside].max() <= 101 and 35 < gaps[~inside].mean() < 67
    assert np.all(trace.is_write.reshape(100, 10).sum(axis=1) % 10 == 0)


def test_cloud_mixture_has_the_stated_shares() -> None:
    trace = make("cloud-mixture?requests=40000&seed=4")
    line = trace.address // np.uint64(64)
    sequential = np.mean(line[1:] == line[:-1] + np.uint64(1))
    assert 0.34 < sequential < 0.40  # 0.4 of the requests are in runs of 16 on average, whose first are not counted
    _, counts = np.unique(line, return_counts=True)
    ranked = np.sort(counts)[::-1]
    harmonic = np.sum(1 / np.arange(1, 4097))
    # Zipf: the k-th hot line gets share 0.4 / (k H); the most popular is some 1 800 of 40 000.
    assert abs(ranked[0] - 16_000 / harmonic) < 5 * np.sqrt(16_000 / harmonic)
    assert abs(ranked[9] - 1_600 / harmonic) < 5 * np.sqrt(1_600 / harmonic)
    assert 0.27 < trace.is_write.mean() < 0.33
    gaps = np.diff(trace.cycle)
    assert np.flatnonzero(gaps >= 8000).tolist() == [2000 * k - 1 for k in range(1, 20)]
    assert gaps[gaps < 8000].max() == 12


def test_cloud_mixture_can_be_all_of_one_kind() -> None:
    scattered = make("cloud-mixture?hot_share=0&run_share=0&requests=2000")
    assert np.unique(scattered.address).size > 1990
    hot = make("cloud-mixture?hot_share=1&run_share=0&hot_lines=5&requests=2000")
    assert np.unique(hot.address).size == 5
    runs = make("cloud-mixture?hot_share=0&run_share=1&run_length=1&requests=2000")
    assert np.unique(runs.address).size > 1990


# ---------------------------------------------------------------- the grammar


def test_specifications_have_one_canonical_form() -> None:
    spec = "synthetic/uniform-random?write_fraction=0.30,requests=5_000&capacity=256MiB,interval=8"
    assert parse_spec(spec).spec == "synthetic/uniform-random?requests=5000&write_fraction=0.3&capacity=268435456"
    assert parse_spec("synthetic/streaming?seed=0").spec == "synthetic/streaming"
    assert synthetic_names() == tuple(f"synthetic/{name}" for name in GENERATORS)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("synthetic/streaming?seed=-1", "seed must be an integer"),
        ("synthetic/streaming?requests=0", r"requests must be an integer in 1\.\."),
        ("synthetic/streaming?requests=1e4", "requests must be an integer such as 5000"),
        ("synthetic/streaming?requests=", "requests must be an integer"),
        ("synthetic/streaming?write_fraction=1.5", r"write_fraction must be a number in 0.0\.\.1.0, got 1.5"),
        ("synthetic/streaming?write_fraction=nan", "write_fraction must be a number"),
        ("synthetic/streaming?write_fraction=lots", "write_fraction must be a number such as"),
        ("synthetic/streaming?seed", r"expected key=value after '\?', got 'seed'"),
        ("synthetic/streaming?seed=1&seed=2", "seed is given twice"),
        ("synthetic/streaming?capacity=100000", "capacity must be a multiple of 64"),
        ("synthetic/strided?stride=100", "stride must be a multiple of 64"),
        ("synthetic/strided?stride=8KiB&region=4KiB", "stride <= region"),
        ("synthetic/cloud-mixture?hot_share=0.9", "must be at most 1"),
    ],
)
def test_bad_values_are_explained(spec: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parse_spec(spec)


def test_unknown_words_name_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'synthetic/streaming'"):
        parse_spec("synthetic/streeming?seed=1")
    with pytest.raises(UnknownNameError, match="did you mean 'write_fraction'"):
        parse_spec("synthetic/bursty?write_fracton=0.3")


@pytest.mark.parametrize("kind", GENERATORS.values())
def test_every_key_is_documented_and_its_default_in_range(kind: type[Generator]) -> None:
    assert kind.summary and kind.__doc__
    for key in dataclasses.fields(kind):
        assert key.metadata["doc"] and key.metadata["low"] <= key.default <= key.metadata["high"]


def test_python_values_are_checked_like_text() -> None:
    streaming = GENERATORS["streaming"]
    assert streaming(write_fraction=1).write_fraction == 1.0
    for bad in ({"requests": 2.5}, {"requests": True}, {"seed": "3"}):
        with pytest.raises(InvalidInputError, match="must be an integer"):
            streaming(**bad)
