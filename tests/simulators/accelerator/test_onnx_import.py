"""ONNX models made here, against layers by hand and against ONNX's own shape inference."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simulators.accelerator._onnx_layers import layer_of
from simulators.accelerator.layers import Layer
from simulators.accelerator.network_tables import network_text, read_network
from simulators.accelerator.onnx_import import ImportedNetwork, OperatorNodes, import_onnx, summary
from simulators.errors import InvalidInputError, MissingExtraError, UnknownNameError

onnx = pytest.importorskip("onnx", reason="needs the extra archgym[onnx]")
FLOAT = 1  # onnx.TensorProto.FLOAT
Shape = Sequence[int | str | None]


def model(path: Path, nodes: list[Any], inputs: dict[str, Shape], weights: dict[str, Shape] | None = None) -> Path:
    """Write a model whose weights have shapes only; the outputs of its last node are its outputs."""
    helper = onnx.helper
    constants = []
    for name, shape in (weights or {}).items():
        constants.append(onnx.TensorProto(name=name, data_type=FLOAT, dims=shape))
    values = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()]
    outputs = [helper.make_tensor_value_info(name, FLOAT, None) for name in nodes[-1].output if name]
    graph = helper.make_graph(nodes, "graph", values, outputs, constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    made = helper.make_model(graph, opset_imports=opsets, producer_name="tests", producer_version="1")
    path.write_bytes(made.SerializeToString())
    return path


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return onnx.helper.make_node(operator, inputs.split(), outputs.split(), name=f"the {operator}", **attributes)


def only_layer(path: Path, **dims: int) -> Layer:
    (layer,) = import_onnx(path, dims).network.layers
    return layer


# ---- convolutions -----------------------------------------------------------------------------------


def test_a_convolution_with_all_its_attributes(tmp_path: Path) -> None:
    conv = node(
        "Conv",
        "x w",
        "y",
        group=2,
        strides=[2, 3],
        dilations=[2, 1],
        pads=[1, 2, 3, 4],
        kernel_shape=[3, 5],
        auto_pad="NOTSET",
    )
    path = model(tmp_path / "m.onnx", [conv], {"x": [4, 6, 20, 30]}, {"w": [8, 3, 3, 5]})
    # rows: (20 + 1 + 3 - 5) // 2 + 1 = 10; columns: (30 + 2 + 4 - 5) // 3 + 1 = 11
    assert only_layer(path) == Layer("the Conv", 4, 4, 3, 3, 5, 10, 11, 2, 2, 3, 2, 1, 24, 36)


@pytest.mark.parametrize(
    ("mode", "outputs", "inputs"),
    [
        ("SAME_UPPER", (4, 3), (9, 7)),
        ("SAME_LOWER", (4, 3), (9, 7)),
        ("VALID", (3, 3), (7, 7)),
        ("NOTSET", (3, 3), (7, 7)),
    ],
)
def test_automatic_padding(mode: str, outputs: tuple[int, int], inputs: tuple[int, int], tmp_path: Path) -> None:
    conv = node("Conv", "x w", "y", strides=[2, 3], auto_pad=mode)
    path = model(tmp_path / "m.onnx", [conv], {"x": [1, 3, 7, 7]}, {"w": [8, 3, 3, 1]})
    layer = only_layer(path)
    assert ((layer.p, layer.q), (layer.input_h, layer.input_w)) == (outputs, inputs)


def test_a_depthwise_convolution_has_one_channel_per_group(tmp_path: Path) -> None:
    conv = node("Conv", "x w", "y", group=32, pads=[1, 1, 1, 1])
    path = model(tmp_path / "m.onnx", [conv], {"x": [1, 32, 14, 14]}, {"w": [32, 1, 3, 3]})
    assert only_layer(path).shape == (1, 1, 1, 3, 3, 14, 14, 32, 1, 1, 1, 1, 16, 16)


def test_a_one_dimensional_convolution_has_one_column(tmp_path: Path) -> None:
    conv = node("Conv", "x w", "y", strides=[2], dilations=[3], pads=[4, 0])
    path = model(tmp_path / "m.onnx", [conv], {"x": [1, 16, 100]}, {"w": [8, 16, 5]})
    assert only_layer(path).shape == (1, 8, 16, 5, 1, 46, 1, 1, 2, 1, 3, 1, 104, 1)


def test_a_quantized_convolution_is_one(tmp_path: Path) -> None:
    conv = node("QLinearConv", "x xs xz w ws wz ys yz", "y")
    path = model(tmp_path / "m.onnx", [conv], {"x": [1, 3, 8, 8]}, {"w": [4, 3, 3, 3]})
    assert only_layer(path).bounds == (1, 4, 3, 3, 3, 6, 6, 1)


@given(
    axes=st.lists(
        st.tuples(*(st.integers(1, high) for high in (12, 4, 3, 3)), *(st.integers(0, 3),) * 2), min_size=1, max_size=2
    ),
    mode=st.sampled_from(["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]),
    groups=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_outputs_are_those_of_shape_inference(
    axes: list[tuple[int, ...]], mode: str, groups: int, channels: tuple[int, int]
) -> None:
    sizes, kernels, strides, dilations, before, after = (list(column) for column in zip(*axes, strict=True))
    pads = [0] * (2 * len(axes)) if mode != "NOTSET" else [*before, *after]
    reach = [(k - 1) * d + 1 for k, d in zip(kernels, dilations, strict=True)]
    assume(all(s + a + b >= r for s, a, b, r in zip(sizes, pads[: len(axes)], pads[len(axes) :], reach, strict=True)))
    attributes: dict[str, Any] = {"strides": strides, "dilations": dilations, "group": groups, "auto_pad": mode}
    if mode == "NOTSET":
        attributes["pads"] = pads
    x, w = (2, groups * channels[0], *sizes), (groups * channels[1], channels[0], *kernels)
    layer = layer_of("Conv", "", x, w, attributes)
    assert (layer.n, layer.g * layer.m, *(layer.p, layer.q)[: len(axes)]) == inferred("Conv", x, w, attributes)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_products_have_as_many_outputs_as_shape_inference_says(a: list[int], b: list[int]) -> None:
    b[-2 if len(b) > 1 else -1] = a[-1]
    for i, j in zip(range(-3, -len(a) - 1, -1), range(-3, -len(b) - 1, -1), strict=False):
        assume(a[i] == b[j] or 1 in (a[i], b[j]))
    layer = layer_of("MatMul", "", tuple(a), tuple(b), {})
    outputs = prod(inferred("MatMul", tuple(a), tuple(b), {}))
    assert (layer.outputs, layer.macs) == (outputs, outputs * a[-1])
    assert (layer.inputs, layer.weights) == (prod(a), prod(b))


def inferred(operator: str, a: tuple[int, ...], b: tuple[int, ...], attributes: dict[str, Any]) -> tuple[int, ...]:
    """Shape of a node's output by ONNX."""
    helper = onnx.helper
    values = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in (("a", a), ("b", b))]
    y = helper.make_tensor_value_info("y", FLOAT, None)
    graph = helper.make_graph([helper.make_node(operator, ["a", "b"], ["y"], **attributes)], "g", values, [y])
    made = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    return tuple(d.dim_value for d in made.graph.output[0].type.tensor_type.shape.dim)


