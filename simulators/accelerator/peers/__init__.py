"""Peers as backends of mapping problems: ZigZag in process, Timeloop and MAESTRO as programs.

``make_backend("zigzag", hardware="eyeriss")`` gives a simulator with the inputs of ``LayerMapping``.
"""

from __future__ import annotations

import inspect
from typing import Any, Final

from simulators.accelerator.mapping_simulator import LayerMapping
from simulators.accelerator.peers.programs import MaestroMapping, TimeloopMapping
from simulators.accelerator.peers.simulators import PeerMapping, ZigZagMapping
from simulators.errors import InvalidInputError, UnknownNameError

__all__ = ["BACKENDS", "OWN", "MaestroMapping", "PeerMapping", "TimeloopMapping", "ZigZagMapping", "make_backend"]

OWN: Final = "archgym"
"""The backend that is our own model."""
BACKENDS: Final[dict[str, type[PeerMapping]]] = {
    "zigzag": ZigZagMapping,
    "timeloop-model": TimeloopMapping,
    "maestro": MaestroMapping,
}


def make_backend(name: str, model: LayerMapping | None = None, **options: Any) -> LayerMapping | PeerMapping:
    """Return a simulator of mappings by name.

    Args:
        name: ``archgym`` (the model itself), ``zigzag``, ``timeloop-model`` or ``maestro``.
        model: hardware and decoding; a peer needs it in mode ``timeloop``, in which tiles divide the layer. Default:
            ``LayerMapping(mode="timeloop")``.
        options: of the peer: ``operand_latch`` (ZigZag); ``executable``, ``timeout_s``, ``retries``, ``cache``,
            ``threads`` (programs).

    Raises:
        UnknownNameError: an unknown backend, or an option that the backend does not have.
        InvalidInputError: a program that is not to be found, or a model in another mode.
        MissingExtraError: ZigZag is not installed.
    """
    if name not in (OWN, *BACKENDS):
        raise UnknownNameError("backend", name, (OWN, *BACKENDS))
    chosen = LayerMapping(mode="timeloop") if model is None else model
    if name != OWN and chosen.mode != "timeloop":
        raise InvalidInputError(
            f"backend {name!r} needs mode='timeloop', in which tiles divide the layer, got mode={chosen.mode!r}"
        )
    known = () if name == OWN else tuple(inspect.signature(BACKENDS[name].__init__).parameters)[2:]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of backend {name!r}", option, known)
    return chosen if name == OWN else BACKENDS[name](chosen, **options)  # type: ignore[call-arg]
