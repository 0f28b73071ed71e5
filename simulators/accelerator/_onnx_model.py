"""Reading ONNX models for their shapes: weights dropped, symbolic dimensions set, shapes inferred."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from simulators.accelerator._onnx_layers import Attributes
from simulators.accelerator._onnx_shapes import MOST_KEPT_VALUES, AnyShape, infer_shapes
from simulators.accelerator.layers import LARGEST_BOUND
from simulators.errors import InvalidInputError, MissingExtraError, UnknownNameError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorShapeProto


@dataclass(frozen=True)
class OnnxModel:
    """A model with inferred shapes.

    Attributes:
        graph: its nodes.
        shapes: shape of every tensor that has one.
        source: a sentence that says what the model is.
    """

    graph: GraphProto
    shapes: Mapping[str, AnyShape]
    source: str


def read_model(path: Path, set_dims: Mapping[str, int]) -> OnnxModel:
    """Return a model with its shapes, see :func:`simulators.accelerator.onnx_import.import_onnx`."""
    try:
        import onnx
        import onnx.inliner
        import onnx.shape_inference
    except ImportError:
        raise MissingExtraError("importing an ONNX model", "onnx", "onnx") from None

    model = _parsed(path)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    for tensor in model.graph.initializer:
        if prod(tensor.dims) > MOST_KEPT_VALUES:
            _drop_values(tensor)
    _set_dimensions(path, model.graph, set_dims)
    try:
        graph, shapes = infer_shapes(model)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise InvalidInputError(f"{path}: shapes cannot be inferred: {' '.join(str(error).split())}") from None
    return OnnxModel(graph, shapes, _source(path, model, set_dims))


def attributes_of(node: NodeProto) -> Attributes:
    """Return a node's attributes that are integers, texts or lists of integers."""
    from onnx import AttributeProto

    found: dict[str, int | str | tuple[int, ...]] = {}
    for attribute in node.attribute:
        if attribute.type == AttributeProto.INT:
            found[attribute.name] = attribute.i
        elif attribute.type == AttributeProto.INTS:
            found[attribute.name] = tuple(attribute.ints)
        elif attribute.type == AttributeProto.STRING:
            found[attribute.name] = attribute.s.decode("utf-8", "replace")
    return found


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """Yield the graphs that a node holds: branches, bodies of loops."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _parsed(path: Path) -> ModelProto:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: no such file") from None
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (DecodeError, ValueError):
        raise InvalidInputError(f"{path}: not an ONNX model") from None
    texts = (text for node in model.graph.node for text in (node.op_type, node.domain, node.name, *node.output))
    if not all(isinstance(text, str) for text in texts):  # texts that are not UTF-8 come as bytes
        raise InvalidInputError(f"{path}: not an ONNX model, or a damaged one")
    if not model.graph.node:
        raise InvalidInputError(f"{path}: not an ONNX model, or one without operators")
    return model


def _drop_values(tensor: object) -> None:
    for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "external_data"):
        tensor.ClearField(field)  # type: ignore[attr-defined]  # a message of protocol buffers


def _dimensions(graph: GraphProto) -> Iterator[tuple[str, TensorShapeProto.Dimension]]:
    """Yield every dimension of the tensors that the graph describes, with a name for those that have none."""
    for value in (*graph.input, *graph.value_info, *graph.output):
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            yield f"{value.name}:{axis}", dimension


def _set_dimensions(path: Path, graph: GraphProto, set_dims: Mapping[str, int]) -> None:
    for value in graph.input:
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if not dimension.HasField("dim_value") and not dimension.dim_param:
                dimension.dim_param = f"{value.name}:{axis}"
    symbols = {dimension.dim_param for _, dimension in _dimensions(graph) if dimension.dim_param}
    for name, size in set_dims.items():
        if name not in symbols:
            raise UnknownNameError(f"dimension of {path}:", name, sorted(symbols))
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST_BOUND:
            raise InvalidInputError(f"dimension {name!r} must be an integer from 1 to {LARGEST_BOUND}, got {size!r}")
    for _, dimension in _dimensions(graph):
        if dimension.dim_param in set_dims:
            dimension.dim_value = set_dims[dimension.dim_param]


def _source(path: Path, model: ModelProto, set_dims: Mapping[str, int]) -> str:
    producer = f" of {model.producer_name} {model.producer_version}".rstrip() if model.producer_name else ""
    sizes = "".join(f", {name}={size}" for name, size in set_dims.items())
    return f"ONNX model {path.name}{producer}{sizes}"
