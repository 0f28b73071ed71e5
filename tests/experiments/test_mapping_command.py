"""``archgym mapping``: what it prints and draws, and what it says of mistakes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from experiments.cli import app
from simulators.accelerator.fixed_hardware import HARDWARE_NAMES
from simulators.accelerator.mapper import map_layer
from simulators.accelerator.mapping_simulator import LayerMapping
from simulators.accelerator.workloads import load_network

ROOT = Path(__file__).parents[2]
LAYER = "resnet18:layer3.0.downsample.0"


@pytest.fixture
def mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``archgym mapping`` in this process, in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, ["mapping", *words])


def test_a_process_prints_a_layer_in_80_columns_and_draws_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "experiments.cli", "mapping", LAYER, "--plot", "pictures/layer.png"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "picture: pictures/layer.png\n"
    assert (tmp_path / "pictures/layer.png").read_bytes().startswith(b"\x89PNG")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stdout.startswith(f"{LAYER} on eyeriss: m256 c128 p14x14 /2, 6.42M MACs\n")
    found = map_layer(next(x for x in load_network("resnet18").layers if x.name in LAYER), LayerMapping().architecture)
    assert f"cycles       {found.results[0]:,.0f}, limited by " in done.stdout
    assert f"energy       {found.results[1] / 1e6:.4g} uJ" in done.stdout


def test_json_has_the_loops_and_counts_of_a_layer(mapping: Callable[..., Result]) -> None:
    done = mapping("resnet18/fc", "--hardware", "edge", "--objective", "latency", "--mode", "timeloop", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["workload"], found["hardware"], found["objective"]) == ("resnet18:fc", "edge", "latency")
    (layer,) = found["layers"]
    assert (layer["name"], layer["macs"], layer["mode"], layer["certified"]) == ("fc", 512_000, "timeloop", False)
    dram, glb, spad = layer["levels"]
    assert (dram["capacity_words"], glb["capacity_words"], spad["name"]) == (None, 32768, "RF")
    product = 1
    for loop in (*dram["loops"], *glb["loops"], *spad["loops"], *layer["columns"], *layer["rows"]):
        product *= loop["steps"]
    assert product == 512_000
    assert dram["tensors"][0]["reads"] == 512_000
    energies = [tensor["energy_pj"] for level in layer["levels"] for tensor in level["tensors"]]
    assert sum(energies) + layer["mac_energy_pj"] == pytest.approx(layer["energy_pj"])


def test_a_network_has_a_line_for_each_distinct_layer(mapping: Callable[..., Result]) -> None:
    done = mapping("keyword-spotting", "--hardware", "shidiannao-like", "--effort", "quick")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    network = load_network("keyword-spotting")
    rows = {line.split()[0]: line.split()[1:] for line in lines if line}
    assert [rows[layer.name][0] for layer, _ in network.distinct] == [str(count) for _, count in network.distinct]
    records = json.loads(
        mapping("keyword-spotting", "--hardware", "shidiannao-like", "--effort", "quick", "--json").stdout
    )["layers"]
    assert rows["all"][:2] == ["10", f"{sum(x['cycles'] * x['count'] for x in records):,.0f}"]
    assert [rows[x["name"]][1] for x in records] == [f"{x['cycles']:,.0f}" for x in records]


@pytest.mark.parametrize("hardware", HARDWARE_NAMES)
@pytest.mark.parametrize("workload", ["mobilenet-v2:features.2.depthwise", "bert-base:attention.scores"])
def test_every_layer_fits_80_columns(workload: str, hardware: str, mapping: Callable[..., Result]) -> None:
    done = mapping(workload, "--hardware", hardware, "--effort", "quick")
    assert done.exit_code == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_hardware_and_layers_of_ones_own(mapping: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("array_columns: 2\narray_rows: 2\nhierarchy: unified\npe_storage_words: 16\n")
    (tmp_path / "net.csv").write_text("name,m,c\n[bold]odd[/x],4,2\n")
    done = mapping("net.csv", "--hardware", "mine.yaml")
    assert done.exit_code == 0, done.stderr
    assert "net on mine: m4 c2, 8 MACs" in done.stdout and "of 4 PEs work" in done.stdout
    (tmp_path / "net.csv").write_text("name,m,c\n[bold]odd[/x],4,2\n[b],8,2\n")
    assert "[bold]odd[/x]" in mapping("net.csv").stdout
    assert "net:[b] on" in mapping("net.csv/[b]").stdout
    assert "certified  yes" in " ".join(mapping("net.csv:[b]").stdout.split("\n")).replace("    ", "  ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("resnet19",), "did you mean 'resnet18'"),
        (("resnet18:convv1",), "did you mean 'conv1'"),
        (("resnet18+vgg16",), "expected one network"),
        ((LAYER, "--hardware", "eyeris"), "did you mean 'eyeriss'"),
        ((LAYER, "--hardware", "tiny.yaml"), "'array_rows'"),
        ((LAYER, "--hardware", "no-room.yaml"), "no mapping"),
        ((LAYER, "--objective", "edpp"), "did you mean 'edp'"),
        ((LAYER, "--mode", "timelop"), "did you mean 'timeloop'"),
        ((LAYER, "--effort", "norml"), "did you mean 'normal'"),
        ((LAYER, "--plot", "x.doc"), "ends in .png, .svg or .pdf"),
        ((LAYER, "--plot", "/proc/x.png"), "cannot write /proc/x.png"),
        (("net.csv", "--plot", "x.png"), "choose one, such as net.csv:/2/Conv"),
        (("resnet18", "--plot", "x.png"), "choose one, such as resnet18:conv1"),
    ],
)
def test_mistakes_are_wrong_usage(
    words: tuple[str, ...], message: str, mapping: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "tiny.yaml").write_text("array_row: 2\n")
    (tmp_path / "net.csv").write_text("name,m\n/2/Conv,2\nother,3\n")
    (tmp_path / "no-room.yaml").write_text("hierarchy: unified\npe_storage_words: 2\n")
    done = mapping(*words)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert message in " ".join(done.stderr.split()) and "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.yaml", "no-room.yaml", "net.csv"}


def test_help_has_an_example(mapping: Callable[..., Result]) -> None:
    done = mapping("--help")
    assert done.exit_code == 0 and "Example:" in done.stdout and "archgym mapping resnet18:" in done.stdout
