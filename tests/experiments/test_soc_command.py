"""``archgym soc``: what it prints, draws and writes, and what it says of mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from archgym_envs import make_problem
from experiments.cli import app
from simulators.soc.description_files import read_description
from simulators.soc.graph_files import load_task_graph
from simulators.soc.model import SocModel

CHIP = """\
workload: edge_detection
blocks:
  cpu: A53_pe
  gauss: {kind: ip, task: gaussianSmoothing, unroll: 8, clock_mhz: 400}
  ram: {kind: sram, width_bytes: 16, clock_mhz: 800}
  bus: {kind: bus, width_bytes: 64, clock_mhz: 600}
links: [[cpu, bus], [gauss, bus], [ram, bus]]
tasks: {default: cpu, gaussianSmoothing: gauss}
memories: {default: ram}
"""


@pytest.fixture
def soc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``archgym soc`` in this process, in ``tmp_path``, which has ``chip.yaml``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "chip.yaml").write_text(CHIP)
    return lambda *words: CliRunner().invoke(app, ["soc", *words])


def test_a_description_is_simulated_and_drawn_in_80_columns(soc: Callable[..., Result], tmp_path: Path) -> None:
    done = soc("chip.yaml", "--plot", "pictures/chip.png")
    assert (done.exit_code, done.stderr) == (0, "picture: pictures/chip.png\n")
    assert (tmp_path / "pictures/chip.png").read_bytes().startswith(b"\x89PNG")
    assert done.stdout.startswith("edge_detection on chip.yaml\nmode default, repairs: full-work")
    graph = load_task_graph("edge_detection")
    chip = read_description(tmp_path / "chip.yaml", graph)
    evaluation = SocModel(graph).evaluate_descriptions([chip])
    row = dict(zip((m.name for m in evaluation.metrics), evaluation.values[0], strict=True))
    lines = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    blocks = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert f"{row['latency_ns'] * 1e-6:.4g} ms" in lines["latency"] and "exceeded" in lines["latency"]
    assert f"{row['area_mm2'] - row['dram_area_mm2']:.4g} mm2" in lines["area without DRAM"]
    assert (
        lines["gaussianSmoothing"].split()[-3:] == ["gauss", "its", "PE"]
        and "accelerator, 8x at 400 MHz" in blocks["gauss"]
    )


@pytest.mark.parametrize(
    "words",
    [
        ("--workload", "audio_decoder"),
        ("--workload", "edge_detection+hpvm_cava", "--mode", "farsi"),
        ("--workload", "synthetic"),
        ("--set", "workload=audio_decoder"),
        ("--workload", "hpvm_cava", "--set", "space=archgym", "--set", "repairs=leakage"),
        ("--workload", "random?tasks=20&seed=2", "--set", "buses=6"),
    ],
)
def test_every_reference_design_fits_80_columns(words: tuple[str, ...], soc: Callable[..., Result]) -> None:
    done = soc(*words)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_json_of_a_design_has_the_environments_metrics(soc: Callable[..., Result], tmp_path: Path) -> None:
    problem = make_problem("archgym/SoC-v0", workload="audio_decoder")
    design = {"psychoFilter_fxp_cloned_pe": "accelerator", "psychoFilter_fxp_cloned_memory": "mem2", "gpp0_bus": "bus1"}
    (tmp_path / "design.json").write_text(json.dumps({"workload": "audio_decoder", **design}))
    done = soc("design.json", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    columns = problem.simulator.check_columns({name: [value] for name, value in design.items()})
    expected = problem.simulator.simulate(columns, problem.workload)
    names = [metric.name for metric in expected.metrics]
    assert found["metrics"] == pytest.approx(dict(zip(names, expected.values[0].tolist(), strict=True)))
    assert found["tasks"]["psychoFilter_fxp_cloned"]["pe"] == "psychoFilter_fxp_cloned"
    assert {block["id"] for block in found["blocks"]} >= {"gpp0", "psychoFilter_fxp_cloned", "mem2", "bus1"}
    assert [line["name"] for line in found["budgets"]][:2] == ["latency", "peak power"]


def test_a_row_of_a_table_is_saved_as_a_description_that_costs_the_same(
    soc: Callable[..., Result], tmp_path: Path
) -> None:
    table = "gaussianSmoothing_pe,gaussianSmoothing_unroll,energy_pj\ngpp1,8,1\naccelerator,64,2\n"
    (tmp_path / "designs.csv").write_text(table)
    saved = soc("designs.csv", "--row", "1", "--save", "found.yaml", "--json")
    assert saved.exit_code == 0, saved.output
    first = json.loads(saved.stdout)
    assert yaml.safe_load((tmp_path / "found.yaml").read_text())["blocks"]["gaussianSmoothing"]["unroll"] == 64
    again = json.loads(soc("found.yaml", "--json").stdout)
    assert again["metrics"] == first["metrics"]
    assert json.loads(soc("designs.csv", "--json").stdout)["tasks"]["gaussianSmoothing"]["pe"] == "gpp1"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nothing.yaml",), "nothing.yaml"),
        (("chip.yaml", "--workload", "hpvm_cav"), "did you mean 'hpvm_cava'"),
        (("chip.yaml", "--workload", "hpvm_cava"), "chip.yaml"),
        (("chip.yaml", "--mode", "farsy"), "did you mean 'farsi'"),
        (("chip.yaml", "--set", "buses=4"), "a description takes mode and repairs"),
        (("chip.yaml", "--row", "1"), "--row is for tables"),
        (("chip.txt",), "expected a description or design"),
        (("chip.yaml", "--plot", "x.doc"), "ends in .png, .svg or .pdf"),
        (("chip.yaml", "--plot", "/proc/x.png"), "cannot write /proc/x.png"),
        (("chip.yaml", "--save", "x.doc"), "ending in .yaml"),
        (("design.json",), "did you mean 'gaussianSmoothing_pe'"),
        (("designs.csv", "--row", "7"), "there is no row 7; expected 0 to 0"),
        (("designs.csv", "--workload", "hpvm_cava"), "no column is a parameter"),
        (("--set", "busses=4"), "did you mean 'buses'"),
        (("--set", "workload=synthetic", "--workload", "hpvm_cava"), "two workloads"),
        (("chip.yaml", "--set", "workload=hpvm_cava"), "chip.yaml"),
        (("broken.yaml",), "'bus2'"),
    ],
)
def test_mistakes_are_wrong_usage(
    words: tuple[str, ...], message: str, soc: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "chip.txt").write_text(CHIP)
    (tmp_path / "broken.yaml").write_text(CHIP.replace("[ram, bus]", "[ram, bus2]"))
    (tmp_path / "design.json").write_text('{"gaussianSmoothing_p": "gpp1"}')
    (tmp_path / "designs.csv").write_text("gaussianSmoothing_pe\ngpp1\n")
    before = set(tmp_path.iterdir())
    done = soc(*words)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert message in " ".join(done.stderr.split()) and "Traceback" not in done.stderr
    assert set(tmp_path.iterdir()) == before


def test_help_has_an_example(soc: Callable[..., Result]) -> None:
    done = soc("--help")
    assert done.exit_code == 0 and "Example:" in done.stdout and "archgym soc chip.yaml" in done.stdout
