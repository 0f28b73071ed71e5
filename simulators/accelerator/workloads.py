"""Networks by name: tables that ship with archgym, transformers of chosen length, and files of the user's.

* ``resnet18``, ``resnet18?batch=4``: a table of ``simulators/accelerator/data/networks``.
* ``bert-base?sequence=384``, ``gpt2-decode?context=512&batch=8``: see :mod:`simulators.accelerator.transformers`.
* anything else: the path of a table, see :mod:`simulators.accelerator.network_tables`.

Between options stands ``&`` or a comma.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from simulators.accelerator.layers import LARGEST_BOUND, Network
from simulators.accelerator.network_tables import FOLDER, NetworkTable, read_network
from simulators.accelerator.transformers import ACTIVATION_PRODUCTS, TRANSFORMERS
from simulators.errors import InvalidInputError, UnknownNameError

_SUFFIX: Final = ".csv"


def network_names() -> tuple[str, ...]:
    """Return the names of all networks that ship, in alphabetical order."""
    return tuple(sorted((*_table_names(), *TRANSFORMERS)))


def network_options(name: str) -> dict[str, int]:
    """Return the options of a named network with their defaults, e.g. ``{"batch": 1, "sequence": 128}``.

    Raises:
        UnknownNameError: ``name`` is not one of :func:`network_names`.
    """
    if name not in network_names():
        raise UnknownNameError("network", name, network_names())
    return TRANSFORMERS[name].options if name in TRANSFORMERS else {"batch": 1}


def load_network(name_or_path: str | Path) -> Network:
    """Return the network that a name or a path stands for.

    Named networks are kept in memory; a file is read anew at each call, because it may have changed.

    Args:
        name_or_path: a name of :func:`network_names`, perhaps with options behind a ``?``, or the path of a table.

    Raises:
        UnknownNameError: neither a network nor a file, or an unknown option; names the nearest.
        InvalidInputError: a file that cannot be read (names file, line and column), an option out of range, options
            behind a file's name.
    """
    return load_network_table(name_or_path).network


def load_network_table(name_or_path: str | Path) -> NetworkTable:
    """Return what :func:`load_network` does, and the network's title.

    Raises:
        InvalidInputError, UnknownNameError: as :func:`load_network` does.
    """
    text = str(name_or_path)
    name, mark, tail = text.partition("?")
    if name in network_names():
        return _named(name, tuple(sorted(_options(text, name, tail if mark else None).items())))
    if text and Path(text).exists():
        return read_network(text)
    if mark and name and Path(name).exists():
        raise InvalidInputError(
            f"{text}: options such as {tail!r} are for the networks that ship; a file says it itself: "
            "write the batch into its column n"
        )
    hint = f"There is no file of that name either (from {Path.cwd()})."
    raise UnknownNameError("network", text, network_names(), hint)


def network_parameters(name: str) -> int:
    """Return the weights of a named network's layers; keys and values, which are activations, do not count.

    Raises:
        InvalidInputError, UnknownNameError: as :func:`load_network` does.
    """
    network = load_network(name)
    pairs = zip(network.layers, network.counts, strict=True)
    return sum(layer.weights * count for layer, count in pairs if layer.name not in ACTIVATION_PRODUCTS)


def network_summary(name_or_path: str | Path) -> str:
    """Return one line saying what a network is: title, executed layers, multiply-accumulates.

    Raises:
        InvalidInputError, UnknownNameError: as :func:`load_network` does.
    """
    table = load_network_table(name_or_path)
    network = table.network
    layers = f"{sum(network.counts)} layers of {len(network.distinct)} shapes"
    return f"{table.title or network.name}: {layers}, {quantity(network.macs)} MACs"


def network_facts(name: str) -> dict[str, Any]:
    """Return what a named network is (``doc``), executed layers, different shapes, MACs and weights.

    Raises:
        InvalidInputError, UnknownNameError: as :func:`load_network` does.
    """
    network = load_network(name)
    return {
        "doc": network_summary(name),
        "layers": sum(network.counts),
        "shapes": len(network.distinct),
        "macs": network.macs,
        "weights": network_parameters(name),
    }


def quantity(value: float) -> str:
    """Return a count with three digits and a decimal prefix, e.g. ``1.81 G``; below 1000 in full."""
    for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * limit:
            scaled = value / limit
            return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f} {prefix}"
    return f"{value:g}"


@lru_cache(maxsize=1)
def _table_names() -> tuple[str, ...]:
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in FOLDER.glob(f"*{_SUFFIX}")))


@lru_cache(maxsize=64)
def _named(name: str, chosen: tuple[tuple[str, int], ...]) -> NetworkTable:
    options = dict(chosen)
    full_name = name + ("?" if options else "") + "&".join(f"{key}={value}" for key, value in chosen)
    if name in TRANSFORMERS:
        workload = TRANSFORMERS[name]
        return NetworkTable(workload.network(full_name, options), workload.title(options))
    table = read_network(FOLDER / f"{name}{_SUFFIX}", full_name)
    batch = options.get("batch", 1)
    layers = tuple(replace(layer, n=layer.n * batch) for layer in table.network.layers)
    return NetworkTable(replace(table.network, layers=layers), table.title)


def _options(text: str, name: str, tail: str | None) -> Mapping[str, int]:
    known, chosen = network_options(name), dict[str, int]()
    for part in () if tail is None else re.split("[&,]", tail):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not equals:
            raise InvalidInputError(f"network {text!r}: expected key=value after '?', got {part!r}")
        if key not in known:
            raise UnknownNameError(f"option of network {name!r}:", key, known)
        if key in chosen:
            raise InvalidInputError(f"network {text!r}: {key} is given twice")
        if not (value.isascii() and value.isdecimal() and len(value) <= 12 and 1 <= int(value) <= LARGEST_BOUND):
            raise InvalidInputError(
                f"network {text!r}: {key} must be an integer from 1 to {LARGEST_BOUND}, got {value!r}"
            )
        chosen[key] = int(value)
    return chosen
