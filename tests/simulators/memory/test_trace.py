"""Traces and the .stl format: known files, hand-made bad ones, and round trips."""

from __future__ import annotations

import gzip
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.errors import InvalidInputError, TraceFormatError
from simulators.memory import _trace_reader as trace_module
from simulators.memory.trace import Trace, read_stl, write_stl

GOOD = b"# two requests\n\n31:\tread\t0x400140\n  # indented\n33:\twrite\t0xFfC0\n"


def small(name: str = "small", clock_mhz: float = 800.0) -> Trace:
    return Trace(name, np.array([0, 3, 3, 10]), np.array([False, True, False, True]), np.arange(4) * 64, clock_mhz)


def reference_traces() -> list[Path]:
    root = Path(os.environ.get("ARCHGYM_REFERENCE", Path(__file__).parents[4] / "shared" / "reference"))
    return sorted((root / "memory" / "traces").glob("*.stl*"))


def written(folder: Path, content: bytes, name: str = "t.stl") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


# ---------------------------------------------------------------- the class


def test_arrays_are_copied_typed_and_read_only() -> None:
    cycle = np.array([1, 2], dtype=np.int32)
    trace = Trace("t", cycle, np.array([True, False]), np.array([64, 2**64 - 64], np.uint64))
    cycle[0] = 77
    assert (trace.cycle.dtype, trace.is_write.dtype, trace.address.dtype) == (np.int64, np.bool_, np.uint64)
    assert trace.cycle.tolist() == [1, 2] and trace.address.tolist() == [64, 2**64 - 64]
    for column in (trace.cycle, trace.is_write, trace.address):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
    with pytest.raises(AttributeError):
        trace.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("cycle", "is_write", "address", "clock_mhz", "message"),
    [
        ([], [], [], 800.0, "at least 1"),
        ([1, 2], [True], [0, 64], 800.0, "common length"),
        ([-1], [True], [0], 800.0, "negative"),
        ([0.5], [True], [0], 800.0, "integers"),
        ([0], [1], [0], 800.0, "booleans"),
        ([[0]], [[True]], [[0]], 800.0, "one-dimensional"),
        ([0], [True], [-64], 800.0, "must lie in 0"),
        ([0], [True], [0], 0.0, "clock_mhz"),
        ([0], [True], [0], float("nan"), "clock_mhz"),
        ([0], [True], [0], "fast", "clock_mhz"),
    ],
)
def test_impossible_traces_are_refused(
    cycle: list, is_write: list, address: list, clock_mhz: float, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Trace("t", np.array(cycle), np.array(is_write), np.array(address), clock_mhz)


def test_duration_counts_from_cycle_zero_in_the_traces_own_clock() -> None:
    assert small().duration_ns == 12.5
    assert small(clock_mhz=1600.0).duration_ns == 6.25


def test_head_cuts_and_keeps_what_is_short_enough() -> None:
    trace = small()
    assert trace.head(2).cycle.tolist() == [0, 3] and trace.head(2).name == "small[:2]"
    assert trace.head(4) is trace and trace.head(99) is trace
    with pytest.raises(InvalidInputError, match="at least 1"):
        trace.head(0)


def test_at_clock_keeps_the_time_in_ns() -> None:
    faster = small().at_clock(1200.0)
    assert faster.cycle.tolist() == [0, 4, 4, 15]  # 3 cycles of 1.25 ns are 4.5 of 0.833 ns; ties go to even
    assert faster.duration_ns == small().duration_ns
    assert small().at_clock(800.0) == small()


def test_digest_is_of_the_content_not_of_the_name() -> None:
    trace = small()
    # Written down once: it must be the same on every platform, in every process and release.
    assert trace.digest == "d3f2222229810cc2ddb9ea92699d4cab4a66f0a6052981b6e083ffe4b826948b"
    assert small("other").digest == trace.digest and small("other") != trace
    changed = [
        Trace("small", trace.cycle + 1, trace.is_write, trace.address),
        Trace("small", trace.cycle, ~trace.is_write, trace.address),
        Trace("small", trace.cycle, trace.is_write, trace.address + np.uint64(64)),
        small(clock_mhz=801.0),
        trace.head(3),
    ]
    assert len({trace.digest, *(other.digest for other in changed)}) == 6


def test_equal_traces_hash_alike_and_survive_the_trip_to_another_process() -> None:
    trace, copy = small(), pickle.loads(pickle.dumps(small()))
    assert copy == trace and hash(copy) == hash(trace) and trace != "small"
    assert not copy.cycle.flags.writeable
    code = "import numpy as np; from simulators.memory.trace import Trace; print(Trace('x', np.array([0, 3, 3, 10]),"
    code += "np.array([False, True, False, True]), np.arange(4) * 64).digest)"
    root = Path(__file__).parents[3]
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=os.environ | {"PYTHONHASHSEED": "7"}, capture_output=True, text=True
    )
    assert shown.stdout.strip() == trace.digest, shown.stderr


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_reads_comments_blank_lines_crlf_and_gzip_by_content(tmp_path: Path, newline: bytes, pack: type) -> None:
    trace = read_stl(written(tmp_path, pack(GOOD.replace(b"\n", newline)), "a.b.stl"), clock_mhz=933.0)
    assert trace.cycle.tolist() == [31, 33]
    assert trace.is_write.tolist() == [False, True]
    assert trace.address.tolist() == [0x400140, 0xFFC0]
    assert (trace.name, trace.clock_mhz) == ("a.b", 933.0)


