from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.journal import Entry, Journal, JournalError, parse_journal, read_journal
from experiments.replay import Replay, ReplayDiverged, entry_key
from simulators import Metric

METRICS = (Metric("a", "1"), Metric("b", "1"))


def entry(number: int, design=(1, 2), values=(0.1, 1 / 3), score=0.5) -> Entry:
    return Entry(number, 2 * number, tuple(design), values is not None, "" if values else "bad", values, score, 0.25)


def write(path, count: int, end: bool = False) -> None:
    with Journal(path, "r1", {"metrics": ["a", "b"]}, patience=0) as journal:
        journal.begin("host", "now")
        for number in range(1, count + 1):
            journal.append(entry(number, (number, 0)))
        if end:
            journal.finish({"stop_reason": "budget"})


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "j.jsonl"
    write(path, 3, end=True)
    content = read_journal(path)
    assert content.header["run_id"] == "r1" and content.attempts == 1 and content.restarts == 0
    assert content.entries == [entry(n, (n, 0)) for n in (1, 2, 3)]
    assert content.end == {"stop_reason": "budget"}
    assert content.length == path.stat().st_size


@given(st.lists(st.floats(width=64), min_size=1, max_size=5))
def test_floats_survive_bit_for_bit(values):
    import json

    line = json.loads(json.dumps(entry(1, values=tuple(values), score=values[0]).to_line()))
    back = Entry.from_line(line)
    assert np.array(back.values).tobytes() == np.array(values).tobytes() or any(map(math.isnan, values))
    assert [math.isnan(a) or a == b for a, b in zip(values, back.values, strict=True)]


def test_invalid_designs_have_a_reason_and_no_values(tmp_path):
    path = tmp_path / "j.jsonl"
    with Journal(path, "r1") as journal:
        journal.append(entry(1, values=None, score=math.nan))
    (back,) = read_journal(path).entries
    assert back.values is None and not back.valid and back.reason == "bad" and math.isnan(back.score)


def test_a_journal_cut_anywhere_gives_its_complete_lines(tmp_path):
    path = tmp_path / "j.jsonl"
    write(path, 3, end=True)
    data = path.read_bytes()
    for length in range(len(data)):
        content = parse_journal(data[:length])
        whole = data[:length].count(b"\n")
        assert len(content.entries) == max(0, min(3, whole - 2)), "header and attempt come before the entries"
        assert content.end is None
        assert content.length == (data[:length].rfind(b"\n") + 1 if whole else 0)


def test_a_torn_line_is_dropped_and_writing_goes_on(tmp_path):
    path = tmp_path / "j.jsonl"
    write(path, 2)
    with path.open("ab") as file:
        file.write(b'{"evaluation":3,"proposal":6,"des')
    with Journal(path, "r1", patience=0) as journal:
        assert len(journal.content.entries) == 2
        assert journal.begin("host", "later") == 2
        journal.append(entry(3, (3, 0)))
    content = read_journal(path)
    assert [e.number for e in content.entries] == [1, 2, 3] and content.attempts == 2


@pytest.mark.parametrize("damage", [b"\0\0\0\0\n", b"{}\n", b'{"evaluation": 7}\n', b"[1]\n", b'{"journal": 1}\n'])
def test_a_damaged_line_ends_the_sound_part(tmp_path, damage):
    path = tmp_path / "j.jsonl"
    write(path, 2)
    sound = path.stat().st_size
    with path.open("ab") as file:
        file.write(damage + b'{"end":{}}\n')
    content = read_journal(path)
    assert len(content.entries) == 2 and content.end is None and content.length == sound


def test_a_torn_header_starts_afresh(tmp_path):
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"journal":1,"run')
    write(path, 1)
    assert len(read_journal(path).entries) == 1


def test_the_journal_of_another_run_is_refused(tmp_path):
    path = tmp_path / "j.jsonl"
    write(path, 1)
    with pytest.raises(JournalError, match="belongs to run 'r1', expected 'r2'"):
        Journal(path, "r2", patience=0)


