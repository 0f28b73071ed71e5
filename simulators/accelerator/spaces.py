"""Search spaces of the accelerator's hardware.

========= =========== ================================================================================================
name      designs     what it is
========= =========== ================================================================================================
default   6 021 120   ours, of the ``default`` template (see :mod:`simulators.accelerator.templates`): PE array,
                      what a PE stores, global buffer, DRAM bandwidth; 1 787 520 canonical designs
small     3 888       a part of it with three values for most parameters, which ``archgym tabulate`` evaluates whole;
                      2 430 canonical designs
archgym   2.2e18      the 26 parameters of ArchGym's Timeloop environment (ISCA 2023), of the ``archgym`` template;
                      ArchGym's targets are its default objective on ``alexnet-conv``
========= =========== ================================================================================================

``ifmap_spad_words`` and ``psum_spad_words`` have an effect with ``hierarchy=split`` only. The defaults are the
reference design: Eyeriss's array, scratchpads and buffer in ``default``, ArchGym's own architecture file in
``archgym`` (with the nearest depths that its space has).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulators.accelerator.technology import STORAGE_KINDS
from simulators.accelerator.templates import DEFAULT_INPUTS, HIERARCHIES, PE_STORAGE_CLASSES, template_named
from simulators.errors import UnknownNameError
from simulators.parameters import Parameter, Value
from simulators.simulator import Input
from simulators.spaces import DesignSpace, InactiveRule

ARCHGYM_TARGETS: Final = {"energy_pj": 20444.2e6, "area_mm2": 1.7255, "cycles": 6_308_563}
"""ArchGym's targets on AlexNet's five convolutions: 20444.2 uJ, 1.7255 mm2, 6 308 563 cycles; they are what improves on
its baseline (29206 uJ, 2.03 mm2, 7 885 704 cycles) by 30, 15 and 20 %."""

_SINGLE: Final = tuple(name for name in HIERARCHIES if name != "split")
_ONE_STORAGE: Final = tuple(
    InactiveRule(name, {"hierarchy": _SINGLE}, "there are scratchpads only where a PE's storage is split")
    for name in ("ifmap_spad_words", "psum_spad_words")
)
_GROUPS: Final = {
    "array_columns": "array",
    "array_rows": "array",
    "hierarchy": "pe",
    "pe_storage_class": "pe",
    "pe_storage_words": "pe",
    "ifmap_spad_words": "pe",
    "psum_spad_words": "pe",
    "glb_kib": "glb",
    "glb_banks": "glb",
    "glb_keeps_weights": "glb",
    "dram_bandwidth": "dram",
}
_DEFAULT: Final[dict[str, tuple[Value, ...]]] = {
    "array_columns": (4, 8, 14, 16, 24, 32, 64),
    "array_rows": (4, 8, 12, 16, 24, 32, 64),
    "hierarchy": HIERARCHIES,
    "pe_storage_class": PE_STORAGE_CLASSES,
    "pe_storage_words": (16, 64, 128, 224, 512),
    "ifmap_spad_words": (4, 8, 12, 24),
    "psum_spad_words": (8, 16, 24, 48),
    "glb_kib": (16, 32, 64, 108, 256, 512),
    "glb_banks": (2, 4, 8, 16),
    "glb_keeps_weights": (False, True),
    "dram_bandwidth": (2, 4, 8, 16),
}
_SMALL: Final[dict[str, tuple[Value, ...]]] = {
    "array_columns": (8, 14, 32),
    "array_rows": (8, 12, 32),
    "hierarchy": HIERARCHIES,
    "pe_storage_words": (64, 224, 512),
    "psum_spad_words": (16, 24),
    "glb_kib": (32, 108, 256),
    "glb_keeps_weights": (False, True),
    "dram_bandwidth": (2, 4, 8),
}
_SPAD_DEPTHS: Final = tuple(2**k for k in range(1, 17))
_BLOCKS: Final = (1, 2, 4)
_BANDWIDTHS: Final = (2, 4, 8, 16)


def accelerator_space_names() -> tuple[str, ...]:
    """Return the names of the search spaces."""
    return ("default", "small", "archgym")


def accelerator_space(name: str = "default") -> DesignSpace:
    """Return the search space of that name; see the module's table.

    Raises:
        UnknownNameError: no such space.
    """
    if name == "default":
        return _of_default_template(name, _DEFAULT)
    if name == "small":
        return _of_default_template(name, _SMALL)
    if name == "archgym":
        return DesignSpace(_archgym_parameters(), name=name)
    raise UnknownNameError("search space of the accelerator", name, accelerator_space_names())


def template_of_space(name: str) -> str:
    """Return the template whose parameters a space has; raises UnknownNameError."""
    if name not in accelerator_space_names():
        raise UnknownNameError("search space of the accelerator", name, accelerator_space_names())
    return "archgym" if name == "archgym" else "default"


def _of_default_template(name: str, values: dict[str, tuple[Value, ...]]) -> DesignSpace:
    parameters = [_parameter(i, values[i.name], _GROUPS[i.name]) for i in DEFAULT_INPUTS if i.name in values]
    return DesignSpace(parameters, inactive=[rule for rule in _ONE_STORAGE if rule.parameter in values], name=name)


def _parameter(declared: Input, values: Sequence[Value], group: str) -> Parameter:
    return Parameter(declared.name, values, declared.default, unit=declared.unit, group=group, doc=declared.doc)


def _archgym_parameters() -> list[Parameter]:
    return [
        _parameter(declared, _archgym_values(declared.name), _archgym_group(declared.name))
        for declared in template_named("archgym").inputs
    ]


def _archgym_group(name: str) -> str:
    found = [group for group in ("ifmap_spad", "psum_spad", "weights_spad", "dummy_buffer", "glb") if group in name]
    return found[0] if found else "array"


def _archgym_values(name: str) -> Sequence[Value]:
    """Return the values of ArchGym's parameters; depths and the like are those of all storages but the GLB."""
    if name == "pe_count":
        return tuple(range(14, 337, 14))
    if name == "mesh_x":
        return (2, 7, 14)
    if name == "glb_depth":
        return tuple(2**k for k in range(10, 17))
    if name == "glb_banks":
        return (16, 32, 64, 128)
    by_ending = {"class": STORAGE_KINDS, "depth": _SPAD_DEPTHS, "block": _BLOCKS, "bandwidth": _BANDWIDTHS}
    return by_ending[name.rsplit("_", 1)[1]]
