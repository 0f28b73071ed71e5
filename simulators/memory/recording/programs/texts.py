"""Made-up text for programs to work on: the same bytes on every platform."""

from __future__ import annotations

from collections.abc import Iterator

from simulators.memory.synthetic import Draws

_SERVICES = ("login", "search", "basket", "payment", "mail", "stock", "report", "backup")
_OUTCOMES = ("ok", "ok", "ok", "ok", "retried", "refused", "timed out", "not found")
_BLOCK = 4096


def log_text(lines: int, seed: int) -> bytes:
    """Return ``lines`` lines of a server's log, some 70 bytes each: growing times, few words, random numbers."""
    text, millisecond = [], 0
    for gap, service, outcome, user, session in _rows(lines, seed):
        millisecond += gap % 977
        text.append(
            f"{millisecond // 1000:06d}.{millisecond % 1000:03d} {_SERVICES[service % 8]:8s} user={user % 5003:04d} "
            f"session={session:08x} {_OUTCOMES[outcome % 8]} in {gap % 211} ms\n"
        )
    return "".join(text).encode("ascii")


def record_text(lines: int, seed: int) -> bytes:
    """Return ``lines`` lines of a table in random order, 43 bytes each: a key of ten digits, four numbers."""
    rows = _rows(lines, seed)
    return "".join(
        f"{a % 10**10:010d} {b:010d} {c:010d} {d % 10000:04d} {e % 10000:04d}\n" for a, b, c, d, e in rows
    ).encode("ascii")


def _rows(count: int, seed: int) -> Iterator[tuple[int, ...]]:
    """Yield ``count`` tuples of five integers below 2^32."""
    draws = Draws(seed)
    for start in range(0, count, _BLOCK):
        n = min(_BLOCK, count - start)
        yield from (tuple(row) for row in draws.below(1 << 32, 5 * n).reshape(n, 5).tolist())
