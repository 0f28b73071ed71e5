"""A directory of results of DRAMSys 4.0, laid out as ``validate_memory`` expects it; any file may be missing.

``tables.json``
    table -> ``memory``, ``address_mapping`` (paths of DRAMSys files below the directory), ``trace_clock_mhz``
``dramsys_*.csv``
    one simulated configuration and trace per row: DRAMSys's parameter names, then results
``golden/index.json``
    list of runs (``name``, ``trace``, ``config``, ``result``) with ``<name>.<trace>.cmd.csv`` and ``.req.csv``
``traces/*.stl``, ``spec/*.json``
    inputs of these runs

Every file may be gzip-compressed, with ``.gz`` added to its name.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from simulators._agreement import read_packed
from simulators.errors import InvalidInputError
from simulators.memory._dramsys_json import from_dramsys
from simulators.memory.kernel_trace import DecodedTrace
from simulators.memory.mappings import address_mapping
from simulators.memory.simulator import MemoryController
from simulators.memory.specification import MemorySpecification, load_memory_specification
from simulators.memory.trace import read_stl

PARAMETERS: Final = {
    "PagePolicy": "page_policy",
    "Scheduler": "scheduler",
    "SchedulerBuffer": "scheduler_buffer",
    "RequestBufferSize": "request_buffer_size",
    "RespQueue": "response_queue",
    "RefreshPolicy": "refresh_policy",
    "RefreshMaxPostponed": "refresh_max_postponed",
    "RefreshMaxPulledin": "refresh_max_pulled_in",
    "Arbiter": "arbiter",
    "MaxActiveTransactions": "max_active_transactions",
    "CmdMux": "cmd_mux",
    "PowerDownPolicy": "power_down_policy",
}
"""DRAMSys's parameter names and ours."""

Row = dict[str, Any]

_SHIPPED: Final = {
    "MICRON_1Gb_DDR3-1600_8bit_G": "ddr3-1600",
    "JEDEC_4Gb_DDR4-2400_8bit_A": "ddr4-2400",
    "JEDEC_8Gb_LPDDR4-3200_16bit": "lpddr4-3200",
    "HBM2": "hbm2",
}
"""DRAMSys's memory specifications and ours of the same numbers."""
_MAPPINGS: Final = {
    "am_ddr3_8x1Gbx8_dimm_p1KB_rbc": "RowBankColumn",
    "am_ddr3_8x1Gbx8_dimm_p1KB_brc": "BankRowColumn",
    "am_ddr4_8x4Gbx8_dimm_p1KB_brc": "Specification",
    "am_lpddr4_8Gbx16_brc": "Specification",
    "am_hbm2_8Gb_pc_brc": "Specification",
}
"""DRAMSys's address mappings and ours."""
_DEFAULTS: Final = (  # where tables.json does not say: a part of the table's name, memory, mapping, trace clock
    ("_lpddr4_", "JEDEC_8Gb_LPDDR4-3200_16bit", "am_lpddr4_8Gbx16_brc", 1600.0),
    ("_ddr4_", "JEDEC_4Gb_DDR4-2400_8bit_A", "am_ddr4_8x4Gbx8_dimm_p1KB_brc", 1200.0),
    ("_hbm2_", "HBM2", "am_hbm2_8Gb_pc_brc", 1000.0),
    ("_brc_", "MICRON_1Gb_DDR3-1600_8bit_G", "am_ddr3_8x1Gbx8_dimm_p1KB_brc", 800.0),
    ("", "MICRON_1Gb_DDR3-1600_8bit_G", "am_ddr3_8x1Gbx8_dimm_p1KB_rbc", 800.0),
)


@dataclass(frozen=True)
class ReferenceDirectory:
    """Access to the files of one reference directory.

    Raises:
        InvalidInputError: no such directory, or a file that cannot be read.
    """

    path: Path

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise InvalidInputError(f"reference directory {str(self.path)!r} does not exist")

    def tables(self) -> list[str]:
        """Return the stems of the DRAMSys tables that are there."""
        names = {file.name.removesuffix(".gz").removesuffix(".csv") for file in self.path.glob("dramsys_*.csv*")}
        return sorted(names)

    def rows(self, name: str) -> list[Row]:
        """Return the rows of ``name`` (a path without ``.csv``), each a dict of text; empty if there is no file."""
        text = self._text(f"{name}.csv")
        return [] if text is None else list(csv.DictReader(text.splitlines()))

    def golden(self) -> list[Row]:
        """Return the entries of ``golden/index.json``."""
        return list(self._json("golden/index.json") or [])

    def controller(self, table: str) -> MemoryController:
        """Return the simulator of a table's memory.

        Raises:
            InvalidInputError: a memory that cannot be simulated; the message says which standard it is.
        """
        return MemoryController(self._memory(self._inputs(table), table), mode="dramsys")

    def trace(self, name: str, controller: MemoryController, table: str) -> DecodedTrace | None:
        """Return a trace decoded for a controller, or None if the file is not there."""
        for suffix in (".stl", ".stl.gz"):
            file = self.path / "traces" / f"{name}{suffix}"
            if file.is_file():
                clock = float(self._inputs(table)["trace_clock_mhz"])
                return controller.prepare(read_stl(file, clock, allow_backwards=True))
        return None

    def _inputs(self, table: str) -> Mapping[str, Any]:
        """Return what ``tables.json`` says of a table, completed by what its name suggests."""
        _, memory, mapping, clock = next(entry for entry in _DEFAULTS if entry[0] in f"{table}_")
        said = self._tables.get(table, {})
        return {
            "memory": f"spec/{memory}.json",
            "address_mapping": f"spec/{mapping}.json",
            "trace_clock_mhz": clock,
            **(said if isinstance(said, Mapping) else {}),
        }

    @cached_property
    def _tables(self) -> Mapping[str, Any]:
        content = self._json("tables.json") or {}
        return content if isinstance(content, dict) else {}

    def _memory(self, inputs: Mapping[str, Any], table: str) -> MemorySpecification:
        memory, mapping = str(inputs["memory"]), str(inputs["address_mapping"])
        contents = self._json(memory), self._json(mapping)
        if None not in contents:
            return from_dramsys(*contents, origin=f"{self.path / memory}, {mapping}")
        if Path(memory).stem not in _SHIPPED or Path(mapping).stem not in _MAPPINGS:
            raise InvalidInputError(f"table {table}: {memory} or {mapping} is not in {self.path}")
        shipped = load_memory_specification(_SHIPPED[Path(memory).stem])
        return shipped.with_mapping(address_mapping(_MAPPINGS[Path(mapping).stem], shipped))

    def _json(self, name: str) -> Any:
        text = self._text(name)
        try:
            return None if text is None else json.loads(text)
        except ValueError as error:
            raise InvalidInputError(f"{self.path / name}: not JSON: {error}") from error

    def _text(self, name: str) -> str | None:
        """Return the content of a file, packed or not, or None if it is not there."""
        return read_packed(self.path / name)
