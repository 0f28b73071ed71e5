"""Trace files of other simulators: known lines, recognition, bad files, times, round trips."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.errors import InvalidInputError, TraceFormatError, UnknownNameError
from simulators.memory import _trace_reader
from simulators.memory.trace import (
    FORMATS,
    WRITABLE_FORMATS,
    Trace,
    check_addresses,
    line_of_request,
    read_trace,
    sent_cycles,
    write_trace,
)
from simulators.memory.workloads import check_workload_fits, load_workload

Rows = list[tuple[int, bool, int]]

FILES: dict[str, tuple[str, Rows]] = {
    "stl": ("# c\n0: read 0x40\n7: write 0x80\n", [(0, False, 64), (7, True, 128)]),
    # A delay of 0 is the next cycle: 3, 3 + 1 + 0, 4 + 1 + 5.
    "rstl": ("3: read 0x40\n0: write 0x80\n5: (64) read 0xC0\n", [(3, False, 64), (4, True, 128), (10, False, 192)]),
    "dramsim3": ("0x40 READ 0\n80 write 7\n0XfC0\tWRITE\t7 # x\n", [(0, False, 64), (7, True, 128), (7, True, 0xFC0)]),
    "ramulator-loadstore": ("LD 0x40\n\nST 128\nld 0X1c0\n", [(0, False, 64), (0, True, 128), (0, False, 448)]),
    "ramulator-dram": ("0x40 R\n  128 W  \n0xc0 r\n", [(0, False, 64), (0, True, 128), (0, False, 192)]),
    # 3 instructions per ns and 800 MHz: a load after 15 instructions comes at 5 ns, cycle 4; the next one, 16 later
    # (itself and 15 others), after 31 instructions at cycle 8.27.
    "ramulator-cpu": (
        "15 64\n15 0x80 192\n0 256\n",
        [(4, False, 64), (8, False, 128), (8, True, 192), (8, False, 256)],
    ),
}


def written(folder: Path, content: str | bytes, name: str = "t.trace") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(trace: Trace) -> Rows:
    return list(zip(trace.cycle.tolist(), trace.is_write.tolist(), trace.address.tolist(), strict=True))


# ---------------------------------------------------------------- reading


def test_every_format_has_a_known_file() -> None:
    assert set(FILES) == set(FORMATS)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_known_lines(tmp_path: Path, name: str, pack: type, newline: str) -> None:
    text, expected = FILES[name]
    path = written(tmp_path, pack(text.replace("\n", newline).encode()))
    assert rows(read_trace(path, format=name)) == expected
    assert read_trace(path, format=name).name == "t"


@pytest.mark.parametrize("name", FILES)
def test_the_example_line_is_of_the_format(tmp_path: Path, name: str) -> None:
    assert len(read_trace(written(tmp_path, FORMATS[name].example), format=name)) >= 1
    assert FORMATS[name].looks_like.fullmatch(FORMATS[name].example)


@pytest.mark.parametrize("name", [name for name in FILES if not FORMATS[name].suffix])
def test_content_decides_where_the_suffix_says_nothing(tmp_path: Path, name: str) -> None:
    text, expected = FILES[name]
    assert rows(read_trace(written(tmp_path, "# comment\n\n" + text))) == expected
    assert rows(load_workload(str(written(tmp_path, text, "plain")))) == expected


@pytest.mark.parametrize("name", ["t.stl", "t.rstl", "T.RSTL.GZ", "t.rstl.gz"])
def test_suffixes_decide(tmp_path: Path, name: str) -> None:
    kind = "rstl" if "rstl" in name.lower() else "stl"
    path = written(tmp_path, "3: read 0x0\n9: read 0x40\n", name)
    assert read_trace(path).cycle.tolist() == ([3, 13] if kind == "rstl" else [3, 9])
    assert rows(read_trace(path, format="stl")) == [(3, False, 0), (9, False, 64)]


def test_absolute_or_relative_must_be_said(tmp_path: Path) -> None:
    path = written(tmp_path, "# c\n3: read 0x0\n")
    with pytest.raises(TraceFormatError, match=r"line 2: '3: read 0x0': can be of format 'stl' or 'rstl'.*Name the"):
        read_trace(path)
    assert load_workload(f"{path}?format=rstl").cycle.tolist() == [3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello world\n", r"line 1: 'hello world': of no known trace format. Expected a line such as '31: read"),
        ("\n# c\n<html>\n", r"line 3: '<html>': of no known"),
        ("R 0,0,1,2,3\n", r"line 1: 'R 0,0,1,2,3': an address vector of Ramulator 2"),
        (b"\x00\x01\xff\xfe binary \x80\n", r"line 1: .*of no known trace format"),
        ("", "holds no requests"),
        ("# nothing\n\n", "holds no requests"),
    ],
)
def test_unrecognised_content_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(TraceFormatError, match=message):
        read_trace(written(tmp_path, content))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("dramsim3", "0x40 READ"),
        ("dramsim3", "0x40 READ -1"),
        ("dramsim3", "0x40 READ 0x12"),
        ("dramsim3", "0x40 Read 1"),
        ("dramsim3", "0x40 READS 1"),
        ("dramsim3", "0x40 READ 1 2"),
        ("dramsim3", "0x10000000000000000 READ 1"),
        ("dramsim3", "10000000000000000 READ 1"),
        ("dramsim3", "0x40 READ 9223372036854775808"),
        ("dramsim3", "0x40READ 1"),
        ("ramulator-loadstore", "LD"),
        ("ramulator-loadstore", "LD 40x"),
        ("ramulator-loadstore", "LOAD 0x40"),
        ("ramulator-loadstore", "LD 0x40 0x80"),
        ("ramulator-loadstore", "LD -64"),
        ("ramulator-dram", "0x40"),
        ("ramulator-dram", "0x40 X"),
        ("ramulator-dram", "0x40 RW"),
        ("ramulator-dram", "0x40 R 7"),
        ("ramulator-cpu", "3"),
        ("ramulator-cpu", "-3 64"),
        ("ramulator-cpu", "3 64 128 192"),
        ("ramulator-cpu", "3 64 W"),
        ("ramulator-cpu", "2147483648 64"),
        ("ramulator-cpu", "0x3 64"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, name: str, line: str) -> None:
    path = written(tmp_path, f"# head\n{FORMATS[name].example}\n\n{line}\n{FORMATS[name].example}\n")
    with pytest.raises(TraceFormatError, match=re.escape(f"{path}, line 4: {line!r}: expected '")) as error:
        read_trace(path, format=name)
    assert FORMATS[name].example.split()[0] in str(error.value) or name == "ramulator-cpu"
    with pytest.raises(TraceFormatError, match=rf"line 4: .* \(the file was taken for '{name}' after its first line\)"):
        read_trace(path)


def test_a_file_of_another_format_than_its_name_says_gets_a_hint(tmp_path: Path) -> None:
    path = written(tmp_path, "0x40 READ 12\n", "t.stl")
    with pytest.raises(TraceFormatError, match=r"line 1: .*<cycle>:.*looks like format 'dramsim3': name that format"):
        read_trace(path)


def test_unknown_formats_name_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path, "0x40 R\n")
    with pytest.raises(UnknownNameError, match="did you mean 'dramsim3'"):
        read_trace(path, format="dramsim")
    with pytest.raises(UnknownNameError, match="did you mean 'interval'"):
        load_workload(f"{path}?intervall=3")
    with pytest.raises(InvalidInputError, match="interval must be a whole number of cycles, got 'x'"):
        load_workload(f"{path}?interval=x")
    with pytest.raises(InvalidInputError, match="expected interval=value"):
        load_workload(f"{path}?interval")


def test_chunks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# long comment\n" * 20 + "".join(f"{i} {i * 64} {i * 64}\n" for i in range(300))
    path = written(tmp_path, text)
    whole = read_trace(path)
    monkeypatch.setattr(_trace_reader, "_CHUNK_BYTES", 64)
    assert read_trace(path) == whole and len(whole) == 600
    with pytest.raises(TraceFormatError, match="line 321: 'oops'"):
        read_trace(written(tmp_path, text + "oops\n"))


def test_unreadable_files(tmp_path: Path) -> None:
    packed = gzip.compress(("0x40 R\n" * 5000).encode())
    with pytest.raises(TraceFormatError, match="damaged or truncated gzip"):
        read_trace(written(tmp_path, packed[:-20], "t.trace.gz"))
    with pytest.raises(TraceFormatError, match="cannot be read: Is a directory"):
        load_workload(str(tmp_path))
    with pytest.raises(TraceFormatError, match="not a text file"):
        read_trace(written(tmp_path, bytes(3 << 20)))


@settings(deadline=None, max_examples=300)
@given(
    name=st.sampled_from([name for name in FORMATS if not FORMATS[name].suffix]),
    words=st.lists(st.sampled_from(["0x4f", "12", "r", "w", "ld", "st", "read", "write", "x", "-1", "#"]), max_size=4),
    gap=st.sampled_from([" ", "\t", "  ", ""]),
)
def test_a_line_is_read_exactly_when_it_looks_like_the_format(
    tmp_path_factory: pytest.TempPathFactory, name: str, words: list[str], gap: str
) -> None:
    line = gap.join(words)
    path = written(tmp_path_factory.getbasetemp(), line + "\n", "line.trace")
    if not line or line.startswith("#"):
        with pytest.raises(TraceFormatError, match="holds no requests"):
            read_trace(path, format=name)
    elif FORMATS[name].looks_like.fullmatch(line):
        assert len(read_trace(path, format=name)) in (1, 2)
    else:
        with pytest.raises(TraceFormatError, match="line 1: .*expected"):
            read_trace(path, format=name)


@settings(deadline=None, max_examples=150)
@given(content=st.binary(max_size=60), name=st.sampled_from([None, *FORMATS]))
def test_any_bytes_are_a_trace_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str | None
) -> None:
    path = written(tmp_path_factory.getbasetemp(), content, "bytes.trace")
    try:
        assert len(read_trace(path, format=name, allow_backwards=True)) >= 1
    except TraceFormatError as error:
        assert "bytes.trace" in str(error) and str(error).endswith(".")


# ---------------------------------------------------------------- time


def test_formats_without_time_take_an_interval(tmp_path: Path) -> None:
    path = written(tmp_path, "0x40 R\n" * 4)
    assert read_trace(path).cycle.tolist() == [0] * 4
    assert read_trace(path, interval=3).cycle.tolist() == [0, 3, 6, 9]
    assert load_workload(f"{path}?interval=5,format=ramulator-dram").cycle.tolist() == [0, 5, 10, 15]
    for interval in (-1, 2**62):
        with pytest.raises(InvalidInputError, match="interval"):
            read_trace(path, interval=interval)
    with pytest.raises(InvalidInputError, match="'dramsim3' has times"):
        read_trace(written(tmp_path, "0x40 READ 1\n"), interval=3)


def test_cpu_traces_take_a_speed(tmp_path: Path) -> None:
    path = written(tmp_path, "10 64\n9 64\n")
    assert read_trace(path, clock_mhz=1000, instructions_per_ns=1.0).cycle.tolist() == [10, 20]
    assert read_trace(path, clock_mhz=2000, instructions_per_ns=0.5).cycle.tolist() == [40, 80]
    with pytest.raises(InvalidInputError, match="instructions_per_ns"):
        read_trace(path, instructions_per_ns=0)


def test_delays_that_add_up_to_too_much_name_the_line(tmp_path: Path) -> None:
    path = written(tmp_path, "# c\n9223372036854775800: read 0x0\n1: read 0x0\n50: read 0x0\n", "t.rstl")
    with pytest.raises(TraceFormatError, match=r"line 4: the delays up to here add up to more than 2\^63"):
        read_trace(path)


def test_backward_times_of_dramsim3_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, "# c\n0x40 READ 5\n\n0x40 READ 4\n")
    with pytest.raises(TraceFormatError, match="line 4: time goes backwards, from cycle 5 to 4"):
        read_trace(path)
    assert read_trace(path, allow_backwards=True).cycle.tolist() == [5, 4]


# ---------------------------------------------------------------- addresses


def test_addresses_beyond_the_memory_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, "# c\n1 64 0x3fffffff\n\n1 64 0x40000000\n1 0xffffffffffffffff\n")
    trace = load_workload(str(path))
    check_addresses(trace, 1 << 62 << 2)
    with pytest.raises(
        InvalidInputError, match=r"trace 't': request 3 goes to address 0x40000000, beyond .*1073741824"
    ):
        check_addresses(trace, 1 << 30)
    with pytest.raises(InvalidInputError, match=r"t.trace, line 4: request 3 .*as do 2 requests in all.*mode=dramsys"):
        check_workload_fits(trace, str(path), 1 << 30)
    check_workload_fits(load_workload("synthetic/streaming"), "synthetic/streaming", 1 << 30)
    with pytest.raises(InvalidInputError, match="trace 'synthetic/streaming': request 16 goes to address 0x400"):
        check_workload_fits(load_workload("synthetic/streaming"), "synthetic/streaming", 1024)


@pytest.mark.parametrize("name", FILES)
def test_lines_of_requests_are_found(tmp_path: Path, name: str) -> None:
    text, expected = FILES[name]
    path = written(tmp_path, text)
    lines = [line_of_request(path, index, name) for index in range(len(expected))]
    written_on = {"stl": [2, 3], "ramulator-loadstore": [1, 3, 4], "ramulator-cpu": [1, 2, 2, 3]}
    assert lines == written_on.get(name, [1, 2, 3])


# ---------------------------------------------------------------- writing

REQUESTS = st.lists(st.tuples(st.integers(0, 2**40), st.booleans(), st.integers(0, 2**64 - 1)), min_size=1, max_size=30)


@settings(deadline=None, max_examples=60)
@given(requests=REQUESTS, name=st.sampled_from(WRITABLE_FORMATS), packed=st.booleans())
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, requests: Rows, name: str, packed: bool
) -> None:
    cycle, is_write, address = zip(*requests, strict=True)
    trace = Trace("round", np.array(cycle, np.int64), np.array(is_write), np.array(address, np.uint64))
    path = tmp_path_factory.mktemp("round") / ("round.trace.gz" if packed else "round.trace")
    write_trace(trace, path, format=name, comments=["made by a test"])
    back = read_trace(path, format=name, allow_backwards=True)
    times = {"none": np.zeros(len(trace), np.int64), "delay": sent_cycles(trace.cycle), "cycle": trace.cycle}
    assert back == Trace("round", times[FORMATS[name].time], trace.is_write, trace.address)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_requests_leave_one_a_cycle_in_order() -> None:
    assert sent_cycles(np.array([5, 5, 4, 20, 20, 22])).tolist() == [5, 6, 7, 20, 21, 22]


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    trace = Trace("t", np.array([0]), np.array([False]), np.array([0]))
    with pytest.raises(InvalidInputError, match="'ramulator-cpu', which cannot be written"):
        write_trace(trace, tmp_path / "t.trace", format="ramulator-cpu")
    with pytest.raises(InvalidInputError, match="a name that says no format. Name one of: stl, rstl"):
        write_trace(trace, tmp_path / "t.trace")


# ---------------------------------------------------------------- size


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rstl", "dramsim3", "ramulator-loadstore", "ramulator-dram", "ramulator-cpu"])
def test_ten_million_lines_in_seconds_and_under_two_gigabytes(tmp_path: Path, name: str) -> None:
    path, direction = tmp_path / "big.trace", {"dramsim3": ("READ", "WRITE"), "rstl": ("read", "write")}
    line = {
        "rstl": "{0}:\t{2}\t0x{1:x}\n",
        "dramsim3": "0x{1:x} {2} {0}\n",
        "ramulator-loadstore": "{2} 0x{1:x}\n",
        "ramulator-dram": "0x{1:x} {2}\n",
        "ramulator-cpu": "{0} {1} {1}\n",
    }[name]
    words = direction.get(name, ("LD", "ST") if name == "ramulator-loadstore" else ("R", "W"))
    block = "".join(line.format(i % 100, i * 64 % 2**30, words[i % 3 == 0]) for i in range(1_000_000)).encode()
    with open(path, "wb") as file:
        for _ in range(10):
            file.write(block)
    code = (
        "import resource, sys, time; from simulators.memory.trace import read_trace; start = time.process_time();"
        "trace = read_trace(sys.argv[1], format=sys.argv[2], allow_backwards=True);"
        "print(len(trace), time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path), name], cwd=Path(__file__).parents[3], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    count, seconds, kilobytes = (float(word) for word in run.stdout.split())
    assert count == 10_000_000 * (2 if name == "ramulator-cpu" else 1) and seconds < 30 and kilobytes < 2e6
    print(name, seconds, kilobytes)  # noqa: T201 - shown with -s
