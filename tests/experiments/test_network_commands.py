"""``archgym workload``: what its commands print, write and leave as exit status."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from experiments.cli import app
from experiments.cli.networks import shape_text
from simulators.accelerator.layers import Layer
from simulators.accelerator.workloads import load_network, network_names


@pytest.fixture
def workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``archgym workload`` in this process, in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, ["workload", *words])


# ---- describe ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", network_names())
def test_describe_fits_80_columns(name: str, workload: Callable[..., Result]) -> None:
    done = workload("describe", name)
    assert done.exit_code == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_describe_gives_every_layer_and_the_totals(workload: Callable[..., Result]) -> None:
    lines = workload("describe", "resnet18").stdout.splitlines()
    rows = {words[0]: " ".join(words) for words in map(str.split, lines) if words}
    assert rows["conv1"] == "conv1 m64 c3 r7x7 p112x112 /2 118M 9.41k 157k 803k 121.7"
    assert rows["fc"] == "fc m1000 c512 512k 512k 512 1.00k 1.0"
    assert rows["all"] == "all 1.81G 11.7M 2.15M 2.48M 111.2"
    assert lines[0] == "resnet18: ResNet-18, 224x224 image"


def test_describe_counts_executions_where_they_differ(workload: Callable[..., Result]) -> None:
    lines = workload("describe", "bert-base?sequence=100").stdout.splitlines()
    rows = {words[0]: " ".join(words) for words in map(str.split, lines) if words}
    assert rows["attention.scores"].startswith("attention.scores 12 g12 m100 c64 p100 ")
    assert rows["all"].startswith("all 96 ")


def test_describe_as_json(workload: Callable[..., Result]) -> None:
    record = json.loads(workload("describe", "gpt2-decode?batch=2", "--json").stdout)
    network = load_network("gpt2-decode?batch=2")
    assert (record["name"], record["digest"], record["macs"]) == (network.name, network.digest, network.macs)
    assert (record["executions"], record["distinct_shapes"]) == (97, 6)
    scores = record["layers"][3]
    assert (scores["name"], scores["count"], scores["g"], scores["p"]) == ("attention.scores", 12, 24, 1)
    assert scores["macs"] == 24 * 64 * 1024
    assert scores["macs_per_word"] == pytest.approx(24 * 64 * 1024 / (24 * (64 * 1024 + 64 + 1024)))


def test_describe_a_layer_and_several_networks(workload: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "net.csv").write_text("# title: mine\nname,m,c\n/2/Conv,3,5\nother,7,7\n")
    for text in ("resnet18:conv1", "resnet18/conv1"):
        record = json.loads(workload("describe", text, "--json").stdout)
        assert (record["name"], [layer["name"] for layer in record["layers"]]) == ("resnet18:conv1", ["conv1"])
    assert workload("describe", "net.csv:/2/Conv").stdout.startswith("net:/2/Conv\n")
    both = "resnet18+net.csv"
    shown = workload("describe", both).stdout
    assert "resnet18: ResNet-18, 224x224 image\n" in shown and "\nnet: mine\n" in shown
    assert shown.count("Words per execution") == 1 and max(map(len, shown.splitlines())) <= 80
    record = json.loads(workload("describe", both, "--json").stdout)
    assert record["name"] == both
    assert [(n["title"], n["macs"]) for n in record["networks"]][1] == ("mine", 3 * 5 + 49)


def test_describe_says_which_weights_are_no_parameters(workload: Callable[..., Result]) -> None:
    words = "keys and values: no parameters"
    assert words in " ".join(workload("describe", "bert-base").stdout.split())
    assert words not in " ".join(workload("describe", "resnet18").stdout.split())


def test_describe_a_table_of_ones_own(workload: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("name,m,c\n[bold]odd[/x],3,5\n")
    done = workload("describe", "mine.csv")
    assert done.exit_code == 0, done.stderr
    assert "[bold]odd[/x] m3 c5" in done.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet19", "did you mean 'resnet18'"),
        ("resnet18?bach=2", "did you mean 'batch'"),
        ("bad.csv", "did you mean 'count'"),
    ],
)
def test_describe_what_does_not_exist(text: str, message: str, workload: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("cout\n1\n")
    done = workload("describe", text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (Layer(""), "1"),
        (Layer.gemm("", 128, 768, 3072), "m3072 c768 p128"),
        (Layer("", n=2, g=96, r=3, s=3, p=7, q=5, stride_h=2, stride_w=2), "n2 g96 r3x3 p7x5 /2"),
        (Layer("", r=1, s=3, q=9, stride_w=2, dilation_h=2, dilation_w=2), "r1x3 p1x9 /1x2 d2"),
    ],
)
def test_loop_bounds_in_short(layer: Layer, text: str) -> None:
    assert shape_text(layer) == text


# ---- import -----------------------------------------------------------------------------------------


def write_model(path: Path, *extra: tuple[str, str]) -> None:
    """A convolution over a batch of symbolic size and a ReLU, then ``extra`` nodes (operator, domain)."""
    onnx = pytest.importorskip("onnx", reason="needs the extra archgym[onnx]")
    helper = onnx.helper
    nodes: list[Any] = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="first", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["y"], name="relu"),
    ]
    for number, (operator, domain) in enumerate(extra):
        nodes.append(helper.make_node(operator, ["a", "w"], [f"z{number}"], name=f"extra{number}", domain=domain))
    values = [helper.make_tensor_value_info("x", 1, ["batch", 3, 16, 16])]
    weights = [onnx.TensorProto(name="w", data_type=1, dims=[8, 3, 3, 3])]
    graph = helper.make_graph(nodes, "graph", values, [helper.make_tensor_value_info("y", 1, None)], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())


def test_an_imported_model_is_a_network_to_use(workload: Callable[..., Result], tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx")
    done = workload("import", "m.onnx", "--output", "out/mine.csv", "--set-dim", "batch=4")
    assert done.exit_code == 0, done.stderr
    assert done.stderr == "network: out/mine.csv; use it with --workload out/mine.csv\n"
    assert "Relu (1)" in done.stdout
    (layer,) = load_network(tmp_path / "out" / "mine.csv").layers
    assert layer == Layer("first", 4, 8, 3, 3, 3, 8, 8, 1, 2, 2, 1, 1, 18, 18)
    header = (tmp_path / "out" / "mine.csv").read_text().splitlines()[1]
    assert header == "# source: ONNX model m.onnx, batch=4"


def test_unsupported_operators_stop_an_import_unless_allowed(workload: Callable[..., Result], tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx", ("ConvTranspose", ""), ("Fused", "com.example"), ("ConvTranspose", ""))
    words = ("import", "m.onnx", "--output", "mine.csv", "--set-dim", "batch=1")
    done = workload(*words)
    assert done.exit_code == 1
    assert "ConvTranspose (2), com.example.Fused (1)" in done.stderr
    assert "--allow-unsupported" in done.stderr
    assert not (tmp_path / "mine.csv").exists()
    done = workload(*words, "--allow-unsupported")
    assert done.exit_code == 0, done.stderr
    assert len(list(csv.reader((tmp_path / "mine.csv").read_text().splitlines()[2:]))) == 2


def test_import_as_json(workload: Callable[..., Result], tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx", ("ConvTranspose", ""))
    words = ("import", "m.onnx", "--output", "mine.csv", "--set-dim", "batch=1", "--json")
    done = workload(*words)
    record = json.loads(done.stdout)
    assert (done.exit_code, record["output"]) == (1, None)
    assert record["unsupported"] == [{"operator": "ConvTranspose", "count": 1, "nodes": ["extra0"]}]
    assert record["not_modelled"] == [{"operator": "Relu", "count": 1, "nodes": ["relu"]}]
    assert json.loads(workload(*words, "--allow-unsupported").stdout)["output"] == "mine.csv"
    assert record["macs"] == 8 * 3 * 9 * 64


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--set-dim batch=1"),
        (("--set-dim", "btach=1"), "did you mean 'batch'"),
        (("--set-dim", "batch"), "expected NAME=SIZE such as batch=1"),
        (("--set-dim", "batch=many"), "expected NAME=SIZE such as batch=1"),
        (("--set-dim", "batch=0"), "must be an integer from 1"),
        (("--set-dim", "batch=1", "--set-dim", "batch=2"), "batch is given twice"),
        (("--output", "mine.txt"), "a table of layers is a .csv file"),
    ],
)
def test_wrong_usage_of_import(
    words: tuple[str, ...], message: str, workload: Callable[..., Result], tmp_path: Path
) -> None:
    write_model(tmp_path / "m.onnx")
    done = workload("import", "m.onnx", "--output", "mine.csv", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert not (tmp_path / "mine.csv").exists()


def test_import_what_is_no_model(workload: Callable[..., Result], tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs the extra archgym[onnx]")
    (tmp_path / "m.onnx").write_text("not a model")
    done = workload("import", "m.onnx", "--output", "mine.csv")
    assert done.exit_code == 2
    assert "m.onnx: not an ONNX model" in done.stderr
