"""Networks from ONNX models: convolutions and matrix products become layers, everything else is counted.

Only shapes are used: weights may lie in files that are absent. Shapes come from ONNX's own shape inference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulators.accelerator._onnx_layers import OPERANDS, Shape, layer_of
from simulators.accelerator._onnx_model import OnnxModel, attributes_of, read_model, subgraphs
from simulators.accelerator._onnx_shapes import AnyShape
from simulators.accelerator.layers import Layer, Network
from simulators.errors import InvalidInputError

if TYPE_CHECKING:
    from onnx import NodeProto

UNSUPPORTED: Final = frozenset(
    {
        "Attention",
        "CausalConvWithState",
        "ConvTranspose",
        "DFT",
        "DeformConv",
        "Einsum",
        "GRU",
        "LSTM",
        "LinearAttention",
        "RNN",
        "STFT",
    }
)
"""Operators of ONNX's own domain with multiply-accumulates that do not become layers."""


@dataclass(frozen=True)
class OperatorNodes:
    """Nodes of one operator.

    Attributes:
        operator: its name, outside ONNX's own domain with the domain, e.g. ``com.microsoft.FusedMatMul``.
        nodes: names of the nodes in the order of the model.
    """

    operator: str
    nodes: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many nodes."""
        return len(self.nodes)


@dataclass(frozen=True)
class ImportedNetwork:
    """A network and what of the model it leaves out.

    Attributes:
        network: convolutions and matrix products, each once, in the order of the model.
        unsupported: operators that have, or may have, multiply-accumulates and have become no layer: transposed and
            three-dimensional convolutions, recurrent networks, Einsum, operators of other domains ...
        not_modelled: operators without multiply-accumulates: activations, pooling, normalization, reshaping ...
    """

    network: Network
    unsupported: tuple[OperatorNodes, ...]
    not_modelled: tuple[OperatorNodes, ...]


def import_onnx(path: str | Path, set_dims: Mapping[str, int] | None = None) -> ImportedNetwork:
    """Return the layers of an ONNX model.

    Args:
        path: the model.
        set_dims: values of symbolic dimensions, e.g. ``{"batch": 1}``. A dimension of an input that has neither value
            nor name is called ``input:axis``, e.g. ``"image:0"``.

    Raises:
        MissingExtraError: the package ``onnx`` is not installed.
        InvalidInputError: no ONNX model, shapes that are not known or contradict each other, no layer at all.
        UnknownNameError: ``set_dims`` names a dimension that the model does not have.
    """
    file = Path(path)
    model = read_model(file, dict(set_dims or {}))
    walk = _Walk(file, model)
    for node in model.graph.node:
        walk.take(node)
    if not walk.layers:
        found = summary(walk.grouped(walk.unsupported) + walk.grouped(walk.not_modelled))
        raise InvalidInputError(
            f"{file}: no layer to simulate. Expected at least one of {', '.join(OPERANDS)}; found {found}."
        )
    network = Network.of(file.stem, walk.layers, model.source)
    return ImportedNetwork(network, walk.grouped(walk.unsupported), walk.grouped(walk.not_modelled))


def summary(operators: Iterable[OperatorNodes]) -> str:
    """Return operators with their counts, e.g. ``LSTM (2), Einsum (1)``."""
    return ", ".join(f"{group.operator} ({group.count})" for group in operators)


@dataclass
class _Walk:
    """One pass over the nodes: layers, and names of the other nodes by operator."""

    file: Path
    model: OnnxModel
    layers: list[Layer] = field(default_factory=list)
    unsupported: dict[str, list[str]] = field(default_factory=dict)
    not_modelled: dict[str, list[str]] = field(default_factory=dict)

    def take(self, node: NodeProto) -> None:
        operator, name = _operator(node), node.name or next(iter(node.output), "")
        if operator == "Reshape" and node.input and node.output:
            self._check_reshape(node, name)
        if operator not in OPERANDS:
            group = self.unsupported if _may_have_macs(node) else self.not_modelled
            group.setdefault(operator, []).append(name)
            return
        first, second = (self._shape(node, name, position) for position in OPERANDS[operator])
        if "Conv" in operator and len(first) not in (3, 4):
            self.unsupported.setdefault(f"{operator} {len(first) - 2}-D", []).append(name)
            return
        try:
            self.layers.append(layer_of(operator, name, first, second, attributes_of(node)))
        except InvalidInputError as error:
            raise InvalidInputError(f"{self.file}: {operator} {name!r}: {error}") from None

    def _check_reshape(self, node: NodeProto, name: str) -> None:
        """Inference is silent about a size that an exporter wrote as a constant and that does not follow the inputs."""
        before, after = (self.model.shapes.get(tensor, ("?",)) for tensor in (node.input[0], node.output[0]))
        sizes = [size for size in (*before, *after) if isinstance(size, int)]
        if len(sizes) == len(before) + len(after) and prod(sizes[: len(before)]) != prod(sizes[len(before) :]):
            raise InvalidInputError(
                f"{self.file}: Reshape {name!r} cannot turn {_sizes(before)} into {_sizes(after)}: the model holds a "
                "size as a constant that does not go with its inputs. Set the dimensions that it was exported with, or "
                "export it anew with those that you want."
            )

    def _shape(self, node: NodeProto, name: str, position: int) -> Shape:
        tensor = node.input[position] if position < len(node.input) else ""
        shape = self.model.shapes.get(tensor)
        if shape is not None and all(isinstance(size, int) for size in shape):
            return tuple(int(size) for size in shape)
        shown = "unknown" if shape is None else _sizes(shape)
        raise InvalidInputError(
            f"{self.file}: {node.op_type} {name!r}: the shape of its operand {tensor!r} is {shown}. {self._advice()}"
        )

    def _advice(self) -> str:
        symbols = {
            str(size)
            for value in self.model.graph.input
            for size in self.model.shapes.get(value.name, ())
            if isinstance(size, str)
        }
        if symbols:
            return (
                f"Give its inputs' dimensions a size: {', '.join(f'--set-dim {name}=1' for name in sorted(symbols))}."
            )
        if self.unsupported:
            return f"Operators before it may hide it: {summary(self.grouped(self.unsupported))}."
        return "Export the model with the shapes of its tensors."

    def grouped(self, nodes: Mapping[str, list[str]]) -> tuple[OperatorNodes, ...]:
        return tuple(OperatorNodes(operator, tuple(names)) for operator, names in nodes.items())


def _sizes(shape: AnyShape) -> str:
    return "x".join(map(str, shape)) or "a scalar"


def _operator(node: NodeProto) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def _may_have_macs(node: NodeProto) -> bool:
    """Whether a node, or one in its subgraphs, multiplies and accumulates as far as we know."""
    from onnx import defs

    operator = _operator(node)
    if operator in OPERANDS or operator in UNSUPPORTED or not defs.has(operator):
        return True
    return any(_may_have_macs(inner) for graph in subgraphs(node) for inner in graph.node)
