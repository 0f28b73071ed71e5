"""Accelerators by name, to map layers on, and files that describe one.

The named ones are of the ``default`` template, see :mod:`simulators.accelerator.templates`: its structure, with the
sizes of published designs.

=================== ==================================================================================================
eyeriss             14 x 12 PEs with scratchpads of 12, 224 and 24 words, 108 KiB (Chen et al., JSSC 2017)
nvdla-like          64 x 16 PEs that keep weights, 512 KiB with weights (NVDLA's nv_full: atomic-C 64, atomic-K 16 at
                    16 bits, convolution buffer 512 KiB)
shidiannao-like     8 x 8 PEs that keep outputs, 288 KiB with weights (Du et al., ISCA 2015)
edge                8 x 8 PEs with 64 words each, 64 KiB, 2 words per cycle from DRAM: ours
cloud               64 x 64 PEs with 128 words each, 2 MiB, 64 words per cycle from DRAM: ours
=================== ==================================================================================================

A file, YAML or JSON, is a mapping of the template's parameters to values; those left out take their default, and
``template: archgym`` chooses the other template. In Python the same mapping can be given as it is.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from simulators.accelerator.hardware import Hardware, Parts
from simulators.accelerator.templates import architecture_of
from simulators.errors import InvalidInputError, UnknownNameError
from simulators.parameters import Value

HARDWARE: Final[Mapping[str, Mapping[str, Value]]] = {
    "eyeriss": {},
    "nvdla-like": {
        "array_columns": 64,
        "array_rows": 16,
        "hierarchy": "weight_stationary",
        "pe_storage_class": "regfile",
        "pe_storage_words": 16,
        "glb_kib": 512,
        "glb_banks": 16,
        "glb_keeps_weights": True,
        "dram_bandwidth": 16,
    },
    "shidiannao-like": {
        "array_columns": 8,
        "array_rows": 8,
        "hierarchy": "output_stationary",
        "pe_storage_class": "regfile",
        "pe_storage_words": 8,
        "glb_kib": 288,
        "glb_banks": 16,
        "glb_keeps_weights": True,
        "dram_bandwidth": 8,
    },
    "edge": {
        "array_columns": 8,
        "array_rows": 8,
        "hierarchy": "unified",
        "pe_storage_class": "regfile",
        "pe_storage_words": 64,
        "glb_kib": 64,
        "glb_banks": 8,
        "glb_keeps_weights": True,
        "dram_bandwidth": 2,
    },
    "cloud": {
        "array_columns": 64,
        "array_rows": 64,
        "hierarchy": "unified",
        "pe_storage_class": "regfile",
        "pe_storage_words": 128,
        "glb_kib": 2048,
        "glb_banks": 64,
        "glb_keeps_weights": True,
        "dram_bandwidth": 64,
    },
}
HARDWARE_NAMES: Final = tuple(HARDWARE)
_SUFFIXES: Final = (".yaml", ".yml", ".json")


def fixed_hardware(hardware: str | Path | Mapping[str, Value], parts: Parts) -> Hardware:
    """Return the one accelerator of that name, in that file, or of these parameters.

    Raises:
        UnknownNameError: neither a name nor a file, or an unknown template or parameter.
        InvalidInputError: neither text nor parameters, a file that cannot be read, a value that cannot be, or an
            accelerator that cannot be built.
    """
    if isinstance(hardware, Mapping):
        return _built(_checked(hardware, "hardware"), parts)
    if not isinstance(hardware, str | Path):
        raise InvalidInputError(
            f"hardware cannot be {hardware!r}. Expected one of {', '.join(HARDWARE_NAMES)}, a YAML or JSON file, or "
            "parameters such as {'array_columns': 16}"
        )
    if str(hardware) in HARDWARE:
        return _built(HARDWARE[str(hardware)], parts)
    path = Path(hardware)
    if not path.is_file():
        hint = "There is no file of that name either."
        raise UnknownNameError("hardware", hardware, HARDWARE_NAMES, hint)
    design = _read(path)
    try:
        return _built(design, parts)
    except UnknownNameError:
        raise
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error


def hardware_name(hardware: str | Path | Mapping[str, Value]) -> str:
    """Return what reports call it: its name, that of its file without suffix, or ``hardware``."""
    return "hardware" if isinstance(hardware, Mapping) else Path(hardware).stem


def _built(design: Mapping[str, Value], parts: Parts) -> Hardware:
    parameters = {name: value for name, value in design.items() if name != "template"}
    architecture = architecture_of(parameters, str(design.get("template", "default")), parts)
    return Hardware(architecture.words[None], np.array([architecture.area_mm2]), ("",))


def _read(path: Path) -> dict[str, Value]:
    if path.suffix.lower() not in _SUFFIXES:
        raise InvalidInputError(f"{path}: expected hardware in a file {', '.join(_SUFFIXES)}")
    try:
        text = path.read_text(encoding="utf-8")
        is_json = path.suffix.lower() == ".json"
        content = json.loads(text, object_pairs_hook=_object) if is_json else yaml.load(text, _Loader)
    except (OSError, UnicodeDecodeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InvalidInputError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    return _checked(content, str(path))


def _checked(content: object, where: str) -> dict[str, Value]:
    """Return parameters with their values; numpy's numbers become Python's."""
    if not isinstance(content, Mapping) or not all(isinstance(key, str) for key in content):
        raise InvalidInputError(f"{where}: expected parameters with their values, such as 'array_columns: 16'")
    design = {key: value.item() if isinstance(value, np.generic) else value for key, value in content.items()}
    for key, value in design.items():
        if not isinstance(value, bool | int | float | str):
            raise InvalidInputError(f"{where}: {key!r} cannot be {value!r}; expected a number, a text, true or false")
    return design


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        _refuse_repeated([key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
        return super().construct_mapping(node, deep)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    _refuse_repeated([key for key, _ in pairs])
    return dict(pairs)


def _refuse_repeated(keys: list[str]) -> None:
    for key in keys:
        if keys.count(key) > 1:
            raise InvalidInputError(f"{key!r} is given {keys.count(key)} times; keep one")
