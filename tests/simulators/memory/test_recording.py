"""Recording: the lackey parser, the cache filter against a plain model, pages, windows, and a real program."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.errors import ArchgymError, InvalidInputError
from simulators.memory.recording import (
    CacheFilter,
    CacheLevel,
    MemoryRequests,
    Recipe,
    cut_trace,
    physical_addresses,
    record,
    run_through_caches,
    stream_accesses,
)
from simulators.memory.recording.__main__ import main
from simulators.memory.recording.caches import INSTRUCTION, LOAD, MODIFY, STORE
from simulators.memory.recording.lackey import parse_lackey
from simulators.memory.recording.programs.texts import log_text, record_text
from simulators.memory.recording.recorder import PLAIN_ENVIRONMENT
from simulators.memory.trace import read_stl

needs_valgrind = pytest.mark.skipif(
    shutil.which("valgrind") is None or shutil.which("setarch") is None,
    reason="recording needs the Debian packages valgrind and util-linux",
)


def accesses(*rows: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kind, address, size = zip(*rows, strict=True)
    return np.array(kind, np.uint8), np.array(address, np.uint64), np.array(size, np.int64)


# ---------------------------------------------------------------- lackey's text


def test_parses_lackey_lines_and_skips_the_rest() -> None:
    text = b"==12== Lackey\n==12== \nI  0401ab70,3\n S 1fff000768,8\n L 04033e06,16\n M 04033e06,1\nhello\n I x,1\nI \n"
    kind, address, size = parse_lackey(np.frombuffer(text, np.uint8))
    assert kind.tolist() == [INSTRUCTION, STORE, LOAD, MODIFY]
    assert address.tolist() == [0x401AB70, 0x1FFF000768, 0x4033E06, 0x4033E06]
    assert size.tolist() == [3, 8, 16, 1]


# ---------------------------------------------------------------- caches


class PlainCaches:
    """The same hierarchy, written with dictionaries: line -> dirty, least recently used first."""

    def __init__(self, first: CacheLevel, last: CacheLevel) -> None:
        self.levels = {"code": first, "data": first, "last": last}
        self.sets: dict[tuple[str, int], OrderedDict[int, bool]] = {}
        self.instructions = 0
        self.requests: list[tuple[int, int, bool]] = []

    def touch(self, name: str, line: int, dirty: bool) -> tuple[bool, int | None]:
        lines = self.sets.setdefault((name, line % self.levels[name].sets), OrderedDict())
        hit = line in lines
        victim = None
        if not hit and len(lines) == self.levels[name].ways:
            old, was_dirty = lines.popitem(last=False)
            victim = old if was_dirty else None
        lines[line] = lines.pop(line, False) or dirty
        return hit, victim

    def access(self, kind: int, address: int, size: int) -> None:
        self.instructions += kind == INSTRUCTION
        for line in range(address // 64, (address + size - 1) // 64 + 1):
            hit, victim = self.touch("code" if kind == INSTRUCTION else "data", line, kind in (STORE, MODIFY))
            if not hit:
                self.last_level(line, False)
            if victim is not None:
                self.last_level(victim, True)

    def last_level(self, line: int, write_back: bool) -> None:
        hit, victim = self.touch("last", line, write_back)
        if not hit and not write_back:
            self.requests.append((self.instructions, line, False))
        if victim is not None:
            self.requests.append((self.instructions, victim, True))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4000), st.integers(1, 130)), min_size=1, max_size=300),
    cut=st.integers(0, 300),
    last_ways=st.sampled_from([1, 2, 8]),
)
def test_the_filter_agrees_with_a_plain_model(rows: list[tuple[int, int, int]], cut: int, last_ways: int) -> None:
    first, last = CacheLevel(512, 2), CacheLevel(1024, last_ways)
    caches, plain = CacheFilter(first, last), PlainCaches(first, last)
    got: list[tuple[int, int, bool]] = []
    for part in (rows[:cut], rows[cut:]):  # the contents stay between blocks
        if part:
            got += zip(*(column.tolist() for column in caches.access(*accesses(*part))), strict=True)
    for row in rows:
        plain.access(*row)
    assert got == plain.requests
    assert caches.counts[0] == plain.instructions
    assert caches.counts[3] == sum(not is_write for _, _, is_write in plain.requests)


def test_a_streaming_write_reads_each_line_and_writes_it_back() -> None:
    caches = CacheFilter(CacheLevel(128, 1), CacheLevel(256, 2))
    rows = [(STORE, 64 * line, 8) for line in range(100)]
    _, line, is_write = caches.access(*accesses(*rows))
    assert line[~is_write].tolist() == list(range(100))
    # Lines 98 and 99 stay dirty in the first level. Each of the two sets of the last level ends with the clean copy
    # of one of them and the dirty line written back before it, 96 and 97. All older lines are in memory, in order.
    assert line[is_write].tolist() == list(range(96))


class PlainLevels:
    """Any number of levels behind a first one, as one recursive function over lists, most recent line first."""

    def __init__(self, *levels: CacheLevel) -> None:
        self.levels = (levels[0], *levels)
        self.sets: dict[tuple[int, int], list[list]] = {}
        self.requests: list[tuple[int, bool]] = []

    def ask(self, cache: int, line: int, dirty: bool, fetches: bool) -> None:
        if cache == len(self.levels):
            self.requests.append((line, not fetches))
            return
        lines = self.sets.setdefault((cache, line % self.levels[cache].sets), [])
        found = next((entry for entry in lines if entry[0] == line), None)
        victim = lines.pop() if found is None and len(lines) == self.levels[cache].ways else None
        if found is None:
            lines.insert(0, [line, dirty])
        else:
            lines.remove(found)
            lines.insert(0, [line, dirty or found[1]])
        below = 2 if cache < 2 else cache + 1
        if found is None and fetches:
            self.ask(below, line, False, True)
        if victim is not None and victim[1]:
            self.ask(below, victim[0], True, False)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6000), st.just(1)), min_size=1, max_size=300),
    count=st.integers(1, 4),
)
def test_any_number_of_levels_agrees_with_a_plain_model(rows: list[tuple[int, int, int]], count: int) -> None:
    levels = (CacheLevel(256, 2), CacheLevel(512, 4), CacheLevel(1024, 2), CacheLevel(2048, 8))[:count]
    plain = PlainLevels(*levels)
    for kind, address, _ in rows:
        plain.ask(0 if kind == INSTRUCTION else 1, address // 64, kind in (STORE, MODIFY), True)
    _, line, is_write = CacheFilter(*levels).access(*accesses(*rows))
    assert list(zip(line.tolist(), is_write.tolist(), strict=True)) == plain.requests


def test_instruction_fetches_can_be_left_out() -> None:
    rows = [(INSTRUCTION, 0, 4), (LOAD, 640, 8), (INSTRUCTION, 4096, 4), (STORE, 1280, 8)]
    caches = CacheFilter(CacheLevel(128, 1), instruction_fetches=False)
    instruction, line, _ = caches.access(*accesses(*rows))
    assert (line.tolist(), instruction.tolist()) == ([10, 20], [1, 2])
    assert caches.counts.tolist() == [2, 2, 2, 2]
    with pytest.raises(InvalidInputError, match="expected 1 to 4 cache levels, got 0"):
        CacheFilter()


@pytest.mark.parametrize(("size", "ways"), [(0, 1), (100, 1), (192, 1), (4096, 0), (4096, -1), (32768, 3)])
def test_impossible_caches_are_refused(size: int, ways: int) -> None:
    with pytest.raises(InvalidInputError, match="power of two of sets"):
        CacheLevel(size, ways)


# ---------------------------------------------------------------- pages


def test_pages_are_placed_at_first_touch_and_keep_their_lines() -> None:
    line = np.array([640, 641, 0, 640, 64 + 5, 63])  # pages 10, 10, 0, 10, 1, 0
    process = np.zeros(6, np.int64)
    address = physical_addresses(line, process, memory_bytes=1 << 20, seed=3)
    page, offset = address // 4096, address % 4096
    assert offset.tolist() == [0, 64, 0, 0, 5 * 64, 63 * 64]
    assert page[0] == page[1] == page[3] and page[2] == page[5] and len(set(page.tolist())) == 3
    # The k-th page to be touched gets the k-th frame, whatever its number.
    other = physical_addresses(np.array([0, 64, 128]), process[:3], memory_bytes=1 << 20, seed=3)
    assert (other // 4096).tolist() == [page[0], page[2], page[4]]


def test_processes_share_no_frames_and_memory_can_be_full() -> None:
    line, process = np.tile(np.arange(8) * 64, 2), np.repeat([0, 1], 8)
    address = physical_addresses(line, process, memory_bytes=16 * 4096, seed=0)
    assert sorted((address // 4096).tolist()) == list(range(16))
    with pytest.raises(InvalidInputError, match="do not fit"):
        physical_addresses(line, process, memory_bytes=15 * 4096, seed=0)


# ---------------------------------------------------------------- windows


def steady_run() -> MemoryRequests:
    instruction = np.arange(0, 1000, 10)
    return MemoryRequests(instruction, np.arange(100), instruction % 40 == 0, {"instructions": 1000})


def test_one_session_is_the_run_from_its_start() -> None:
    recipe = Recipe(
        name="w", summary="", command=("x",), skip_instructions=500, requests=4, cpu_mhz=1600, ipc=2, clock_mhz=800
    )
    trace = cut_trace(steady_run(), recipe)
    assert trace.cycle.tolist() == [0, 2, 5, 7]  # 10 instructions take 5 CPU cycles, 2.5 memory cycles
    assert trace.is_write.tolist() == [False, False, True, False]
    assert (trace.address % 4096).tolist() == [50 * 64, 51 * 64, 52 * 64, 53 * 64]
    assert (trace.name, trace.clock_mhz) == ("recorded/w", 800)


def test_sessions_play_different_parts_of_the_run_at_once() -> None:
    recipe = Recipe(
        name="w", summary="", command=("x",), sessions=2, session_gap_instructions=400, skip_instructions=105,
        requests=6, cpu_mhz=800, ipc=1, clock_mhz=800,
    )  # fmt: skip
    trace = cut_trace(steady_run(), recipe)
    assert trace.cycle.tolist() == [0, 0, 10, 10, 20, 20]  # session 0 is 400 instructions ahead of session 1
    assert (trace.address % 4096 // 64).tolist() == [51, 11, 52, 12, 53, 13]
    assert len(set((trace.address // 4096).tolist())) == 2
    with pytest.raises(InvalidInputError, match="only 98 requests while all sessions run"):
        cut_trace(steady_run(), Recipe(**{**vars(recipe), "requests": 99}))


def test_a_run_that_is_too_short_can_be_taken_as_it_is() -> None:
    recipe = Recipe(name="w", summary="", command=("x",), skip_instructions=900)
    assert len(cut_trace(steady_run(), recipe, allow_shorter=True)) == 10
    late = Recipe(name="w", summary="", command=("x",), skip_instructions=1000)
    with pytest.raises(
        InvalidInputError, match="no request reaches memory .*1,000 instructions and 100 requests in all"
    ):
        cut_trace(steady_run(), late, allow_shorter=True)


@pytest.mark.parametrize("change", [{"sessions": 0}, {"ipc": 0.0}, {"requests": 0}, {"skip_instructions": -1}])
def test_impossible_recipes_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match=f"{next(iter(change))} must be at least"):
        Recipe(name="w", summary="", command=("x",), **change)  # type: ignore[arg-type]


# ---------------------------------------------------------------- a real program


@needs_valgrind
def test_recording_a_program_gives_the_same_trace_twice(tmp_path: Path) -> None:
    recipe = Recipe(name="true", summary="a program that does nothing", command=("true",), requests=300)
    traces = [record(recipe, tmp_path, tmp_path / where) for where in ("a", "b")]
    assert traces[0] == traces[1] and len(traces[0]) == 300
    stored = read_stl(tmp_path / "a" / "true.stl.gz")
    described = json.loads((tmp_path / "a" / "true.json").read_text())
    assert stored.digest == traces[0].digest == described["digest"]
    assert described["recorded_run"]["instructions"] > 10_000
    assert (tmp_path / "a" / "true.stl.gz").read_bytes() == (tmp_path / "b" / "true.stl.gz").read_bytes()


@needs_valgrind
def test_a_program_that_fails_or_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ArchgymError, match=r"ended with status 2: .*nowhere"):
        list(stream_accesses(["ls", "nowhere"], tmp_path, PLAIN_ENVIRONMENT))
    with pytest.raises(InvalidInputError, match="no such program"):
        list(stream_accesses(["no-such-program"], tmp_path, PLAIN_ENVIRONMENT))


@needs_valgrind
def test_stopping_early_ends_the_program(tmp_path: Path) -> None:
    stream = stream_accesses(["sh", "-c", "while true; do true; done"], tmp_path, PLAIN_ENVIRONMENT)
    assert any(kind.size for kind, _, _ in stream)  # stops at the first block with accesses
    stream.close()  # would hang for ever if the program were left running


@needs_valgrind
def test_a_full_window_ends_the_program_and_a_failure_is_kept(tmp_path: Path) -> None:
    loop = Recipe(name="w", summary="", command=("sh", "-c", "while true; do true; done"), requests=100)
    assert len(cut_trace(run_through_caches(loop, tmp_path), loop)) == 100
    failing = Recipe(name="w", summary="", command=("ls", "nowhere"), requests=10**6)
    requests = run_through_caches(failing, tmp_path)
    assert "ended with status 2" in requests.failure and len(requests.line) > 500
    with pytest.raises(ArchgymError, match="ended with status 2"):
        record(failing, tmp_path, tmp_path)


@needs_valgrind
def test_programs_read_standard_input(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"x\n" * 20_000)
    counts = [
        run_through_caches(Recipe(name="w", summary="", command=("wc", "-l"), stdin=stdin), tmp_path).counts
        for stdin in (None, "in.txt")
    ]
    assert counts[1]["instructions"] > counts[0]["instructions"] + 1000
    with pytest.raises(InvalidInputError, match="cannot be read as standard input: No such file"):
        run_through_caches(Recipe(name="w", summary="", command=("wc",), stdin="none"), tmp_path)


# ---------------------------------------------------------------- the programs that ship


def test_made_up_text_is_the_same_everywhere() -> None:
    log, records = log_text(5000, 11), record_text(5000, 12)
    assert log.count(b"\n") == records.count(b"\n") == 5000 and {len(line) for line in records.split()[::5]} == {10}
    # Written down once: recordings are made of this text.
    assert [hashlib.sha256(text).hexdigest()[:16] for text in (log, records)] == [
        "f4842d09b68e77c1",
        "7b87c542fbc959be",
    ]


def test_unknown_programs_and_missing_tools_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        main(["sqlite", "--output", str(tmp_path)])
    assert error.value.code == 2 and "sqlite-query" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as error:
        main(["xz-compress", "--output", str(tmp_path)])
    assert error.value.code == 1 and "install the Debian package 'xz-utils'" in capsys.readouterr().err
