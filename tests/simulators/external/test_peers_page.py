"""The worked example of docs/peers.md works, and gives what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_worked_example_prints_what_the_page_says(tmp_path):
    page = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8").split("## A program of your own")[1]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert [kind for kind, _ in blocks] == ["python", "python", "python", ""]
    program, wrapper, script, printed = (text for _, text in blocks)
    (tmp_path / "bin").mkdir()
    path = tmp_path / "bin" / "array-model"
    path.write_text(program.replace("/usr/bin/env python3", sys.executable))
    path.chmod(0o755)
    (tmp_path / "array_simulator.py").write_text(wrapper)
    environment = {
        **os.environ,
        "PATH": f"{path.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}",
    }
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (run.stderr, run.stdout) == ("", printed)
