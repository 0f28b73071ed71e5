"""Stored tables: whole design spaces evaluated once, and looked up ever after."""

from __future__ import annotations

from simulators.tabular.files import BLOCK, Rows, TableReader, TableWriter, table_schema
from simulators.tabular.foreign import read_foreign_table
from simulators.tabular.header import FORMAT_VERSION, Source, TableHeader
from simulators.tabular.outcomes import hash_rows, number_outcomes
from simulators.tabular.simulator import TableWorkload, TabularProblem, TabularSimulator
from simulators.tabular.table import StoredTable, load_table

__all__ = [
    "BLOCK",
    "FORMAT_VERSION",
    "Rows",
    "Source",
    "StoredTable",
    "TableHeader",
    "TableReader",
    "TableWorkload",
    "TableWriter",
    "TabularProblem",
    "TabularSimulator",
    "hash_rows",
    "load_table",
    "number_outcomes",
    "read_foreign_table",
    "table_schema",
]
