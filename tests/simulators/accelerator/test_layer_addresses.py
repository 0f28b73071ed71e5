"""How a layer is named: ``network:layer`` or ``network/layer``, of networks that ship and of files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.accelerator import Accelerator, LayerMapping
from simulators.accelerator.suites import Suite, load_suite
from simulators.accelerator.systolic import SystolicArray
from simulators.accelerator.workloads import load_network
from simulators.errors import InvalidInputError, UnknownNameError

LOADERS = {
    "accelerator": Accelerator().load_workload,
    "systolic": SystolicArray().load_workload,
    "mapping": LayerMapping().load_workload,
    "suite": lambda text: load_suite(text, load_network),
}
TABLE = "name,m,c\n/2/Conv,4,2\nConv:0,8,2\na+b,16,2\n3/x,32,2\n"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet18").mkdir()  # as if somebody kept results there
    for name in ("net.csv", "a+b.csv", "resnet18/net.csv"):
        (tmp_path / name).write_text(TABLE)


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize(
    ("text", "m"),
    [
        ("resnet18:conv1", 64),
        ("resnet18/conv1", 64),
        (" resnet18:conv1 ", 64),
        ("resnet18?batch=2/fc", 1000),
        ("bert-base?sequence=64&batch=2:attention.query", 768),
        ("net.csv:/2/Conv", 4),
        ("net.csv//2/Conv", 4),
        ("net.csv/2/Conv", 4),  # the slash between, not the name's own
        ("./net.csv:/2/Conv", 4),
        ("net.csv:Conv:0", 8),
        ("net.csv/Conv:0", 8),
        ("net.csv:a+b", 16),
        ("a+b.csv:a+b", 16),
        ("a+b.csv/3/x", 32),
        ("resnet18/net.csv:3/x", 32),
        ("resnet18/net.csv//2/Conv", 4),
    ],
)
def test_a_layer_is_found(text: str, m: int, loader: Callable[[str], Suite]) -> None:
    (network,) = loader(text).networks
    assert [layer.m for layer in network.layers] == [m]


def test_suites_of_layers_and_networks() -> None:
    suite = LOADERS["accelerator"]("resnet18:conv1 + net.csv:/2/Conv+vgg16+bert-base?sequence=64/attention.mix")
    assert suite.name == "resnet18:conv1+net:/2/Conv+vgg16+bert-base?sequence=64:attention.mix"
    assert LOADERS["suite"]("resnet18?batch=2+vgg16:features.0").name == "resnet18?batch=2+vgg16:features.0"


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize(
    ("text", "message", "works"),
    [
        ("net.csv:2/Conf", "unknown layer of network 'net.csv': '2/Conf'; did you mean '/2/Conv'?", "net.csv:/2/Conv"),
        ("net.csv//2/Conf", "did you mean '/2/Conv'?", "net.csv:/2/Conv"),
        ("resnet18:convv1", "did you mean 'conv1'?", "resnet18:conv1"),
        ("resnet18/zzzz", "unknown layer of network 'resnet18': 'zzzz'. Known: conv1", "resnet18:conv1"),
        ("resnet18:", "unknown layer of network 'resnet18': ''", "resnet18:conv1"),
    ],
)
def test_a_layer_that_does_not_exist(text: str, message: str, works: str, loader: Callable[[str], Suite]) -> None:
    with pytest.raises(UnknownNameError, match=f"{re.escape(message)}.*Write it as in '{re.escape(works)}'") as caught:
        loader(text)
    assert len(caught.value.known) > 3 and loader(works).networks


@pytest.mark.parametrize("text", ["resnet19:conv1", "resnet19/conv1", "absent.csv:conv1", "absent.csv//2/Conv"])
def test_a_network_that_does_not_exist(text: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown network '(resnet19|absent.csv)"):
        LOADERS["mapping"](text)


@pytest.mark.parametrize("text", ["net.csv", "resnet18/net.csv"])
def test_the_layer_to_choose_is_named_as_it_can_be_given(text: str) -> None:
    with pytest.raises(InvalidInputError, match=f"choose one, such as {re.escape(text)}:/2/Conv. Layers: ") as caught:
        LOADERS["mapping"](text)
    suggested = str(caught.value).partition("such as ")[2].partition(". ")[0]
    assert LOADERS["mapping"](suggested).networks