@pytest.mark.parametrize(
    ("line", "cycle", "is_write", "address"),
    [
        ("0: read 0x0", 0, False, 0),
        ("  7:read\t 0X1f  ", 7, False, 0x1F),
        ("9223372036854775807:\twrite\t0xffffffffffffffff", 2**63 - 1, True, 2**64 - 1),
        ("1:\tread\t0x00000000000000000040", 1, False, 64),
        ("1:\t(64)\tread\t0x40", 1, False, 64),
        ("1:\t(4)\twrite\t0x40\t0xdeadbeef", 1, True, 64),
        ("1:\twrite\t0x40\t0x" + "ab" * 64 + "  # stored bytes", 1, True, 64),
        ("1:\tread\t0x40 # why", 1, False, 64),
    ],
)
def test_reads_what_dramsys_reads(tmp_path: Path, line: str, cycle: int, is_write: bool, address: int) -> None:
    trace = read_stl(written(tmp_path, line.encode()))  # no newline at the end of the file
    assert (trace.cycle.tolist(), trace.is_write.tolist(), trace.address.tolist()) == ([cycle], [is_write], [address])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("12 read 0x40", "<cycle>:"),
        ("x12: read 0x40", "<cycle>:"),
        ("-1: read 0x40", "<cycle>:"),
        ("9223372036854775808: read 0x40", "2^63"),
        ("12: READ 0x40", "'read' or 'write'"),
        ("12: reads 0x40", "'read' or 'write'"),
        ("12:", "'read' or 'write'"),
        ("12: write", "hexadecimal"),
        ("12: write 64", "hexadecimal"),
        ("12: write 0x", "hexadecimal"),
        ("12: write 0x10000000000000000", "64 bits"),
        ("12: write 0x40g", "hexadecimal"),
        ("12: read 0x40 0xff", "nothing after the address"),
        ("12: write 0x40 junk", "nothing after the address"),
        ("12: write 0x40 0xfg", "nothing after the address"),
        ("12: (128) read 0x40", "(1) to (64)"),
        ("12: (0) read 0x40", "(1) to (64)"),
        ("12: (64 read 0x40", "(1) to (64)"),
        ("0x40 READ 12", "<cycle>:"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_malformed_line_is_named(tmp_path: Path, line: str, expected: str, newline: str) -> None:
    path = written(tmp_path, newline.join(["# head", "0: read 0x0", "", line, "zzz"]).encode())
    with pytest.raises(TraceFormatError, match=re.escape(f"{path}, line 4: {line!r}: expected")) as error:
        read_stl(path)
    assert expected in str(error.value)


def test_a_malformed_line_is_found_behind_many_chunks_and_shown_shortened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_module, "_CHUNK_BYTES", 50)
    lines = [f"{i}: read {hex(i * 64)}" for i in range(1000)]
    assert len(read_stl(written(tmp_path, "\n".join(lines).encode()))) == 1000
    lines[765] = "nonsense " * 20
    path = written(tmp_path, "\n".join(lines).encode())
    with pytest.raises(TraceFormatError, match=r"line 766: '(nonsense )+nonsen\.\.\.': expected"):
        read_stl(path)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# only a comment\n", gzip.compress(b"", mtime=0)])
def test_an_empty_trace_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(TraceFormatError, match=r"t\.stl: holds no requests"):
        read_stl(written(tmp_path, content))


