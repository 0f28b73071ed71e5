"""Tables on 80 columns: long names break behind underscores, descriptions stay indented."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.cli.catalogue import _environments
from experiments.cli.output import folded, print_table


@pytest.fixture(autouse=True)
def eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("energy_pj ↓", 9, ["energy_pj ↓"]),
        ("energy_pj * latency_ns ↓", 12, ["energy_pj * latency_ns ↓"]),  # words are rich's to wrap
        ("peak_dram_bandwidth_gbit_per_s ↓", 18, ["peak_dram_", "bandwidth_gbit_", "per_s ↓"]),
        ("peak_dram_bandwidth_gbit_per_s", 1, ["peak_", "dram_", "bandwidth_", "gbit_", "per_", "s"]),
        ("averylongword", 5, ["averylongword"]),
        ("__a__b", 3, ["__", "a__", "b"]),
        ("", 5, [""]),
    ],
)
def test_words_break_behind_underscores(text: str, width: int, lines: list[str]) -> None:
    assert folded(text, width).split("\n") == lines
    assert folded(text, width).replace("\n", "") == text


def test_tabulate_breaks_no_name_within_a_word(tmp_path: Path) -> None:
    long = "peak_dram_bandwidth_gbit_per_s"
    words = ["tabulate", "archgym/SystolicArray-v0", "--workload", "keyword-spotting", "--set", "space=small"]
    words += ["--only", "array_rows=16", "--only", "array_columns=16,32", "--workers", "1"]
    words += ["--output", str(tmp_path / "t.parquet"), "--objective", f"{{minimize: energy_pj * {long}}}"]
    done = CliRunner().invoke(app, [*words, "--front", f"energy_pj,{long},cycles,area_mm2"])
    assert done.exit_code == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("Table:", "Summary:"))]
    assert max(map(len, lines)) <= 80
    found = {
        word.strip(":,")
        for line in lines
        for word in line.split()
        if "peak" in word or ("bandw" in word and "=" not in word)
    }
    whole = {long, "peak_dram_", "bandwidth_gbit_", "bandwidth_"}
    assert {"peak_dram_", "bandwidth_gbit_"} <= found <= whole


def test_descriptions_of_environments_are_indented(capsys: pytest.CaptureFixture[str]) -> None:
    text = "A word and another, " * 10
    print_table(_environments([{"id": "lab/A-v0", "doc": text, "error": text}]))
    first, *lines = capsys.readouterr().out.splitlines()
    body = [line for line in lines if "word" in line]
    assert first.rstrip() == "lab/A-v0" and len(body) >= 5
    assert all(line.startswith("  ") and not line.startswith("   ") and len(line) <= 80 for line in body)
