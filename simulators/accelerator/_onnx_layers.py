"""ONNX nodes as layers: from operand shapes and attributes, as the ONNX operator specification defines them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Final

from simulators.accelerator.layers import Layer
from simulators.errors import InvalidInputError

OPERANDS: Final[Mapping[str, tuple[int, int]]] = {
    "Conv": (0, 1),
    "ConvInteger": (0, 1),
    "QLinearConv": (0, 3),
    "Gemm": (0, 1),
    "MatMul": (0, 1),
    "MatMulInteger": (0, 1),
    "QLinearMatMul": (0, 3),
}
"""Operators that become layers, with the positions of their two operands among the inputs."""
Attributes = Mapping[str, int | str | Sequence[int]]
Shape = tuple[int, ...]


def layer_of(operator: str, name: str, first: Shape, second: Shape, attributes: Attributes) -> Layer:
    """Return the layer of a node.

    Args:
        operator: one of :data:`OPERANDS`.
        name: of the layer.
        first, second: shapes of the operands.
        attributes: what the node sets; integers, texts and lists of integers.

    Raises:
        InvalidInputError: shapes or attributes that contradict each other.
    """
    if "Conv" in operator:
        return _convolution(name, first, second, attributes)
    if operator == "Gemm":
        return _gemm(name, first, second, attributes)
    return _product(name, first, second)


def _convolution(name: str, x: Shape, w: Shape, attributes: Attributes) -> Layer:
    """``x`` is (batch, channels, size...), ``w`` is (output channels, channels of a group, kernel...), 1-D or 2-D."""
    axes, groups = len(x) - 2, _whole(attributes, "group", 1)
    _require(len(w) == len(x), f"operands of {len(x)} and {len(w)} dimensions")
    _require(groups >= 1 and x[1] == w[1] * groups and w[0] % groups == 0, f"{groups} groups of {x} with {w}")
    strides, dilations = _list(attributes, "strides", axes, 1), _list(attributes, "dilations", axes, 1)
    pads = _list(attributes, "pads", 2 * axes, 0)
    mode = str(attributes.get("auto_pad", "NOTSET") or "NOTSET")
    spans = []
    for axis in range(axes):
        kernel = (w[2 + axis] - 1) * dilations[axis] + 1
        spans.append(_span(mode, x[2 + axis], kernel, strides[axis], pads[axis] + pads[axis + axes]))
    (p, input_h), (q, input_w) = (*spans, (1, 1))[:2]
    r, s = (*w[2:], 1)[:2]
    (stride_h, stride_w), (dilation_h, dilation_w) = (*strides, 1)[:2], (*dilations, 1)[:2]
    return Layer(
        name,
        n=x[0],
        m=w[0] // groups,
        c=w[1],
        r=r,
        s=s,
        p=p,
        q=q,
        g=groups,
        stride_h=stride_h,
        stride_w=stride_w,
        dilation_h=dilation_h,
        dilation_w=dilation_w,
        input_h=input_h,
        input_w=input_w,
    )


def _span(mode: str, size: int, kernel: int, stride: int, pads: int) -> tuple[int, int]:
    """Outputs along one axis, and its inputs with padding."""
    _require(stride >= 1, f"a stride of {stride}")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        outputs = -(-size // stride)
        return outputs, max(size, (outputs - 1) * stride + kernel)
    _require(mode in ("NOTSET", "VALID"), f"auto_pad {mode!r}")
    padded = size if mode == "VALID" else size + pads
    _require(padded >= kernel, f"a kernel over {kernel} inputs where there are {padded}")
    return (padded - kernel) // stride + 1, padded


def _gemm(name: str, a: Shape, b: Shape, attributes: Attributes) -> Layer:
    _require(len(a) == len(b) == 2, f"Gemm of {a} and {b}")
    rows, inner = reversed(a) if _whole(attributes, "transA", 0) else a
    second, columns = reversed(b) if _whole(attributes, "transB", 0) else b
    _require(inner == second, f"inner dimensions {inner} and {second}")
    return Layer.gemm(name, rows, inner, columns)


def _product(name: str, a: Shape, b: Shape) -> Layer:
    """Matrix product with NumPy's broadcasting.

    An axis that both operands have is a batch of independent products. One that only the first has makes more rows,
    one that only the second has more columns: the other operand is the same in all of them.
    """
    _require(bool(a) and bool(b), f"a product of {a} and {b}")
    a, b = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    _require(a[-1] == b[-2], f"a product of {a} and {b}")
    length = max(len(a), len(b)) - 2
    left = (1,) * (length + 2 - len(a)) + a[:-2]
    right = (1,) * (length + 2 - len(b)) + b[:-2]
    _require(all(i == j or 1 in (i, j) for i, j in zip(left, right, strict=True)), f"a product of {a} and {b}")
    both = prod(i for i, j in zip(left, right, strict=True) if i == j)
    rows = a[-2] * prod(i for i, j in zip(left, right, strict=True) if j == 1)
    columns = b[-1] * prod(j for i, j in zip(left, right, strict=True) if i == 1)
    return Layer.gemm(name, rows, a[-1], columns, both)


def _whole(attributes: Attributes, key: str, default: int) -> int:
    value = attributes.get(key, default)
    _require(isinstance(value, int), f"{key} {value!r}")
    return value if isinstance(value, int) else default


def _list(attributes: Attributes, key: str, length: int, default: int) -> list[int]:
    value = attributes.get(key, ())
    found = [] if isinstance(value, int | str) else list(value)
    _require(len(found) in (0, length), f"{key} {value!r}, expected {length} integers")
    return found or [default] * length


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InvalidInputError(f"shapes or attributes contradict each other: {what}")