# ---- matrix products --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "attributes"),
    [([5, 7], [7, 9], {}), ([7, 5], [7, 9], {"transA": 1}), ([5, 7], [9, 7], {"transB": 1})],
)
def test_gemm(a: list[int], b: list[int], attributes: dict[str, int], tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [node("Gemm", "a b", "y", **attributes)], {"a": a}, {"b": b})
    assert only_layer(path) == Layer.gemm("the Gemm", 5, 7, 9)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([5, 7], [7, 9], Layer.gemm("", 5, 7, 9)),
        ([2, 3, 5, 7], [7, 9], Layer.gemm("", 30, 7, 9)),  # weights shared by a batch: more rows
        ([2, 3, 5, 7], [2, 3, 7, 9], Layer.gemm("", 5, 7, 9, 6)),  # two activations: independent products
        ([5, 7], [6, 7, 9], Layer.gemm("", 5, 7, 54)),  # one left matrix: more columns
        ([2, 1, 5, 7], [1, 3, 7, 9], Layer.gemm("", 10, 7, 27)),
        ([2, 3, 5, 7], [3, 7, 9], Layer.gemm("", 10, 7, 9, 3)),
        ([7], [7, 9], Layer.gemm("", 1, 7, 9)),
        ([5, 7], [7], Layer.gemm("", 5, 7, 1)),
    ],
)
def test_matrix_products_broadcast(a: list[int], b: list[int], expected: Layer, tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [node("MatMul", "a b", "y")], {"a": a, "b": b})
    assert only_layer(path).shape == expected.shape


