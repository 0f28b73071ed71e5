"""Tabulating: known answers, the same file whatever happens on the way, and the table as an environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import gymnasium
import numpy as np
import pyarrow.parquet as pq
import pytest
from archgym_toys import ENVIRONMENT, LOG_VARIABLE
from tabulate_toy import SLOW

import archgym_envs
from archgym_envs.testing import check_env
from experiments import load_results
from experiments.comparison import compare
from experiments.config import parse_config
from experiments.config_errors import ConfigError
from experiments.pareto import Front, nondominated
from experiments.runner import run_experiment
from experiments.store import StoreError
from experiments.tabulate import PARTIAL, tabulate
from experiments.tabulation_parts import LEDGER, TabulationParts
from simulators import InvalidInputError, UnknownNameError
from simulators.tabular import Rows, load_table
from tests.archgym_envs.toys import SPEC, Chip, chip

CHIP = SPEC.id
SCRIPT = Path(__file__).parent / "toys" / "tabulate_toy.py"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True, scope="module")
def _chip():
    archgym_envs.register(SPEC.id, SPEC.problem, SPEC.objective)


@pytest.fixture(scope="module")
def chip_table(tmp_path_factory):
    return tabulate(CHIP, tmp_path_factory.mktemp("chip") / "chip.parquet", "light")


# ---- known answers ------------------------------------------------------------------------------------


def test_the_landscape_of_a_chip_by_hand(chip_table):
    """33 designs: 5 lanes without a buffer, 7 lanes x 4 depths with one; 64 lanes are too hot."""
    land = chip_table.landscape
    assert (land.points, land.designs, land.outcomes) == (56, 33, 25)
    assert land.invalid == {"too hot": 4}
    found = {objective.label: objective for objective in land.objectives}
    product = found["minimize energy_pj * time_ns"]  # 64 x lanes
    assert (product.optimum, product.optimal_designs, product.local_optima) == (64.0, 5, 5)
    assert product.design == {"lanes": 1, "buffer": "none", "depth": 8}
    assert (product.reference, product.reference_rank) == (256.0, 10)
    assert product.quantiles["0"] == 64.0 and product.quantiles["1"] == 64.0 * 32
    assert product.within["0.1"] == 5 / 33
    assert found["maximize throughput_per_ns"].optimum == 0.5
    assert found["maximize throughput_per_ns"].quantiles["1"] == 1 / 64  # best first, worst last
    assert "minimize stalls" not in found  # reported, in no direction


def test_the_pareto_front_of_a_chip_by_hand(chip_table):
    front = chip_table.landscape.front
    assert chip_table.landscape.front_metrics == ("energy_pj", "time_ns")
    assert [tuple(point.metrics.values()) for point in front] == [(n * n, 64 / n) for n in (1, 2, 4, 8, 16, 32)]
    assert [point.designs for point in front] == [5, 5, 5, 5, 5, 4]
    assert front[-1].design["lanes"] == 32


def test_local_optima_may_be_more_than_global_ones(tmp_path):
    found = tabulate(CHIP, tmp_path / "t.parquet", objectives=[{"minimize": "time_ns"}]).landscape.objectives[1]
    # 32 lanes with a buffer (4 depths); and 16 without one, from where 32 cannot be reached in one step.
    assert (found.label, found.optimal_designs, found.local_optima) == ("minimize time_ns", 4, 5)


def test_a_maximized_metric_on_the_front(tmp_path):
    land = tabulate(CHIP, tmp_path / "t.parquet", front=["energy_pj", "throughput_per_ns"]).landscape
    assert [point.metrics["throughput_per_ns"] for point in land.front] == [n / 64 for n in (1, 2, 4, 8, 16, 32)]


def test_the_table_is_plain_parquet_and_the_summary_plain_json(chip_table):
    table = pq.read_table(chip_table.output)
    assert table.column_names == [
        "design", "lanes", "buffer", "depth", "energy_pj", "time_ns", "throughput_per_ns", "stalls", "valid", "reason",
    ]  # fmt: skip
    last = table.slice(32, 1).to_pylist()[0]
    assert (last["lanes"], last["valid"], last["reason"], last["design"]) == (64, False, "too hot", 55)
    summary = json.loads(chip_table.summary.read_text())
    assert summary["checksum"] == chip_table.checksum
    assert summary["landscape"]["designs"] == 33


def test_part_of_a_space(tmp_path):
    done = tabulate(CHIP, tmp_path / "t.parquet", only={"lanes": ["2", "4"], "buffer": ["fifo"]})
    assert done.landscape.designs == 8
    assert {parameter.name: parameter.values for parameter in load_table(done.output).header.space.parameters} == {
        "lanes": (2, 4),
        "buffer": ("fifo",),
        "depth": (1, 2, 4, 8),
    }


def test_fronts_by_brute_force():
    points = np.unique(np.random.default_rng(1).integers(0, 12, (400, 3)).astype(float), axis=0)
    dominated = [
        ((other <= point).all(axis=1) & (other < point).any(axis=1)).any() for other in [points] for point in points
    ]
    assert nondominated(points).tolist() == [not bad for bad in dominated]
    whole = Front.empty(3).add(points, np.arange(len(points)), np.ones(len(points), dtype=np.int64))
    halves = Front.empty(3)
    for part in (slice(0, 100), slice(100, None)):
        halves = halves.add(points[part], np.arange(len(points))[part], np.ones(len(points), dtype=np.int64)[part])
    assert whole.points.tolist() == halves.points.tolist() == points[nondominated(points)].tolist()


# ---- the same file whatever happens -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return tabulate(ENVIRONMENT, tmp_path_factory.mktemp("whole") / "t.parquet", arguments=SLOW, workers=1)


def run_script(output: Path, *words: str, log: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(ROOT), str(SCRIPT.parent)])
    environment = {**os.environ, "PYTHONPATH": path, LOG_VARIABLE: str(log)}
    return subprocess.Popen(
        [sys.executable, SCRIPT, output, *words], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_killed_and_resumed_gives_the_same_bytes_and_computes_nothing_listed_twice(undisturbed, tmp_path):
    output, log = tmp_path / "t.parquet", tmp_path / "log"
    ledger = tmp_path / "t.parquet.partial" / LEDGER
    for lines in (2, 3):
        process = run_script(output, "1", *(["resume"] if ledger.exists() else []), log=log)
        wait_for(lambda lines=lines: ledger.exists() and len(ledger.read_text().splitlines()) >= lines)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not output.exists()
    with pytest.raises(StoreError, match="--resume"):
        tabulate(ENVIRONMENT, output, arguments=SLOW)
    listed = [json.loads(line) for line in ledger.read_text().splitlines()[1:]]
    stored = sum(part["stop"] - part["first"] for part in listed)
    finished = run_script(output, "1", "resume", log=log)
    checksum, computed = finished.communicate(timeout=60)[0].split()
    assert (checksum, int(computed)) == (undisturbed.checksum, 729 - stored)
    assert output.read_bytes() == undisturbed.output.read_bytes()
    assert not ledger.parent.exists()
    times = Counter(line.split(maxsplit=1)[1] for line in log.read_text().splitlines())
    assert len(times) == 729  # some twice: those of a part that was not listed yet, and the reference design


def wait_for(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_worker_processes_change_nothing(undisturbed, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.tabulation_pool._ALONE_SECONDS", 0.0)
    log = tmp_path / "log"
    monkeypatch.setenv(LOG_VARIABLE, str(log))
    done = tabulate(ENVIRONMENT, tmp_path / "t.parquet", arguments=SLOW, workers=2)
    assert done.output.read_bytes() == undisturbed.output.read_bytes()
    assert len({line.split()[0] for line in log.read_text().splitlines()}) > 1  # several processes took part


def test_threads_change_nothing(chip_table, tmp_path, monkeypatch):
    monkeypatch.setattr(Chip, "threaded", True)
    monkeypatch.setattr("experiments.tabulation_pool._ALONE_SECONDS", -1.0)
    monkeypatch.setattr("experiments.tabulation_pool._Pace.size", lambda self: 2)
    monkeypatch.setattr("experiments.tabulation_pool._Pace.lasts", lambda self, designs: True)
    done = tabulate(CHIP, tmp_path / "t.parquet", "light", workers=2)
    assert done.output.read_bytes() == chip_table.output.read_bytes()


def test_resuming_a_finished_table_computes_nothing(chip_table):
    left = chip_table.output.with_name(chip_table.output.name + PARTIAL)  # by a crash after the table was complete
    left.mkdir()
    again = tabulate(CHIP, chip_table.output, "light", resume=True)
    assert not left.exists()
    assert (again.computed, again.checksum) == (0, chip_table.checksum)
    assert again.landscape == chip_table.landscape


def rows(first: int, stop: int) -> Rows:
    valid = np.arange(first, stop) % 3 != 0
    values = np.where(valid, np.arange(first, stop, dtype=float), np.nan)[:, None]
    return Rows(np.arange(first, stop), values, valid, tuple("" if good else "odd" for good in valid.tolist()))


def test_whatever_a_crash_leaves_behind_is_listed_and_whole_or_computed_again(tmp_path):
    with TabulationParts(tmp_path / "p", "id", 10, resume=False) as parts:
        parts.add(0, rows(0, 3))
        parts.add(5, rows(5, 7))
        parts.add(7, rows(7, 10))
    (tmp_path / "p" / "00000003-00000005.parquet").write_bytes(b"renamed, not listed")
    (tmp_path / "p" / "00000003-00000005.parquet.tmp").write_bytes(b"half")
    (tmp_path / "p" / "00000005-00000007.parquet").write_bytes(b"damaged")
    with (tmp_path / "p" / LEDGER).open("a") as ledger:
        ledger.write('{"part": "000000')
    with TabulationParts(tmp_path / "p", "id", 10, resume=True) as parts:
        assert parts.gaps() == [(3, 7)]
        assert sorted(path.suffix for path in parts.directory.iterdir() if path.name != "lock") == [
            ".jsonl", ".parquet", ".parquet",
        ]  # fmt: skip
        parts.add(3, rows(3, 7))
        (block,) = parts.blocks()
    assert np.array_equal(block.values, rows(0, 10).values, equal_nan=True)
    assert block.reason == rows(0, 10).reason


def test_what_is_unfinished_belongs_to_one_table_and_one_writer(tmp_path):
    first = TabulationParts(tmp_path / "p", "id", 10, resume=False)
    with first, pytest.raises(StoreError, match="another process"):
        TabulationParts(tmp_path / "p", "id", 10, resume=True)
    with pytest.raises(StoreError, match="something else"):
        TabulationParts(tmp_path / "p", "other", 10, resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": Path("t.csv")}, "end in .parquet"),
        ({"workers": 0}, "at least 1"),
        ({"front": ["energy_pj"]}, "two or more"),
        ({"front": ["energy_pj", "stalls"]}, "metric with a direction"),
        ({"objectives": [{"minimise": "energy_pj"}]}, "did you mean 'minimize'"),
        ({"objectives": [{"minimize": "energy"}]}, "did you mean 'energy_pj'"),
        ({"only": {"lane": [1]}}, "did you mean 'lanes'"),
        ({"workload": "darkness"}, "no workload"),
        ({"only": {"lanes": [32], "buffer": ["none"]}}, "wide-needs-fifo|no design"),
    ],
)
def test_mistakes_are_found_before_anything_is_computed(tmp_path, monkeypatch, changes, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match=message):
        tabulate(**{"environment": CHIP, "output": Path("t.parquet"), **changes})
    assert not list(tmp_path.glob("t.*"))


# ---- the table as an environment ------------------------------------------------------------------------


def test_the_environment_conforms_and_gives_the_sources_numbers(chip_table):
    check_env("archgym/Tabular-v0", table=str(chip_table.output))
    env = gymnasium.make("archgym/Tabular-v0", table=str(chip_table.output))
    source = gymnasium.make(CHIP)
    assert env.unwrapped.objective == source.unwrapped.objective
    seen, expected = env.reset(seed=0), source.reset(seed=0)
    assert np.array_equal(seen[0], expected[0]) and seen[1] == expected[1]
    for flat in range(chip().space.size):
        action = chip().space.unflatten([flat])[0]
        seen, expected = env.step(action), source.step(action)
        assert np.array_equal(seen[0], expected[0])
        assert seen[1:] == expected[1:]


def test_runs_on_a_table_equal_runs_on_its_source_and_know_the_optimum(chip_table, tmp_path):
    def run(name, problem):
        config = parse_config(
            {
                "name": name,
                "problems": [problem],
                "agents": ["random_search", "genetic"],
                "budget": 20,
                "seeds": 3,
                "execution": {"workers": 0},
            }
        )
        run_experiment(config, tmp_path / name, progress=False)
        return load_results([tmp_path / name])

    table = run("table", {"environment": "archgym/Tabular-v0", "arguments": {"table": str(chip_table.output)}})
    source = run("source", {"environment": CHIP})
    for left, right in zip(table.runs, source.runs, strict=True):
        assert np.array_equal(table.scores(left.run_id), source.scores(right.run_id), equal_nan=True)
    (problem,) = compare(table, resamples=10).problems
    assert problem.optimum == 64.0
    assert compare(source, resamples=10).problems[0].optimum is None
    for summary in problem.final:
        assert summary.regret == summary.median - 64.0
        assert summary.found_optimum <= summary.runs == 3
    assert sum(summary.found_optimum for summary in problem.final) > 0


def test_the_optimum_of_any_objective_is_known(chip_table):
    problem = archgym_envs.make_problem("archgym/Tabular-v0", table=str(chip_table.output))
    for objective, best in (
        ({"maximize": "throughput_per_ns"}, 0.5),
        ({"meet": {"energy_pj": 4, "time_ns": 16}}, 1.0),  # 2 lanes: 32 ns are 16 too many; 4 lanes: 16 pJ are 3 x 4
        ({"minimize": "time_ns * time_ns"}, 4.0),
    ):
        scorer = archgym_envs.Scorer(archgym_envs.Objective.parse(objective), problem)
        assert scorer.optimum(problem) == best
    assert scorer.optimum(chip()) is None


def test_bad_tables_are_a_users_mistake_in_configs_and_environments(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'memory-controller-small'"):
        gymnasium.make("archgym/Tabular-v0", table="memory-controler-small")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    data = {
        "name": "t",
        "problems": [{"environment": "archgym/Tabular-v0", "arguments": {"table": str(tmp_path / "bad.parquet")}}],
        "agents": ["random_search"],
        "budget": 5,
        "seeds": 1,
    }
    with pytest.raises(ConfigError, match=r"problems\.0\.arguments\.table.*no whole Parquet file"):
        parse_config(data)


def test_a_table_of_ones_own_as_an_environment(tmp_path):
    (tmp_path / "own.csv").write_text("size,energy_pj\n1,4.5\n2,1.5\n3,2.5\n")
    env = gymnasium.make(
        "archgym/Tabular-v0",
        table=str(tmp_path / "own.csv"),
        metrics={"energy_pj": "minimize"},
        objective={"minimize": "energy_pj"},
    )
    assert env.unwrapped.scorer.optimum(env.unwrapped.problem) == 1.5
    assert env.step(np.array([2]))[4]["score"] == 2.5
    with pytest.raises(UnknownNameError, match="did you mean 'minimize'"):
        archgym_envs.make_problem(
            "archgym/Tabular-v0", table=str(tmp_path / "own.csv"), metrics={"energy_pj": "minimise"}
        )


def test_the_table_that_ships_holds_the_memory_controllers_numbers():
    table = archgym_envs.make_problem("archgym/Tabular-v0")
    made_by = table.simulator.source
    source = archgym_envs.make_problem(made_by.environment, **made_by.arguments)
    if made_by.version != source.simulator.version:
        pytest.skip("the table was computed by another version of the simulator")
    designs = table.space.sample(12, np.random.default_rng(3))
    columns = table.space.decode(designs)
    expected = source.simulator.simulate(columns, source.workload)
    assert np.array_equal(table.evaluate(designs).values, expected.values)