def test_two_processes_never_write_one_journal(tmp_path):
    path = tmp_path / "j.jsonl"
    code = f"import sys; sys.path[:0] = {sys.path!r}\n" + (
        "from pathlib import Path\n"
        "from experiments.journal import Journal, JournalError\n"
        f"try:\n    Journal(Path({str(path)!r}), 'r1', patience=0.1)\n"
        "except JournalError as error:\n    print(error)\n"
    )
    with Journal(path, "r1", patience=0):
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
        assert "another process is writing" in child.stdout
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
    assert child.stdout == ""


def test_a_restart_keeps_what_was_simulated_apart(tmp_path):
    path = tmp_path / "j.jsonl"
    write(path, 2)
    with Journal(path, "r1", patience=0) as journal:
        journal.restart("why")
        journal.append(entry(1, (9, 9)))
    content = read_journal(path)
    assert [e.design for e in content.entries] == [(9, 9)]
    assert [e.design for e in content.earlier] == [(1, 0), (2, 0)]
    assert content.restarts == 1


class _At:
    def __init__(self, proposals: int) -> None:
        self.proposals = proposals


def test_replay_answers_in_order_only():
    first, second = entry(1, (1, 0), values=(1.0, 2.0)), entry(2, (2, 0), values=None)
    replay = Replay([first, second], [], METRICS, lambda e: pytest.fail("nothing is recalled"))
    replay.evaluator = _At(first.proposal)
    answer = replay.get(entry_key(first))
    assert answer.values.tolist() == [[1.0, 2.0]] and answer.valid.tolist() == [True]
    with pytest.raises(ReplayDiverged, match="1 of 2"):
        replay.check_complete()
    replay.evaluator = _At(second.proposal)
    assert replay.get(entry_key(second)).reason == ("bad",)
    replay.check_complete()
    assert replay.get(entry_key(first)) is None, "past the end everything is fresh"


def test_replay_notices_another_design_and_another_proposal():
    replay = Replay([entry(1, (1, 0))], [], METRICS, print)
    with pytest.raises(ReplayDiverged, match="evaluation 1"):
        replay.get(entry_key(entry(1, (5, 5))))
    replay.evaluator = _At(99)
    with pytest.raises(ReplayDiverged):
        replay.get(entry_key(entry(1, (1, 0))))


def test_earlier_evaluations_are_recalled_in_any_order():
    recalled = []
    replay = Replay([], [entry(1, (1, 0)), entry(2, (2, 0))], METRICS, recalled.append)
    assert len(replay) == 2
    assert replay.get(entry_key(entry(2, (2, 0)))) is not None
    assert replay.get(entry_key(entry(1, (3, 0)))) is None
    assert [e.design for e in recalled] == [(2, 0)]


@pytest.mark.parametrize("header", [b'{"journal":99,"run_id":"r1"}\n', b"\0\0\0\0\n", b'{"evaluation":1}\n', b"[1]\n"])
def test_a_header_that_cannot_be_read_is_refused_and_nothing_is_lost(tmp_path, header):
    path = tmp_path / "j.jsonl"
    write(path, 2)
    data = header + b"".join(path.read_bytes().splitlines(keepends=True)[1:])
    path.write_bytes(data)
    with pytest.raises(JournalError, match="cannot read the header of the journal .*expected format 1.*move the file"):
        Journal(path, "r1", patience=0)
    assert path.read_bytes() == data and list(tmp_path.iterdir()) == [path]


def test_a_damaged_middle_line_begins_the_run_again_and_keeps_the_file(tmp_path, caplog):
    path = tmp_path / "j.jsonl"
    write(path, 3, end=True)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = b"\0" * (len(lines[3]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    with Journal(path, "r1", patience=0) as journal:
        assert (journal.content.entries, journal.content.restarts, journal.content.end) == ([], 1, None)
        assert [e.design for e in journal.content.earlier] == [(1, 0)]
    assert (tmp_path / "j.jsonl.damaged").read_bytes() == b"".join(lines)
    assert "line 4 of the journal is damaged" in caplog.text and "j.jsonl.damaged" in caplog.text
    assert read_journal(path).damaged == 0
