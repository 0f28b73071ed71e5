"""Networks by name against published totals, transformers against closed forms, tables of the user's."""

from __future__ import annotations

import csv
import io
import json
import re
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.tables.networks import tables
from simulators.accelerator.layers import LARGEST_BOUND, Layer, Network
from simulators.accelerator.network_tables import COLUMNS, network_text, read_network
from simulators.accelerator.transformers import TRANSFORMERS
from simulators.accelerator.workloads import (
    load_network,
    load_network_table,
    network_names,
    network_options,
    network_parameters,
    network_summary,
    quantity,
)
from simulators.errors import InvalidInputError, UnknownNameError

# Published: billions of multiply-accumulates and parameters (torchvision's tables of models; for the last one MLPerf
# Tiny). What no layer has is subtracted: biases, and two parameters per channel of a batch normalization.
PUBLISHED = {
    "alexnet": (0.71, 61_100_840 - 10_344),
    "vgg16": (15.47, 138_357_544 - 13_416),
    "resnet18": (1.81, 11_689_512 - 9_600 - 1_000),
    "resnet50": (4.09, 25_557_032 - 53_120 - 1_000),
    "mobilenet-v2": (0.30, 3_504_872 - 34_112 - 1_000),
    "efficientnet-b0": (0.39, 5_288_548 - 42_016 - 9_340 - 1_000),
    "keyword-spotting": (0.0027, 24_908 - 9 * 64 - 12 - 9 * 4 * 64),
}


def weights(network: Network) -> int:
    return sum(layer.weights * count for layer, count in zip(network.layers, network.counts, strict=True))


def by_name(name: str) -> dict[str, Layer]:
    return {layer.name: layer for layer in load_network(name).layers}


# ---- networks that ship -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLISHED)
def test_multiply_accumulates_and_weights_are_the_published_ones(name: str) -> None:
    network, (giga_macs, parameters) = load_network(name), PUBLISHED[name]
    assert round(network.macs / 1e9, 4 if giga_macs < 0.01 else 2) == giga_macs
    assert weights(network) == parameters


def test_tables_are_what_the_generator_writes() -> None:
    written = dict(tables())
    assert {path.stem for path in written} | set(TRANSFORMERS) == set(network_names())
    for path, text in written.items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run python -m docs.tables.networks"


def test_every_network_names_its_source_and_sums_itself_up() -> None:
    for name in network_names():
        assert re.search(r"arXiv:\d{4}\.\d{4,5}|, \w* ?20\d\d,", load_network(name).source), name
        assert "MACs" in network_summary(name)
    assert network_summary("resnet18") == "ResNet-18, 224x224 image: 21 layers of 12 shapes, 1.81 G MACs"
    assert network_summary("gpt2-decode?context=512").startswith("GPT-2 (124 M), one token with a context of 512: ")


@pytest.mark.parametrize(("name", "layers"), [("resnet50", 54), ("mobilenet-v2", 53), ("efficientnet-b0", 82)])
def test_as_many_layers_as_other_tools_count(name: str, layers: int) -> None:
    assert len(load_network(name).layers) == layers


def test_padding_counts_as_input_and_downsampling_reads_it_all() -> None:
    layers = by_name("resnet18")
    assert layers["conv1"].shape == (1, 64, 3, 7, 7, 112, 112, 1, 2, 2, 1, 1, 230, 230)
    assert layers["layer2.0.downsample.0"].shape == (1, 128, 64, 1, 1, 28, 28, 1, 2, 2, 1, 1, 56, 56)
    assert layers["fc"].shape == Layer.gemm("", 1, 512, 1000).shape


def test_resnet50_strides_in_its_3x3_convolutions() -> None:
    layers = by_name("resnet50")
    assert layers["layer2.0.conv1"].shape[5:10] == (56, 56, 1, 1, 1)
    assert layers["layer2.0.conv2"].shape == (1, 128, 128, 3, 3, 28, 28, 1, 2, 2, 1, 1, 58, 58)
    assert layers["layer4.2.conv3"].bounds == (1, 2048, 512, 1, 1, 7, 7, 1)


def test_depthwise_layers_have_one_channel_per_group() -> None:
    layer = by_name("mobilenet-v2")["features.2.depthwise"]
    assert layer.shape == (1, 1, 1, 3, 3, 56, 56, 96, 2, 2, 1, 1, 114, 114)
    squeeze, excite = (by_name("efficientnet-b0")[f"features.5.0.{part}"] for part in ("squeeze", "excite"))
    assert squeeze.shape == Layer.gemm("", 1, 480, 20).shape
    assert excite.shape == Layer.gemm("", 1, 20, 480).shape


