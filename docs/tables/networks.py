"""The layer tables of simulators/accelerator/data/networks: ``python -m docs.tables.networks`` writes them anew.

Each network is followed block by block as its source defines it, with a cursor that keeps the size of the feature map.
A test compares the tables with what this writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from simulators.accelerator.layers import Layer, Network
from simulators.accelerator.network_tables import FOLDER, network_text


@dataclass
class FeatureMap:
    """The tensor between two layers, and the layers so far.

    Attributes:
        channels, height, width: of the tensor.
        layers: convolutions and matrix products up to here.
    """

    channels: int
    height: int
    width: int
    layers: list[Layer] = field(default_factory=list)

    def conv(
        self, name: str, m: int, k: int = 1, stride: int = 1, padding: int | None = None, groups: int = 1
    ) -> FeatureMap:
        """Append a square convolution with ``m`` output channels; padding keeps the size unless it is given."""
        pad = k // 2 if padding is None else padding
        rows, columns = self.height + 2 * pad, self.width + 2 * pad
        p, q = (rows - k) // stride + 1, (columns - k) // stride + 1
        layer = Layer(
            name,
            m=m // groups,
            c=self.channels // groups,
            r=k,
            s=k,
            p=p,
            q=q,
            g=groups,
            stride_h=stride,
            stride_w=stride,
            input_h=rows,
            input_w=columns,
        )
        self.layers.append(layer)
        self.channels, self.height, self.width = m, p, q
        return self

    def depthwise(self, name: str, k: int, stride: int = 1) -> FeatureMap:
        """Append a depthwise convolution."""
        return self.conv(name, self.channels, k, stride, groups=self.channels)

    def pool(self, k: int, stride: int, padding: int = 0) -> FeatureMap:
        """Shrink the map; pooling has no multiply-accumulates."""
        self.height = (self.height + 2 * padding - k) // stride + 1
        self.width = (self.width + 2 * padding - k) // stride + 1
        return self

    def pool_to(self, size: int) -> FeatureMap:
        """Average to a given size."""
        self.height = self.width = size
        return self

    def linear(self, name: str, m: int) -> FeatureMap:
        """Append a fully connected layer over everything in the map."""
        self.layers.append(Layer.gemm(name, 1, self.channels * self.height * self.width, m))
        self.channels, self.height, self.width = m, 1, 1
        return self

    def at(self) -> FeatureMap:
        """Return a branch from here: the same map, layers appended to the same list."""
        return FeatureMap(self.channels, self.height, self.width, self.layers)


def alexnet() -> list[Layer]:
    """AlexNet without groups, in the channel numbers of its 2014 revision."""
    x = FeatureMap(3, 224, 224).conv("features.0", 64, 11, 4, 2).pool(3, 2).conv("features.3", 192, 5).pool(3, 2)
    x.conv("features.6", 384, 3).conv("features.8", 256, 3).conv("features.10", 256, 3).pool(3, 2)
    return x.linear("classifier.1", 4096).linear("classifier.4", 4096).linear("classifier.6", 1000).layers


def alexnet_conv() -> list[Layer]:
    """The five convolutions of the 2012 AlexNet, as if on one device: without groups."""
    x = FeatureMap(3, 227, 227).conv("conv1", 96, 11, 4, 0).pool(3, 2).conv("conv2", 256, 5).pool(3, 2)
    return x.conv("conv3", 384, 3).conv("conv4", 384, 3).conv("conv5", 256, 3).layers


def vgg16() -> list[Layer]:
    """VGG configuration D: 3x3 convolutions in five stages, a pooling after each."""
    x, position = FeatureMap(3, 224, 224), 0
    for channels, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            x.conv(f"features.{position}", channels, 3)
            position += 2
        x.pool(2, 2)
        position += 1
    return x.linear("classifier.0", 4096).linear("classifier.3", 4096).linear("classifier.6", 1000).layers


def resnet18() -> list[Layer]:
    """ResNet with two basic blocks per stage."""
    return _resnet((2, 2, 2, 2), _basic)


def resnet50() -> list[Layer]:
    """ResNet with bottlenecks whose 3x3 convolution strides (version 1.5)."""
    return _resnet((3, 4, 6, 3), _bottleneck)


def _resnet(depths: tuple[int, ...], block: Callable[[FeatureMap, str, int, int], int]) -> list[Layer]:
    x = FeatureMap(3, 224, 224).conv("conv1", 64, 7, 2).pool(3, 2, 1)
    for stage, depth in enumerate(depths):
        for number in range(depth):
            before, stride = x.at(), 2 if stage and not number else 1
            name = f"layer{stage + 1}.{number}"
            outputs = block(x, name, 64 << stage, stride)
            if stride > 1 or before.channels != outputs:
                before.conv(f"{name}.downsample.0", outputs, 1, stride)
    return x.pool_to(1).linear("fc", 1000).layers


def _basic(x: FeatureMap, name: str, width: int, stride: int) -> int:
    x.conv(f"{name}.conv1", width, 3, stride).conv(f"{name}.conv2", width, 3)
    return width


def _bottleneck(x: FeatureMap, name: str, width: int, stride: int) -> int:
    x.conv(f"{name}.conv1", width).conv(f"{name}.conv2", width, 3, stride).conv(f"{name}.conv3", 4 * width)
    return 4 * width


def mobilenet_v2() -> list[Layer]:
    """MobileNetV2 at width 1: inverted residuals (expansion, channels, blocks, stride)."""
    x = FeatureMap(3, 224, 224).conv("features.0", 32, 3, 2)
    stages = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    position = 0
    for expansion, channels, depth, first_stride in stages:
        for number in range(depth):
            position += 1
            name = f"features.{position}"
            if expansion > 1:
                x.conv(f"{name}.expand", expansion * x.channels)
            x.depthwise(f"{name}.depthwise", 3, 1 if number else first_stride).conv(f"{name}.project", channels)
    return x.conv("features.18", 1280).pool_to(1).linear("classifier.1", 1000).layers


def efficientnet_b0() -> list[Layer]:
    """EfficientNet-B0: inverted residuals with squeeze and excitation (expansion, kernel, channels, blocks, stride)."""
    x = FeatureMap(3, 224, 224).conv("features.0", 32, 3, 2)
    stages = (
        (1, 3, 16, 1, 1),
        (6, 3, 24, 2, 2),
        (6, 5, 40, 2, 2),
        (6, 3, 80, 3, 2),
        (6, 5, 112, 3, 1),
        (6, 5, 192, 4, 2),
        (6, 3, 320, 1, 1),
    )
    for stage, (expansion, kernel, channels, depth, first_stride) in enumerate(stages, start=1):
        for number in range(depth):
            stride = 1 if number else first_stride
            _squeezed_block(x, f"features.{stage}.{number}", expansion, kernel, channels, stride)
    return x.conv("features.8", 1280).pool_to(1).linear("classifier.1", 1000).layers


def _squeezed_block(x: FeatureMap, name: str, expansion: int, kernel: int, channels: int, stride: int) -> None:
    squeezed = x.channels // 4
    if expansion > 1:
        x.conv(f"{name}.expand", expansion * x.channels)
    x.depthwise(f"{name}.depthwise", kernel, stride)
    x.at().pool_to(1).linear(f"{name}.squeeze", squeezed).linear(f"{name}.excite", x.channels)
    x.conv(f"{name}.project", channels)


def keyword_spotting() -> list[Layer]:
    """The depthwise-separable network on a spectrogram of 49 frames of 10 coefficients."""
    rows, columns = 49 + 9, 10 + 2  # padded so that the outputs are half as many: 25 x 5
    first = Layer("conv1", m=64, r=10, s=4, p=25, q=5, stride_h=2, stride_w=2, input_h=rows, input_w=columns)
    x = FeatureMap(64, 25, 5, [first])
    for number in range(1, 5):
        x.depthwise(f"block{number}.depthwise", 3).conv(f"block{number}.pointwise", 64)
    return x.pool_to(1).linear("fc", 12).layers


TABLES: Final[dict[str, tuple[Callable[[], list[Layer]], str, str]]] = {
    "alexnet": (
        alexnet,
        "AlexNet, 224x224 image",
        "A. Krizhevsky, One weird trick for parallelizing convolutional neural networks, arXiv:1404.5997, as in "
        "torchvision 0.20 models.alexnet",
    ),
    "alexnet-conv": (
        alexnet_conv,
        "AlexNet's five convolutions without groups, 227x227 image",
        "A. Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, NeurIPS 2012, section "
        "3.5; one group in every layer, as in the AlexNet layer shapes of Timeloop and ArchGym",
    ),
    "vgg16": (
        vgg16,
        "VGG-16, 224x224 image",
        "K. Simonyan and A. Zisserman, arXiv:1409.1556, table 1, configuration D; names as in torchvision 0.20",
    ),
    "resnet18": (
        resnet18,
        "ResNet-18, 224x224 image",
        "K. He et al., arXiv:1512.03385, table 1, 18-layer; projection shortcuts where shapes change, names as in "
        "torchvision 0.20",
    ),
    "resnet50": (
        resnet50,
        "ResNet-50 version 1.5, 224x224 image",
        "K. He et al., arXiv:1512.03385, table 1, 50-layer; stride in the 3x3 convolutions as in torchvision 0.20",
    ),
    "mobilenet-v2": (
        mobilenet_v2,
        "MobileNetV2, width 1.0, 224x224 image",
        "M. Sandler et al., arXiv:1801.04381, table 2; padding (k - 1) / 2 on both sides as in torchvision 0.20",
    ),
    "efficientnet-b0": (
        efficientnet_b0,
        "EfficientNet-B0 with squeeze and excitation, 224x224 image",
        "M. Tan and Q. Le, arXiv:1905.11946, table 1; padding (k - 1) / 2 on both sides and squeeze to a quarter of "
        "the block's input channels as in torchvision 0.20",
    ),
    "keyword-spotting": (
        keyword_spotting,
        "DS-CNN for keyword spotting, 49x10 spectrogram",
        "Y. Zhang et al., Hello Edge: Keyword Spotting on Microcontrollers, arXiv:1711.07128, DS-CNN small, in the "
        "dimensions of the MLPerf Tiny 1.0 keyword spotting benchmark",
    ),
}
"""Network: its layers, what it is, where its shapes come from."""


def tables() -> Iterator[tuple[Path, str]]:
    """Yield every table's path and text."""
    for name, (layers, title, source) in TABLES.items():
        yield FOLDER / f"{name}.csv", network_text(Network.of(name, layers(), source), title)


def main() -> None:
    """Write every table."""
    for path, text in tables():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
