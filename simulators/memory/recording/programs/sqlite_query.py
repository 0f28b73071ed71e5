"""Recipe of ``recorded/sqlite-query``: eight database sessions joining and aggregating at once.

Recording it needs the Debian package ``sqlite3`` and some five minutes of CPU time.

The database holds 5 000 customers and 50 000 orders with an index on the customer (2.7 MB, no randomness). The query
looks up each customer's orders through the index, so its reads jump about in the table; groups by day and region,
so it sorts 50 000 records in memory; and sorts the 9 125 groups by revenue. Building the database is not recorded.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from simulators.memory.recording.programs.program import Program
from simulators.memory.recording.recorder import PLAIN_ENVIRONMENT, Recipe

BUILD = """
PRAGMA page_size = 4096;
CREATE TABLE customers(id INTEGER PRIMARY KEY, region INTEGER, name TEXT);
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER, amount INTEGER, day INTEGER, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
  INSERT INTO customers SELECT i, i * 7919 % 25, printf('customer-%08d', i * 104729 % 1000003) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
  INSERT INTO orders SELECT i, 1 + i * 48271 % 5000, i * 69621 % 100000, i * 16807 % 365,
                            printf('order-%010d-%06d', i * 7, i * 31 % 1000003) FROM n;
CREATE INDEX orders_by_customer ON orders(customer);
"""

QUERY = (
    "PRAGMA cache_size=-16384; "  # KiB: the whole database stays in SQLite's page cache
    "SELECT o.day, c.region, count(*), sum(o.amount), max(c.name) "
    "FROM customers c CROSS JOIN orders o ON o.customer = c.id "
    "GROUP BY o.day, c.region ORDER BY 4 DESC LIMIT 20;"
)

RECIPE = Recipe(
    name="sqlite-query",
    summary="eight SQLite sessions: join through an index, grouping, sorting",
    command=("sqlite3", "-batch", "-init", "/dev/null", "sales.db", QUERY),
    sessions=8,
    skip_instructions=15_000_000,
    session_gap_instructions=30_000_000,
    max_instructions=228_000_000,
    requests=15_000,
    page_seed=2023,
)


def build_database(folder: Path) -> None:
    """Create ``sales.db`` in ``folder`` (natively, not recorded)."""
    command = ["sqlite3", "-batch", "-init", "/dev/null", "sales.db"]
    subprocess.run(command, input=BUILD, text=True, cwd=folder, env=dict(PLAIN_ENVIRONMENT), check=True)


PROGRAM = Program(
    recipe=RECIPE,
    prepare=build_database,
    input_made_by=("sqlite3 sales.db", BUILD),
    tools={"sqlite3": ("sqlite3", "--version")},
    packages={"sqlite3": "sqlite3"},
)