def test_the_convolutions_of_alexnet_without_groups() -> None:
    shapes = [layer.bounds for layer in load_network("alexnet-conv").layers]
    assert shapes == [
        (1, 96, 3, 11, 11, 55, 55, 1),
        (1, 256, 96, 5, 5, 27, 27, 1),
        (1, 384, 256, 3, 3, 13, 13, 1),
        (1, 384, 384, 3, 3, 13, 13, 1),
        (1, 256, 384, 3, 3, 13, 13, 1),
    ]
    assert load_network("alexnet-conv").layers[0].input_h == 227


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "keyword-spotting"])
def test_a_batch_multiplies_work_and_data_but_no_weights(name: str) -> None:
    one, four = load_network(name), load_network(f"{name}?batch=4")
    assert (four.macs, weights(four)) == (4 * one.macs, weights(one))
    assert [layer.n for layer in four.layers] == [4] * len(four.layers)
    assert four.name == f"{name}?batch=4"
    assert four.digest != one.digest


# ---- transformers -----------------------------------------------------------------------------------


def test_bert_base_by_hand() -> None:
    layers = by_name("bert-base")
    assert layers["attention.query"].bounds == (1, 768, 768, 1, 1, 128, 1, 1)
    assert layers["attention.scores"].bounds == (1, 128, 64, 1, 1, 128, 1, 12)
    assert layers["attention.mix"].bounds == (1, 64, 128, 1, 1, 128, 1, 12)
    assert layers["feed_forward.down"].bounds == (1, 768, 3072, 1, 1, 128, 1, 1)
    # 22.5 billion floating-point operations (X. Jiao et al., arXiv:1909.10351, table 1), two per multiply-accumulate;
    # theirs counts more than matrix products.
    assert load_network("bert-base").macs == 11_173_625_856
    assert 2 * load_network("bert-base").macs == pytest.approx(22.5e9, rel=0.01)
    assert load_network("bert-base?sequence=384").macs == 12 * (384 * 7_077_888 + 2 * 768 * 384**2)