def test_time_going_backwards_is_refused_unless_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, b"# x\n5: read 0x0\n5: read 0x0\n\n4: read 0x0\n")
    with pytest.raises(TraceFormatError, match="line 5: time goes backwards, from cycle 5 to 4"):
        read_stl(path)
    trace = read_stl(path, allow_backwards=True)
    assert trace.cycle.tolist() == [5, 5, 4] and not trace.is_ordered
    assert trace.duration_ns == 6.25  # of the latest request, not of the last


def test_binary_junk_is_refused(tmp_path: Path) -> None:
    junk = np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    with pytest.raises(TraceFormatError, match=r"line 1: .*expected a line to begin with"):
        read_stl(written(tmp_path, junk))
    with pytest.raises(TraceFormatError, match="not a text file"):
        read_stl(written(tmp_path, bytes(3 << 20)))


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress("".join(f"{i}: read {hex(i * 64)}\n" for i in range(5000)).encode())
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 0xFF
    for content in (packed[: len(packed) // 2], packed[:-3], bytes(flipped), packed[:2]):
        with pytest.raises(TraceFormatError, match="damaged or truncated gzip|expected"):
            read_stl(written(tmp_path, content))
    with pytest.raises(TraceFormatError, match="damaged or truncated gzip"):
        read_stl(written(tmp_path, packed[: len(packed) // 2]))


def test_unreadable_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceFormatError, match=r"none\.stl: cannot be read: No such file"):
        read_stl(tmp_path / "none.stl")
    with pytest.raises(TraceFormatError, match="cannot be read"):
        read_stl(tmp_path)


@pytest.mark.parametrize("path", reference_traces() or [None], ids=lambda path: path.name if path else "absent")
def test_reference_traces_read_as_a_plain_parser_reads_them(path: Path | None) -> None:
    if path is None:
        pytest.skip("no reference traces: set ARCHGYM_REFERENCE to a directory that holds memory/traces")
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    trace = read_stl(path, allow_backwards=True)
    assert trace.cycle.tolist() == [int(cycle.rstrip(":")) for cycle, _, _ in rows]
    assert trace.is_write.tolist() == [direction == "write" for _, direction, _ in rows]
    assert trace.address.tolist() == [int(address, 16) for _, _, address in rows]
    assert trace.is_ordered == (trace.name != "ddr3_example")


# ---------------------------------------------------------------- writing

REQUESTS = st.lists(st.tuples(st.integers(0, 2**63 - 1), st.booleans(), st.integers(0, 2**64 - 1)), min_size=1)


@settings(deadline=None)
@given(rows=REQUESTS, packed=st.booleans())
def test_what_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, rows: list, packed: bool) -> None:
    cycle, is_write, address = zip(*rows, strict=True)
    trace = Trace("round", np.array(cycle, np.int64), np.array(is_write), np.array(address, np.uint64))
    path = tmp_path_factory.mktemp("round") / ("round.stl.gz" if packed else "round.stl")
    write_stl(trace, path, ["made by a test\nin two lines"])
    assert read_stl(path, allow_backwards=True) == trace
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_same_trace_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.stl.gz", "b.stl.gz"):
        write_stl(small(), tmp_path / name, ["c"])
    assert (tmp_path / "a.stl.gz").read_bytes() == (tmp_path / "b.stl.gz").read_bytes()
    write_stl(small(), tmp_path / "c.stl", ["c"])
    assert (tmp_path / "c.stl").read_bytes() == (
        b"# c\n0:\tread\t0x0\n3:\twrite\t0x40\n3:\tread\t0x80\n10:\twrite\t0xC0\n"
    )


@pytest.mark.slow
def test_ten_million_lines_in_seconds_and_under_two_gigabytes(tmp_path: Path) -> None:
    n, path = 10_000_000, tmp_path / "big.stl"
    block = "".join(
        f"{i * 3}:\t{'write' if i % 3 else 'read'}\t0x{i * 64 % 2**30:X}\n" for i in range(n // 10)
    ).encode()
    with open(path, "wb") as file:
        for _ in range(10):
            file.write(block)
    code = (
        "import resource, sys, time; from simulators.memory.trace import read_stl; start = time.process_time();"
        "trace = read_stl(sys.argv[1], allow_backwards=True);"
        "print(len(trace), time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=Path(__file__).parents[3], capture_output=True, text=True
    )
    count, seconds, kilobytes = (float(word) for word in run.stdout.split())
    assert count == n and seconds < 30 and kilobytes < 2e6
