"""Shapes of all tensors of an ONNX graph, through shape arithmetic.

ONNX's inference of a whole model follows sizes through few operators only. Exporters compute shapes with many: the
target of a Reshape may come from Shape, Gather, Cast, Mul, Concat ... So after it a second pass goes over the nodes in
order, evaluates those whose inputs are all known and small, and infers each other node's outputs with these values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto

MOST_KEPT_VALUES: Final = 1024
"""Most values of a tensor that is evaluated; larger constants are weights."""
AnyShape = tuple[int | str, ...]
"""Sizes of a tensor; a text stands for one that is not known, and is its name where it has one."""


def infer_shapes(model: ModelProto) -> tuple[GraphProto, dict[str, AnyShape]]:
    """Return a model's graph, and the shape of each of its tensors that has one.

    Raises:
        onnx.shape_inference.InferenceError, RuntimeError, ValueError: the model contradicts itself.
    """
    import onnx.shape_inference

    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    known = _Known({opset.domain: opset.version for opset in inferred.opset_import})
    known.take_graph(inferred.graph)
    for node in inferred.graph.node:
        known.take(node)
    shapes = {name: shape_of(type_) for name, type_ in known.types.items()}
    return inferred.graph, {name: shape for name, shape in shapes.items() if shape is not None}


def shape_of(type_: TypeProto) -> AnyShape | None:
    """Return the shape that a tensor's type states, None if it states none."""
    if not type_.tensor_type.HasField("shape"):
        return None
    sizes = type_.tensor_type.shape.dim
    return tuple(size.dim_value if size.HasField("dim_value") else size.dim_param or "?" for size in sizes)


@dataclass
class _Known:
    """What is known of the tensors: types, and values of small ones."""

    opsets: dict[str, int]
    types: dict[str, TypeProto] = field(default_factory=dict)
    values: dict[str, NDArray[np.generic]] = field(default_factory=dict)

    def take_graph(self, graph: GraphProto) -> None:
        from onnx import helper

        for value in (*graph.output, *graph.value_info, *graph.input):
            self.types[value.name] = value.type
        for tensor in graph.initializer:
            self.types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
            value = _value(tensor)
            if value is not None:
                self.values[tensor.name] = value

    def take(self, node: NodeProto) -> None:
        """Infer the types of a node's outputs where they are not known, and evaluate them if that is cheap."""
        from onnx import defs

        if node.domain not in ("", "ai.onnx") or not defs.has(node.op_type) or _has_graphs(node):
            return
        if any(self._size(name) is None for name in node.output if name):
            self._infer(node)
        inputs = self._inputs(node)
        is_small = all(size is not None and size <= MOST_KEPT_VALUES for size in map(self._size, node.output))
        if is_small and len(inputs) == len(set(filter(None, node.input))):
            self._evaluate(node, inputs)

    def _inputs(self, node: NodeProto) -> dict[str, NDArray[np.generic]]:
        """Values of a node's inputs as far as they are known; to ask for a shape, anything of that shape will do."""
        if node.op_type not in ("Shape", "Size"):
            return {name: self.values[name] for name in node.input if name in self.values}
        known = [name for name in node.input if self._size(name) is not None]
        return {name: np.broadcast_to(np.zeros((), dtype=np.float32), self._sizes(name)) for name in known}

    def _sizes(self, name: str) -> tuple[int, ...]:
        shape = shape_of(self.types[name]) if name in self.types else None
        return tuple(size for size in shape or () if isinstance(size, int))

    def _size(self, name: str) -> int | None:
        """Number of values of a tensor, None if its shape is not known."""
        shape = shape_of(self.types[name]) if name in self.types else None
        if shape is None or not all(isinstance(size, int) for size in shape):
            return None
        return prod(self._sizes(name))

    def _infer(self, node: NodeProto) -> None:
        from onnx import defs, helper, numpy_helper, shape_inference

        inputs = [name for name in node.input if name]
        if any(name not in self.types for name in inputs):
            return
        schema = defs.get_schema(node.op_type, self.opsets.get("", self.opsets.get("ai.onnx", 1)), "")
        values = {name: numpy_helper.from_array(self.values[name], name) for name in inputs if name in self.values}
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        types = {name: self.types[name] for name in inputs}
        try:
            found = shape_inference.infer_node_outputs(schema, node, types, values, opset_imports=opsets)
        except (shape_inference.InferenceError, RuntimeError):
            return  # its outputs stay unknown; whoever needs them says so
        self.types.update(found)

    def _evaluate(self, node: NodeProto, inputs: Mapping[str, NDArray[np.generic]]) -> None:
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        graph = helper.make_graph(
            [node],
            "node",
            [helper.make_empty_tensor_value_info(name) for name in inputs],
            [helper.make_empty_tensor_value_info(name) for name in node.output if name],
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        try:
            found = ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets)).run(None, dict(inputs))
        except Exception:  # the reference evaluator documents no exceptions; without a value the shape stays unknown
            return
        for name, value in zip(filter(None, node.output), found, strict=True):
            self.values[name] = np.asarray(value)


def _value(tensor: TensorProto) -> NDArray[np.generic] | None:
    """The values of a constant, None if they are many, elsewhere or missing."""
    from onnx import numpy_helper

    if prod(tensor.dims) > MOST_KEPT_VALUES or tensor.external_data:
        return None
    try:
        return numpy_helper.to_array(tensor)
    except ValueError:
        return None


def _has_graphs(node: NodeProto) -> bool:
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)