# Published parameters, and those of them that no layer has: embeddings (logits are a layer, which GPT-2 shares
# with the embedding of words), positions, biases, normalizations, BERT's pooler.
PARAMETERS = {
    "bert-base?sequence=128": (109_482_240, (30_522 + 512 + 2) * 768 + 2 * 768 + 12 * (6_912 + 4 * 768) + 768 * 769),
    "gpt2-decode?context=128": (124_439_808, 1_024 * 768 + 12 * (6_912 + 4 * 768) + 2 * 768),
    "llama-2-7b-decode?context=128": (6_738_415_616, 32_000 * 4_096 + 65 * 4_096),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_transformers_have_the_published_number_of_weights(name: str) -> None:
    network, (published, without_layer) = load_network(name), PARAMETERS[name]
    assert network_parameters(name) == published - without_layer < weights(network)


def test_the_list_and_the_page_of_workloads_agree_on_sizes() -> None:
    page = (Path(__file__).parents[3] / "docs" / "workloads.md").read_text()
    rows = re.findall(r"^\| (`[^|]+`) \| [^|]* \| (\d+) \| ([^|]+) \| ([\d.]+ [kMG]) \|$", page, re.MULTILINE)
    found = {name: int(layers) for names, layers, _, _ in rows for name in re.findall("`(.+?)`", names)}
    assert set(found) == set(network_names())
    for names, layers, _, size in rows:
        for name in re.findall("`(.+?)`", names):
            assert quantity(network_parameters(name)) == size, name
            assert sum(load_network(name).counts) == int(layers), name


def test_one_token_uses_every_weight_and_every_key_and_value_once() -> None:
    network = load_network("llama-2-7b-decode?context=2048")
    assert network.macs == weights(network) == 6_738_415_616 - 32_000 * 4_096 - 65 * 4_096 + 32 * 2 * 4_096 * 2_048


def test_prefill_computes_all_scores_and_the_logits_of_the_last_token() -> None:
    layers = by_name("gpt2-prefill?sequence=100&batch=2")
    assert layers["attention.scores"].bounds == (1, 100, 64, 1, 1, 100, 1, 24)
    assert layers["attention.key"].bounds == (2, 768, 768, 1, 1, 100, 1, 1)
    assert layers["logits"].bounds == (2, 50257, 768, 1, 1, 1, 1, 1)


def test_in_decode_one_token_meets_the_whole_context() -> None:
    layers = by_name("gpt2-decode?context=300,batch=2")
    assert layers["attention.scores"].bounds == (1, 300, 64, 1, 1, 1, 1, 24)
    assert layers["attention.mix"].bounds == (1, 64, 300, 1, 1, 1, 1, 24)
    assert layers["feed_forward.up"].bounds == (2, 3072, 768, 1, 1, 1, 1, 1)


@given(st.sampled_from(sorted(TRANSFORMERS)), st.integers(1, 64), st.integers(1, 512))
def test_sequences_of_a_batch_are_independent(name: str, batch: int, length: int) -> None:
    key = TRANSFORMERS[name].length_option
    one, many = load_network(f"{name}?{key}={length}"), load_network(f"{name}?{key}={length}&batch={batch}")
    assert many.macs == batch * one.macs
    for first, other in zip(one.layers, many.layers, strict=True):
        assert (other.inputs, other.outputs) == (batch * first.inputs, batch * first.outputs)
        of_the_batch = first.name in ("attention.scores", "attention.mix")
        assert other.weights == first.weights * (batch if of_the_batch else 1)


# ---- names and options ------------------------------------------------------------------------------


def test_options_with_their_defaults() -> None:
    assert network_options("resnet18") == {"batch": 1}
    assert network_options("gpt2-decode") == {"batch": 1, "context": 1024}
    assert load_network("bert-base").digest == load_network("bert-base?batch=1&sequence=128").digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet-18", "unknown network 'resnet-18'; did you mean 'resnet18'?"),
        ("", "unknown network ''"),
        ("resnet18?bach=4", "unknown option of network 'resnet18': 'bach'; did you mean 'batch'?"),
        ("resnet18?sequence=4", "unknown option of network 'resnet18': 'sequence'"),
        ("resnet18?batch", "expected key=value after '?', got 'batch'"),
        ("resnet18?", "expected key=value after '?', got ''"),
        ("resnet18?batch=0", "batch must be an integer from 1 to 16777216, got '0'"),
        ("resnet18?batch=four", "batch must be an integer from 1 to 16777216, got 'four'"),
        ("resnet18?batch=2&batch=2", "batch is given twice"),
        ("bert-base?sequence=513", "sequence cannot be 513: BERT-base encoder has 512 positions"),
        ("gpt2-decode?context=1025", "GPT-2 (124 M) has 1024 positions"),
    ],
)
def test_wrong_names_and_options(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError) as caught:
        load_network(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (99_960, "100 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (2e12, "2.00 T"),
    ],
)
def test_quantities_have_three_digits(value: float, text: str) -> None:
    assert quantity(value) == text


# ---- tables of the user's ---------------------------------------------------------------------------


def test_columns_that_a_table_lacks_are_one(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("# Source: my head\n\nM, c ,p,count,r\n64,32,10,3,\n8,4,2,1,3\n")
    network = load_network(tmp_path / "mine.csv")
    assert [layer.bounds for layer in network.layers] == [(1, 64, 32, 1, 1, 10, 1, 1), (1, 8, 4, 3, 1, 2, 1, 1)]
    assert (network.name, network.source, network.counts) == ("mine", "my head", (3, 1))
    assert [layer.name for layer in network.layers] == ["layer1", "layer2"]
    assert network.layers[1].input_h == 4  # two outputs touch four rows


def test_json_tables_are_lists_of_objects(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps([{"name": "a", "m": 2, "count": 5}, {"c": 7}]))
    network = load_network(tmp_path / "mine.json")
    assert [(layer.name, layer.m, layer.c) for layer in network.layers] == [("a", 2, 1), ("layer2", 1, 7)]
    assert network.counts == (5, 1)


def test_a_file_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("m\n2\n")
    assert load_network(path).macs == 2
    path.write_text("m\n3\n")
    assert load_network(str(path)).macs == 3


LAYERS = st.builds(
    lambda name, bounds, geometry, extra: _layer(name, bounds, geometry, extra),
    st.text(max_size=12),
    st.lists(st.integers(1, 9), min_size=8, max_size=8),
    st.lists(st.integers(1, 4), min_size=4, max_size=4),
    st.integers(0, 5),
)


def _layer(name: str, bounds: list[int], geometry: list[int], extra: int) -> Layer:
    layer = Layer(name, *bounds, *geometry)
    return Layer(name, *bounds, *geometry, layer.input_h + extra, layer.input_w + extra)


@given(st.lists(st.tuples(LAYERS, st.integers(1, 100)), min_size=1, max_size=4))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[Layer, int]]
) -> None:
    layers, counts = zip(*pairs, strict=True)
    network = Network("mine", layers, counts, "some\nwhere")
    path = tmp_path_factory.mktemp("tables") / "mine.csv"
    path.write_text(network_text(network, "a title"), encoding="utf-8")
    table = read_network(path)
    assert table.network.digest == network.digest
    assert (table.network.counts, table.network.source, table.title) == (counts, "some where", "a title")


