"""Stand-ins for programs that are not installed: they read the real input formats and write the real output formats.

The stand-in of Timeloop builds architecture, layer and mapping back from the files and evaluates them with our kernel,
so that whatever the files leave out shows as a wrong number. That of MAESTRO counts what the directives cover.
"""

from __future__ import annotations

import math
import re
import sys
import time
from pathlib import Path

import numpy as np
import yaml

from simulators.accelerator.architecture import Architecture, StorageLevel
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import (
    FILLS,
    INNER,
    LEVELS,
    O_CYCLES,
    O_ENERGY,
    O_MAC_ENERGY,
    O_PES,
    OUTER,
    READS,
    TENSORS,
    UPDATES,
)
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapping import Mapping

ROOT = Path(__file__).parents[3]
STRANGE = {3: "slow", 5: "failing", 7: "garbage", 9: "silent", 11: "contradictory"}
"""Layers with so many output channels are answered in that way."""


def install(folder: Path, name: str, function: str) -> Path:
    """Write a program into a folder that calls a function of this module."""
    path = folder / name
    path.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        f"from tests.simulators.accelerator.peer_standins import {function}\n{function}(sys.argv[1:])\n"
    )
    path.chmod(0o755)
    return path


def misbehave(kind: str, result: str) -> None:
    if kind == "slow":
        time.sleep(120)
    if kind == "failing":
        sys.stderr.write("ERROR: couldn't map level GLB: mapped tile size 9000 exceeds buffer capacity 8192")
        sys.exit(1)
    if kind == "garbage":
        Path(result).write_text("Summary Stats\nCycles: many\n")
    sys.exit(0)


# ---- Timeloop -------------------------------------------------------------------------------------


def timeloop_model(arguments: list[str]) -> None:
    told = {}
    for name in arguments:
        told |= yaml.safe_load(Path(name).read_text())
    architecture, layer, mapping, names = read_back(told)
    kind = STRANGE.get(layer.m, "")
    if kind and kind != "contradictory":
        misbehave(kind, "timeloop-model.stats.txt")
    text = statistics(architecture, layer, mapping, names)
    if kind == "contradictory":
        text = re.sub(r"^Energy: .*", "Energy: 99999.00 uJ", text, flags=re.MULTILINE)
    Path("timeloop-model.stats.txt").write_text(text)


def read_back(told: dict) -> tuple[Architecture, Layer, Mapping, dict[int, str]]:
    """Return what the input files describe, by their text alone."""
    system = told["architecture"]["subtree"][0]
    chip = system["subtree"][0]
    element = chip["subtree"][0]
    pes = int(re.fullmatch(r"PE\[0\.\.(\d+)\]", element["name"]).group(1)) + 1
    *inside, mac = element["local"]
    mesh = mac["attributes"]
    assert mesh["meshX"] * mesh["meshY"] == pes and mac["class"] == "intmac"
    energies = {
        table["name"].split(".")[-1]: {action["name"]: action["energy"] for action in table["actions"]}
        for table in told["ERT"]["tables"]
    }
    directives = told["mapping"]
    levels = [storage(node, energies, directives) for node in (*system["local"], *chip["local"], *inside)]
    architecture = Architecture(
        "read", mesh["meshX"], mesh["meshY"], levels[0], levels[1], tuple(levels[2:]), energies["MAC"]["mac_random"]
    )
    names = {0: levels[0].name, 1: levels[1].name}
    names |= {INNER - (len(levels) - 3) + i: level.name for i, level in enumerate(levels[2:])}
    return architecture, layer_of(told["problem"]), mapping_of(directives, names), names


def storage(node: dict, energies: dict, directives: list) -> StorageLevel:
    attributes, name = node["attributes"], node["name"]
    (keep,) = [d["keep"] for d in directives if d["target"] == name and d["type"] == "bypass"]
    entries = attributes.get("entries", math.inf)
    return StorageLevel(
        name,
        tuple(keep),
        math.inf if entries == 2**31 - 1 else float(entries),
        energies[name]["read"],
        energies[name]["write"],
        attributes["block-size"],
        attributes.get("read_bandwidth", math.inf),
        attributes.get("write_bandwidth", math.inf),
    )


def layer_of(problem: dict) -> Layer:
    instance = dict(problem["instance"])
    spaces = {space["name"]: space["projection"] for space in problem["shape"]["data_spaces"]}
    assert spaces["Weights"] == [[["G"]], [["M"]], [["C"]], [["R"]], [["S"]]]
    assert spaces["Inputs"][3:] == [[["P", "stride_h"], ["R", "dilation_h"]], [["Q", "stride_w"], ["S", "dilation_w"]]]
    assert [space.get("read_write", False) for space in problem["shape"]["data_spaces"]] == [False, False, True]
    return Layer("read", **{key.lower(): value for key, value in instance.items()})