def test_attention_by_shape_inference_through_reshapes(tmp_path: Path) -> None:
    shape = onnx.helper.make_tensor("shape", 7, [4], [0, 0, 12, 64])
    nodes = [
        onnx.helper.make_node("Constant", [], ["s"], value=shape),
        node("MatMul", "x wq", "q"),
        node("MatMul", "x wk", "k"),
        node("Reshape", "q s", "q4"),
        node("Reshape", "k s", "k4"),
        node("Transpose", "q4", "qt", perm=[0, 2, 1, 3]),
        node("Transpose", "k4", "kt", perm=[0, 2, 3, 1]),
        node("MatMul", "qt kt", "scores"),
        node("Softmax", "scores", "y"),
    ]
    path = model(tmp_path / "bert.onnx", nodes, {"x": ["batch", "tokens", 768]}, {"wq": [768, 768], "wk": [768, 768]})
    found = import_onnx(path, {"batch": 2, "tokens": 128})
    projection = Layer.gemm("", 256, 768, 768).shape
    scores = Layer.gemm("", 128, 64, 128, batch=24).shape
    assert [layer.shape for layer in found.network.layers] == [projection, projection, scores]
    assert summary(found.not_modelled) == "Constant (1), Reshape (2), Transpose (2), Softmax (1)"
    assert found.network.source == "ONNX model bert.onnx of tests 1, batch=2, tokens=128"
    assert found.network.name == "bert"


# ---- what is left out -------------------------------------------------------------------------------


def with_unsupported(path: Path) -> ImportedNetwork:
    nodes = [
        node("Conv", "x w", "a", pads=[1, 1, 1, 1]),
        node("Relu", "a", "b"),
        node("ConvTranspose", "b w", "c", pads=[1, 1, 1, 1]),
        node("Relu", "c", "d"),
        node("Conv", "v w3", "e"),
        node("Fused", "d", "f", domain="com.example"),
        node("Relu", "d", "g"),
    ]
    inputs = {"x": [1, 4, 8, 8], "v": [1, 1, 4, 4, 4]}
    return import_onnx(model(path, nodes, inputs, {"w": [4, 4, 3, 3], "w3": [1, 1, 2, 2, 2]}))


def test_operators_without_a_layer_are_named_and_counted(tmp_path: Path) -> None:
    found = with_unsupported(tmp_path / "m.onnx")
    assert len(found.network.layers) == 1
    assert found.not_modelled == (OperatorNodes("Relu", ("the Relu",) * 3),)
    assert [(group.operator, group.count) for group in found.unsupported] == [
        ("ConvTranspose", 1),
        ("Conv 3-D", 1),
        ("com.example.Fused", 1),
    ]


@pytest.mark.parametrize("operator", ["LSTM", "GRU", "RNN"])
def test_recurrent_networks_are_unsupported(operator: str, tmp_path: Path) -> None:
    nodes = [node("MatMul", "a b", "x"), node(operator, "x w r", "y", hidden_size=5)]
    path = model(tmp_path / "m.onnx", nodes, {"a": [3, 1, 7], "b": [7, 7], "w": [1, 20, 7], "r": [1, 20, 5]})
    found = import_onnx(path)
    assert (len(found.network.layers), summary(found.unsupported)) == (1, f"{operator} (1)")


@pytest.mark.parametrize(("inner", "unsupported"), [("MatMul", "If (1)"), ("Add", "")])
def test_a_branch_is_unsupported_if_it_holds_a_layer(inner: str, unsupported: str, tmp_path: Path) -> None:
    helper = onnx.helper
    output = helper.make_tensor_value_info("z", FLOAT, [2, 2])
    branch = helper.make_graph([helper.make_node(inner, ["a", "b"], ["z"])], "branch", [], [output])
    condition = helper.make_node("Constant", [], ["c"], value=helper.make_tensor("t", 9, [], [True]))
    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    path = model(tmp_path / "m.onnx", [condition, node("MatMul", "a b", "m"), choice], {"a": [2, 2], "b": [2, 2]})
    found = import_onnx(path)
    assert (len(found.network.layers), summary(found.unsupported)) == (1, unsupported)