def test_every_table_that_ships_has_all_columns() -> None:
    for path, text in tables():
        header, *rows = csv.reader(line for line in io.StringIO(text) if not line.startswith("#"))
        assert tuple(header) == COLUMNS, path
        network = load_network(path.stem)
        assert prod(map(int, rows[0][2:10])) == network.layers[0].macs


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "m,strideh\n2,1\n", "unknown column in a.csv, line 1: 'strideh'; did you mean 'stride_h'?"),
        ("a.csv", "m,m\n2,1\n", "a.csv, line 1: column 'm' stands twice"),
        ("a.csv", "m,c\n# pause\n2\n", "a.csv, line 3: 1 cells, expected 2 as in the header"),
        ("a.csv", "m,c\n2,three\n", "a.csv, line 2, column c: expected an integer from 1 to 16777216, got 'three'"),
        ("a.csv", "m,c\n2,0\n", "a.csv, line 2, column c: expected an integer from 1 to 16777216, got '0'"),
        ("a.csv", "m,c\n2,-1\n", "column c: expected an integer from 1 to 16777216, got '-1'"),
        ("a.csv", "m,c\n2,1.5\n", "column c: expected an integer from 1 to 16777216, got '1.5'"),
        ("a.csv", f"m\n{'9' * 5000}\n", "column m: expected an integer from 1 to 16777216"),
        ("a.csv", f"m\n{LARGEST_BOUND + 1}\n", "column m: expected an integer from 1 to 16777216, got '16777217'"),
        ("a.csv", "m\n1e12\n", "column m: expected an integer from 1 to 16777216, got '1e12'"),
        ("a.csv", "p,r,input_h\n5,3,6\n", "a.csv, line 2: layer 'layer1': input_h cannot be 6: its outputs touch 7"),
        ("a.csv", "m,count\n2,0\n", "a.csv, line 2, column count: expected an integer from 1 to 999999999999, got '0'"),
        ("a.csv", 'm,name\n2,"open\n', "a.csv, line 2: not a row of a CSV table"),
        ("a.csv", "m,c\n", "a.csv: no layers"),
        ("a.csv", "", "a.csv: no layers"),
        ("a.json", "{", "a.json: not JSON"),
        ("a.json", "[" * 100_000, "a.json: not JSON"),
        ("a.json", "{}", "a.json: expected a list of layers"),
        ("a.json", "[]", "a.json: no layers"),
        ("a.json", "[3]", "a.json, layer 1: expected an object such as"),
        ("a.json", '[{"m": 2}, {"k": 2}]', "unknown column in a.json, layer 2: 'k'"),
        ("a.json", '[{"m": true}]', "a.json, layer 1, column m: expected an integer from 1 to 16777216, got 'True'"),
        ("a.onnx", "x", "Convert it with: archgym workload import"),
        ("a.txt", "m\n2\n", "a.txt: expected a table of layers, a .csv or .json file"),
    ],
)
def test_wrong_tables(name: str, content: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content)
    with pytest.raises(InvalidInputError) as caught:
        load_network(name)
    assert message in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bytes.csv").write_bytes(b"m\n\xff\xfe\n")
    (tmp_path / "folder.csv").mkdir()
    for path, message in (("bytes.csv", "not a text file"), ("folder.csv", "cannot be read")):
        with pytest.raises(InvalidInputError, match=message):
            load_network(tmp_path / path)
    with pytest.raises(InvalidInputError, match="no such file"):
        read_network(tmp_path / "absent.csv")
    with pytest.raises(UnknownNameError, match="no file of that name either"):
        load_network(tmp_path / "absent.csv")


def test_options_are_for_networks_that_ship(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("m\n2\n")
    with pytest.raises(InvalidInputError, match="write the batch into its column n"):
        load_network(f"{tmp_path}/mine.csv?batch=4")
    (tmp_path / "mine?batch=4.csv").write_text("m\n5\n")
    assert load_network_table(tmp_path / "mine?batch=4.csv").network.macs == 5
