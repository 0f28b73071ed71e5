"""Templates: which hardware parameters an accelerator has, and what they build.

``default``, ours:

* the array has ``array_columns`` x ``array_rows`` PEs, each with a MAC;
* ``hierarchy`` says what a PE stores: ``split``, as in Eyeriss (Chen et al., JSSC 2017): an ifmap scratchpad, inside it
  one for weights, innermost one for partial sums; otherwise one storage for all tensors (``unified``), for weights only
  (``weight_stationary``) or for outputs only (``output_stationary``), past which the other tensors go to the MAC;
* ``pe_storage_class`` and ``pe_storage_words`` describe the weights scratchpad or the one storage; ifmap and psum
  scratchpads are register files. All move one word per access and keep up with the MAC;
* the global buffer (GLB) keeps inputs and outputs, and with ``glb_keeps_weights`` weights too. It has ``glb_banks``
  SRAM macros with one 64-bit read/write port each, so that in a cycle half the ports' words can be read and half be
  written;
* DRAM moves 64 bits per access and ``dram_bandwidth`` words per cycle each way.

``archgym``: the 26 parameters of ArchGym's Timeloop environment, see :mod:`simulators.accelerator.archgym_template`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.archgym_template import ARCHGYM_INPUTS, archgym_hardware
from simulators.accelerator.architecture import LARGEST_ARRAY, Architecture
from simulators.accelerator.hardware import ALL_TENSORS, DEFAULT_PARTS, Builder, Hardware, Parts, architecture_of_words
from simulators.accelerator.kernel_layout import GLB, INNER, INPUTS, MIDDLE, OUTER, OUTPUTS, WEIGHTS
from simulators.accelerator.technology import SRAM_PORT_BITS
from simulators.errors import InvalidInputError, UnknownNameError
from simulators.parameters import Value
from simulators.simulator import Input
from simulators.spaces import Columns

HIERARCHIES: Final = ("split", "unified", "weight_stationary", "output_stationary")
PE_STORAGE_CLASSES: Final = ("regfile", "SRAM")
MOST_PE_WORDS: Final = 1 << 20
MOST_GLB_KIB: Final = 1 << 16
_KEPT: Final = {"unified": ALL_TENSORS, "weight_stationary": 1 << WEIGHTS, "output_stationary": 1 << OUTPUTS}

DEFAULT_INPUTS: Final = (
    Input("array_columns", 14, minimum=1, maximum=LARGEST_ARRAY, doc="columns of PEs"),
    Input("array_rows", 12, minimum=1, maximum=LARGEST_ARRAY, doc="rows of PEs"),
    Input(
        "hierarchy", "split", HIERARCHIES, doc="what a PE stores: three scratchpads, or one storage for some tensors"
    ),
    Input("pe_storage_class", "SRAM", PE_STORAGE_CLASSES, doc="of the weights scratchpad, or of the one storage"),
    Input("pe_storage_words", 224, minimum=1, maximum=MOST_PE_WORDS, unit="words", doc="likewise, in each PE"),
    Input("ifmap_spad_words", 12, minimum=1, maximum=MOST_PE_WORDS, unit="words", doc="ifmap scratchpad (split)"),
    Input("psum_spad_words", 24, minimum=1, maximum=MOST_PE_WORDS, unit="words", doc="psum scratchpad (split)"),
    Input("glb_kib", 108, minimum=1, maximum=MOST_GLB_KIB, unit="KiB", doc="global buffer, all banks together"),
    Input("glb_banks", 8, minimum=1, maximum=4096, unit="banks", doc="banks with a 64-bit port each"),
    Input("glb_keeps_weights", False, (False, True), doc="whether weights stay in the GLB too"),
    Input(
        "dram_bandwidth",
        8.0,
        minimum=1 / 64,
        maximum=65536,
        integer=False,
        unit="words/cycle",
        doc="words that DRAM moves per clock cycle, as many each way (SystolicArray: both ways together)",
    ),
)
"""Defaults: Eyeriss (Chen et al., JSSC 2017): 14 x 12 PEs, scratchpads of 12, 224 and 24 words, a buffer of 108 KiB."""


@dataclass(frozen=True)
class Template:
    """A kind of accelerator.

    Attributes:
        name: one of TEMPLATE_NAMES.
        inputs: its hardware parameters.
        build: returns the accelerators of checked columns.
    """

    name: str
    inputs: tuple[Input, ...]
    build: Callable[[Columns, Parts], Hardware]


def default_hardware(columns: Columns, parts: Parts) -> Hardware:
    """Return the accelerators of checked columns of the default template, see the module."""
    builder = Builder(parts, columns["array_columns"], columns["array_rows"])
    builder.add_dram(columns["dram_bandwidth"])
    _add_glb(builder, columns)
    hierarchy = columns["hierarchy"]
    split = hierarchy == "split"
    single = ~split
    kinds, words = columns["pe_storage_class"], columns["pe_storage_words"]
    if single.any():
        keeps = np.array([_KEPT[name] for name in hierarchy[single].tolist()])
        builder.add_storage(INNER, single, keeps, kinds[single], words[single])
    if split.any():
        registers = np.full(int(split.sum()), "regfile")
        builder.add_storage(OUTER, split, 1 << INPUTS, registers, columns["ifmap_spad_words"][split])
        builder.add_storage(MIDDLE, split, 1 << WEIGHTS, kinds[split], words[split])
        builder.add_storage(INNER, split, 1 << OUTPUTS, registers, columns["psum_spad_words"][split])
    return builder.result(_bank_refusals(columns))


def _add_glb(builder: Builder, columns: Columns) -> None:
    parts, banks = builder.parts, columns["glb_banks"]
    words = columns["glb_kib"] * (1024 * 8 // parts.word_bits)
    keeps = np.where(columns["glb_keeps_weights"], ALL_TENSORS, ALL_TENSORS ^ (1 << WEIGHTS))
    each_way = banks * parts.port_words / 2
    everything, sram = np.ones(len(banks), dtype=bool), np.full(len(banks), "SRAM")
    builder.add_storage(GLB, everything, keeps, sram, words, parts.port_words, banks, (each_way, each_way))


def _bank_refusals(columns: Columns) -> tuple[str, ...]:
    """Refuse banks that are smaller than what their port moves at once."""
    port_bytes = SRAM_PORT_BITS // 8
    sizes, banks = columns["glb_kib"] * 1024, columns["glb_banks"]
    reasons = [""] * len(banks)
    for row in np.flatnonzero(sizes < banks * port_bytes).tolist():
        reasons[row] = f"glb-banks: {banks[row]} banks of {sizes[row]} bytes have less than {port_bytes} bytes each"
    return tuple(reasons)


_TEMPLATES: Final = {
    template.name: template
    for template in (
        Template("default", DEFAULT_INPUTS, default_hardware),
        Template("archgym", ARCHGYM_INPUTS, archgym_hardware),
    )
}
TEMPLATE_NAMES: Final = tuple(_TEMPLATES)


def template_named(name: str) -> Template:
    """Return the template of that name; raises UnknownNameError."""
    if name not in _TEMPLATES:
        raise UnknownNameError("template of the accelerator", name, TEMPLATE_NAMES)
    return _TEMPLATES[name]


def architecture_of(
    design: Mapping[str, Value], template: str = "default", parts: Parts = DEFAULT_PARTS
) -> Architecture:
    """Return one accelerator; parameters left out take their default.

    Raises:
        UnknownNameError: a template or parameter that does not exist.
        InvalidInputError: a value the model cannot express, or an accelerator that cannot be built.
    """
    chosen = template_named(template)
    known = {declared.name: declared for declared in chosen.inputs}
    for name in design:
        if name not in known:
            raise UnknownNameError(f"parameter of template {template!r}", name, known)
    columns = {name: _checked(i, design.get(name, i.default)) for name, i in known.items()}
    hardware = chosen.build(columns, parts)
    if hardware.refusals[0]:
        raise InvalidInputError(hardware.refusals[0])
    return architecture_of_words(hardware.archs[0], float(hardware.area_mm2[0]))


def _checked(declared: Input, value: Value) -> NDArray[np.generic]:
    """Return one value as a column; a refusal speaks of no row."""
    try:
        return declared.check(np.array([value]))
    except InvalidInputError as error:
        raise InvalidInputError(str(error).removeprefix("row 0: ")) from None