def test_functions_of_the_model_are_opened(tmp_path: Path) -> None:
    helper = onnx.helper
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    body = [helper.make_node("MatMul", ["a", "b"], ["c"]), helper.make_node("Relu", ["c"], ["d"])]
    function = helper.make_function("mine", "Dense", ["a", "b"], ["d"], body, opsets[:1])
    values = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in (("x", [2, 3]), ("w", [3, 4]))]
    output = helper.make_tensor_value_info("y", FLOAT, None)
    graph = helper.make_graph([helper.make_node("Dense", ["x", "w"], ["y"], domain="mine")], "g", values, [output])
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, functions=[function]).SerializeToString())
    found = import_onnx(path)
    assert [layer.shape for layer in found.network.layers] == [Layer.gemm("", 2, 3, 4).shape]
    assert (summary(found.not_modelled), found.unsupported) == ("Relu (1)", ())


# ---- shapes -----------------------------------------------------------------------------------------


def test_symbolic_dimensions_take_the_sizes_that_are_given(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [node("MatMul", "x w", "y")], {"x": ["batch", None, 7]}, {"w": [7, 9]})
    with pytest.raises(InvalidInputError) as caught:
        import_onnx(path)
    expected = "MatMul 'the MatMul': the shape of its operand 'x' is batchxx:1x7. Give its inputs' dimensions a size:"
    assert expected in str(caught.value)
    assert "--set-dim batch=1, --set-dim x:1=1" in str(caught.value)
    assert only_layer(path, **{"batch": 2, "x:1": 5}).shape == Layer.gemm("", 10, 7, 9).shape