def mapping_of(directives: list, names: dict[int, str]) -> Mapping:
    places = dict(zip(range(LEVELS), ("dram", "glb", "pe_outer", "pe_middle", "pe"), strict=True))
    factors, orders = {}, {}
    for directive in directives:
        if directive["type"] == "bypass":
            continue
        of_level = {d: int(n) for d, n in (pair.split("=") for pair in directive["factors"].split())}
        assert set(of_level) == set(directive["permutation"]) == set(DIMENSIONS)
        if directive["type"] == "temporal":
            (place,) = [places[p] for p, name in names.items() if name == directive["target"]]
            factors[place], orders[place] = of_level, directive["permutation"]
        else:
            along = directive["permutation"][: directive["split"]]
            factors["columns"] = {d: n for d, n in of_level.items() if d in along}
            factors["rows"] = {d: n for d, n in of_level.items() if d not in along}
    return Mapping.of(factors, orders)


def statistics(architecture: Architecture, layer: Layer, mapping: Mapping, names: dict[int, str], sparse=False) -> str:
    """Return the statistics file that Timeloop would write, were its numbers ours."""
    status, counts, results = evaluate_points(
        layer.words[None], mapping.factors[None], mapping.orders[None], architecture.words[None], 0
    )
    assert status[0] == 0
    counts, result = counts[0], results[0]
    pes, cycles = int(result[O_PES]), int(result[O_CYCLES])
    lines = ["Buffer and Arithmetic Levels", "----------------------------", "Level 0", "-------", "=== MAC ===", ""]
    lines += ["    STATS", "    -----", f"    Utilized instances   : {pes}"]
    lines += [
        f"    Cycles               : {layer.macs // pes}",
        f"    Energy (total)       : {result[O_MAC_ENERGY]:.2f} pJ",
    ]
    for number, position in enumerate(sorted(names, reverse=True), 1):
        lines += ["", f"Level {number}", "-------", f"=== {names[position]} ===", "", "    STATS", "    -----"]
        lines += [f"    Cycles               : {cycles}", "    Bandwidth throttling : 1.00"]
        instances = pes if position >= OUTER else 1
        lines += tensor_lines(architecture.levels[position], counts[position], instances, sparse)
    lines += ["", "Networks", "--------", "Network 0", "---------", "DRAM <==> GLB", "", "    STATS", "    -----"]
    lines += ["    Weights:", "        Energy (total)                          : 0.00 pJ"]
    lines += ["        Spatial Reduction Energy (total)        : 0.00 pJ", "", "Summary Stats", "-------------"]
    lines += [f"Cycles: {cycles}", f"Energy: {result[O_ENERGY] / 1e6:.2f} uJ", "Area: 0.00 mm^2", ""]
    return "\n".join(lines)


def tensor_lines(level: StorageLevel, counts: np.ndarray, instances: int, sparse: bool) -> list[str]:
    lines = []
    for tensor in level.keeps:
        reads, fills, updates = (int(counts[TENSORS.index(tensor), what]) for what in (READS, FILLS, UPDATES))
        block = level.block_words
        energy = math.ceil(reads / block) * level.read_pj
        energy += (math.ceil(fills / block) + math.ceil(updates / block)) * level.write_pj
        lines += [f"    {tensor}:", f"        Utilized instances (max)                 : {instances}"]
        for what, count in (("reads", reads), ("updates", updates), ("fills", fills)):
            if sparse:
                lines.append(f"        Algorithmic scalar {what} (per-instance) : 123456789")
                lines.append(f"        Actual scalar {what} (per-instance) : {count}")
            else:
                lines.append(f"        Scalar {what} (per-instance)              : {count}")
        lines.append(f"        Energy (per-instance)                    : {energy:.2f} pJ")
        lines.append(f"        Energy (total)                           : {energy * instances:.2f} pJ")
    return lines


# ---- MAESTRO --------------------------------------------------------------------------------------

_HEADER = "Neural Network Name, Layer Number, NumPEs, Runtime (Cycles), Activity count-based Energy (nJ), Num MACs, "


def maestro(arguments: list[str]) -> None:
    options = dict(argument.removeprefix("--").split("=", 1) for argument in arguments)
    text = Path(options["Mapping_file"]).read_text()
    sizes = {key: int(value) for key, value in re.findall(r"\b([KCRSYX]): (\d+)", text.split("Dimensions")[1])}
    stride = {key: int(value) for key, value in re.findall(r"\b([XY]): (\d+)", text.split("Dimensions")[0])}
    sizes["Y'"] = (sizes.pop("Y") - sizes["R"]) // stride["Y"] + 1
    sizes["X'"] = (sizes.pop("X") - sizes["S"]) // stride["X"] + 1
    kind = STRANGE.get(sizes["K"], "")
    if kind and kind != "contradictory":
        misbehave(kind, "mapping.csv")
    macs = math.prod(sizes.values()) + (kind == "contradictory")
    pes = int(options["num_pes"])
    row = f"network,layer,{pes},{macs // pes},{macs / 1000},{macs},\n"
    Path(options["Mapping_file"]).with_suffix(".csv").write_text(_HEADER + "\n" + row)
