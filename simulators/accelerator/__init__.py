"""DNN-accelerator simulators: hierarchical (loop nests on a PE array) and systolic, with networks and a mapper."""

from __future__ import annotations

from simulators.accelerator.layers import DIMENSIONS, Layer, Network

__all__ = ["DIMENSIONS", "Layer", "Network"]