def test_shapes_that_the_model_computes_are_followed(tmp_path: Path) -> None:
    helper = onnx.helper

    def constant(name: str, kind: int, values: list[float]) -> Any:
        return helper.make_node("Constant", [], [name], value=helper.make_tensor(name, kind, [len(values)], values))

    nodes = [  # heads = trunc(sqrt(float(rows))) = 4 for 16 rows: x becomes (heads, rows, columns / heads)
        helper.make_node("Shape", ["x"], ["size"]),
        constant("zero", 7, [0]),
        constant("minus", 7, [-1]),
        helper.make_node("Gather", ["size", "zero"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["rows_f"], to=FLOAT),
        helper.make_node("Sqrt", ["rows_f"], ["root"]),
        helper.make_node("Cast", ["root"], ["heads"], to=7),
        helper.make_node("Concat", ["heads", "rows", "minus"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["split"]),
        helper.make_node("Transpose", ["split"], ["turned"], perm=[0, 2, 1]),
        node("MatMul", "split turned", "y"),
    ]
    path = model(tmp_path / "m.onnx", nodes, {"x": ["rows", 20]})
    assert only_layer(path, rows=16).shape == Layer.gemm("", 16, 5, 16, batch=4).shape


def test_a_size_that_the_model_holds_as_a_constant_is_found(tmp_path: Path) -> None:
    target = onnx.helper.make_tensor("t", 7, [2], [16, 4])
    nodes = [
        onnx.helper.make_node("Constant", [], ["target"], value=target),
        node("Reshape", "x target", "a"),
        node("MatMul", "a w", "y"),
    ]
    path = model(tmp_path / "m.onnx", nodes, {"x": ["batch", 8, 4]}, {"w": [4, 4]})
    assert only_layer(path, batch=2).shape == Layer.gemm("", 16, 4, 4).shape
    with pytest.raises(InvalidInputError, match=r"Reshape 'the Reshape' cannot turn 4x8x4 into 16x4: the model holds"):
        import_onnx(path, {"batch": 4})


def test_constants_that_would_be_large_are_not_computed(tmp_path: Path) -> None:
    helper = onnx.helper
    huge = helper.make_tensor("huge", 7, [3], [1 << 20, 1 << 20, 1 << 20])
    nodes = [
        helper.make_node("Constant", [], ["size"], value=huge),
        helper.make_node("ConstantOfShape", ["size"], ["ones"]),
        node("MatMul", "a b", "y"),
    ]
    assert only_layer(model(tmp_path / "m.onnx", nodes, {"a": [2, 3], "b": [3, 4]})).macs == 24


def test_dimensions_to_set_must_exist_and_be_sizes(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [node("MatMul", "x w", "y")], {"x": ["batch", 7]}, {"w": [7, 9]})
    with pytest.raises(UnknownNameError, match="'btach'; did you mean 'batch'"):
        import_onnx(path, {"btach": 1})
    with pytest.raises(InvalidInputError, match="dimension 'batch' must be an integer from 1"):
        import_onnx(path, {"batch": 0})


def test_shapes_behind_an_unknown_operator_are_not_known(tmp_path: Path) -> None:
    nodes = [node("Fused", "x", "a", domain="com.example"), node("MatMul", "a w", "y")]
    path = model(tmp_path / "m.onnx", nodes, {"x": [2, 7]}, {"w": [7, 9]})
    with pytest.raises(InvalidInputError, match=r"'a' is unknown. Operators before it may hide it: com.example.Fused"):
        import_onnx(path)


def test_weights_may_lie_in_a_file_that_is_absent(tmp_path: Path) -> None:
    helper = onnx.helper
    weights = helper.make_tensor("w", FLOAT, [64, 64], b"\0" * 4 * 64 * 64, raw=True)
    value = helper.make_tensor_value_info("x", FLOAT, [1, 64])
    output = helper.make_tensor_value_info("y", FLOAT, None)
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [value], [output], [weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save_model(made, str(tmp_path / "m.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0)
    (tmp_path / "w.bin").unlink()
    assert only_layer(tmp_path / "m.onnx").shape == Layer.gemm("", 1, 64, 64).shape


@pytest.mark.parametrize(
    ("operator", "a", "b", "attributes", "message"),
    [
        ("Conv", (1, 3, 8, 8), (4, 2, 3, 3), {}, "1 groups of"),
        ("Conv", (1, 3, 8, 8), (4, 3, 3), {}, "operands of 4 and 3 dimensions"),
        ("Conv", (1, 3, 2, 8), (4, 3, 3, 3), {}, "a kernel over 3 inputs where there are 2"),
        ("Conv", (1, 3, 8, 8), (4, 3, 3, 3), {"strides": (0, 1)}, "a stride of 0"),
        ("Conv", (1, 3, 8, 8), (4, 3, 3, 3), {"strides": (1,)}, "expected 2 integers"),
        ("Conv", (1, 3, 8, 8), (4, 3, 3, 3), {"auto_pad": "SOME"}, "auto_pad 'SOME'"),
        ("Conv", (1, 3, 8, 8), (4, 3, 3, 3), {"group": "two"}, "group 'two'"),
        ("Gemm", (2, 3), (4, 5), {}, "inner dimensions 3 and 4"),
        ("Gemm", (2, 3, 4), (4, 5), {}, "Gemm of"),
        ("MatMul", (2, 3), (4, 5), {}, "a product of"),
        ("MatMul", (2, 5, 3), (4, 3, 5), {}, "a product of"),
        ("MatMul", (), (4, 5), {}, "a product of"),
    ],
)
def test_contradictions(
    operator: str, a: tuple[int, ...], b: tuple[int, ...], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        layer_of(operator, "", a, b, attributes)
    assert message in str(caught.value)


def test_contradictions_in_a_file_name_the_node(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [node("Gemm", "a b", "y")], {"a": [2, 3], "b": [4, 5]})
    with pytest.raises(InvalidInputError, match=r"m\.onnx: Gemm 'the Gemm': .* inner dimensions 3 and 4"):
        import_onnx(path)


# ---- files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"m,c\n2,3\n", b"\x00" * 100, b"\x08\x07"])
def test_files_that_are_no_models(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"m\.onnx: not an ONNX model"):
        import_onnx(tmp_path / "m.onnx")


@given(st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=4))
def test_damaged_models_are_refused_or_read(place: int, damage: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = model(
            Path(folder) / "m.onnx",
            [node("MatMul", "x w", "a"), node("Relu", "a", "b"), node("Shape", "b", "c")],
            {"x": ["batch", 3]},
            {"w": [3, 4]},
        )
        content = bytearray(path.read_bytes())
        start = place % len(content)
        content[start : start + len(damage)] = damage
        path.write_bytes(content)
        with suppress(InvalidInputError):  # any other exception fails the test
            assert import_onnx(path, {"batch": 2}).network.layers


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no such file"):
        import_onnx(tmp_path / "absent.onnx")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        import_onnx(tmp_path)


def test_a_model_without_layers(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", [node("Relu", "x", "y")], {"x": [2, 3]})
    with pytest.raises(InvalidInputError, match=r"no layer to simulate.* found Relu \(1\)"):
        import_onnx(path)


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"archgym\[onnx\]"):
        import_onnx(tmp_path / "m.onnx")


def test_an_imported_network_can_be_written_and_loaded(tmp_path: Path) -> None:
    found = with_unsupported(tmp_path / "m.onnx")
    (tmp_path / "mine.csv").write_text(network_text(found.network, "mine"), encoding="utf-8")
    table = read_network(tmp_path / "mine.csv")
    assert (table.network.digest, table.network.source) == (found.network.digest, found.network.source)
