"""Layers in the kernel's form."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.layers import Layer
from simulators.accelerator.systolic.kernel_codes import LAYER_WORDS


def layer_words(layers: Sequence[Layer], real_outputs: bool) -> NDArray[np.int64]:
    """Return ``int64[l, LAYER_WORDS]``.

    Args:
        layers: ``l`` layers.
        real_outputs: whether the array computes the layer's own outputs, or what SCALE-Sim derives from the
            input.
    """
    words = np.empty((len(layers), LAYER_WORDS), dtype=np.int64)
    for row, layer in zip(words, layers, strict=True):
        down, across = math.gcd(layer.stride_h, layer.dilation_h), math.gcd(layer.stride_w, layer.dilation_w)
        row[:] = (
            *(layer.n, layer.m, layer.c, layer.r, layer.s, layer.p, layer.q, layer.g),
            *(layer.stride_h // down, layer.dilation_h // down, layer.stride_w // across, layer.dilation_w // across),
            *((layer.p, layer.q) if real_outputs else scalesim_outputs(layer)),
        )
    return words


def scalesim_outputs(layer: Layer) -> tuple[int, int]:
    """Return SCALE-Sim's output rows and columns, ``ceil((H - R + stride) / stride)``: one too many where it rounds.

    It knows no dilation; R is the extent of a dilated kernel.
    """
    tall, wide = (layer.r - 1) * layer.dilation_h + 1, (layer.s - 1) * layer.dilation_w + 1
    return (
        -(-(layer.input_h - tall + layer.stride_h) // layer.stride_h),
        -(-(layer.input_w - wide + layer.stride_w) // layer.stride_w),
    )
