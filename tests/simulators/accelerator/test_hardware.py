"""From hardware parameters to architectures: energies and areas by hand, refusals, rows that do not mix."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.accelerator.hardware import DEFAULT_PARTS, Parts, architecture_of_words
from simulators.accelerator.kernel_layout import A_READ_PJ, ARCHITECTURE_WORDS, GLB
from simulators.accelerator.spaces import accelerator_space, accelerator_space_names, template_of_space
from simulators.accelerator.technology import STORAGE_KINDS, technology
from simulators.accelerator.templates import TEMPLATE_NAMES, architecture_of, template_named
from simulators.errors import InvalidInputError, UnknownNameError

MAC_45 = 2727e-6
REGISTER_45 = 140e-6
SRAM_1KB = 0.00343188999
SRAM_2KB = 0.00754236


def build(template, parts=DEFAULT_PARTS, count=1, **columns):
    inputs = template_named(template).inputs
    table = {i.name: i.check(columns.get(i.name, np.full(count, i.default))) for i in inputs}
    return template_named(template).build(table, parts)


def test_the_default_design_is_eyeriss():
    eyeriss = architecture_of({})
    assert (eyeriss.columns, eyeriss.rows) == (14, 12)
    assert [(level.name, level.keeps, level.capacity_words) for level in eyeriss.pe_levels] == [
        ("ifmap_spad", ("Inputs",), 12),
        ("weights_spad", ("Weights",), 224),
        ("psum_spad", ("Outputs",), 24),
    ]
    assert eyeriss.glb.keeps == ("Inputs", "Outputs")
    assert eyeriss.glb.capacity_words == 108 * 1024 / 2


def test_energies_by_hand():
    eyeriss = architecture_of({})
    ifmap, weights, psum = eyeriss.pe_levels
    assert ifmap.read_pj == pytest.approx(0.03 + 0.002 * 12)
    assert psum.write_pj == pytest.approx(1.1 * (0.03 + 0.002 * 24))
    assert weights.read_pj == pytest.approx(1.32373)  # CACTI, 1 kB
    assert (eyeriss.glb.read_pj, eyeriss.glb.write_pj) == pytest.approx((29.4494, 24.1554))  # CACTI, 108 kB, 4 words
    assert eyeriss.glb.block_words == eyeriss.dram.block_words == 4
    assert eyeriss.dram.read_pj == eyeriss.dram.write_pj == 64 * 8  # LPDDR4: 8 pJ/bit
    assert eyeriss.mac_pj == 3.89


def test_area_by_hand():
    """Two PEs with 16 registers, and a buffer of two macros of 2 kB."""
    design = {
        "array_columns": 2,
        "array_rows": 1,
        "hierarchy": "unified",
        "pe_storage_class": "regfile",
        "pe_storage_words": 16,
        "glb_kib": 4,
        "glb_banks": 2,
    }
    assert architecture_of(design).area_mm2 == pytest.approx(2 * (MAC_45 + 16 * REGISTER_45) + 2 * SRAM_2KB)
    with_split = architecture_of({**design, "hierarchy": "split", "ifmap_spad_words": 3, "psum_spad_words": 5})
    assert with_split.area_mm2 - architecture_of(design).area_mm2 == pytest.approx(2 * 8 * REGISTER_45)
    with_sram = architecture_of({**design, "pe_storage_class": "SRAM"})
    assert with_sram.area_mm2 == pytest.approx(2 * (MAC_45 + SRAM_1KB) + 2 * SRAM_2KB, rel=1e-6)


@pytest.mark.parametrize(
    ("hierarchy", "keeps"),
    [
        ("unified", ("Weights", "Inputs", "Outputs")),
        ("weight_stationary", ("Weights",)),
        ("output_stationary", ("Outputs",)),
    ],
)
def test_one_storage_keeps_what_the_hierarchy_says(hierarchy, keeps):
    (storage,) = architecture_of({"hierarchy": hierarchy, "glb_keeps_weights": True}).pe_levels
    assert (storage.name, storage.keeps, storage.capacity_words) == ("RF", keeps, 224)


def test_weights_may_stay_in_the_buffer():
    assert architecture_of({"glb_keeps_weights": True}).glb.keeps == ("Weights", "Inputs", "Outputs")


def test_banks_give_bandwidth_and_cost_area_but_no_energy():
    few, many = (architecture_of({"glb_banks": banks}) for banks in (2, 16))
    assert (few.glb.read_bandwidth, many.glb.read_bandwidth) == (4, 32)  # of each 64-bit port, half the words each way
    assert few.glb.read_pj == many.glb.read_pj
    assert few.area_mm2 < many.area_mm2


def test_bytes_instead_of_words():
    parts = Parts(word_bits=8)
    eyeriss = architecture_of({}, parts=parts)
    assert eyeriss.glb.capacity_words == 108 * 1024
    assert eyeriss.glb.block_words == eyeriss.dram.block_words == 8
    assert (eyeriss.glb.read_pj, eyeriss.mac_pj) == pytest.approx((29.4494, 1.03))
    assert eyeriss.glb.read_bandwidth == 2 * architecture_of({}).glb.read_bandwidth


def test_nodes_and_kinds_of_dram():
    old, new = (architecture_of({}, parts=Parts(node_nm=node)) for node in (45, 22))
    assert new.area_mm2 < old.area_mm2 / 3
    assert new.mac_pj == 1.14
    assert new.dram.read_pj == old.dram.read_pj
    assert architecture_of({}, parts=Parts(dram="hbm2")).dram.read_pj == 64 * 6.25


@pytest.mark.parametrize("wrong", [{"node_nm": 65}, {"word_bits": 32}, {"dram": "hbm9"}])
def test_parts_without_figures_are_refused(wrong):
    with pytest.raises(UnknownNameError):
        Parts(**wrong)


# ---- ArchGym's template --------------------------------------------------------------------------


def test_archgym_has_its_parameters():
    space = accelerator_space("archgym")
    assert space.dimensions == 26
    assert space.size == 24 * 3 * (4 * 16 * 3 * 4 * 4) ** 3 * (4 * 16 * 3) * (4 * 7 * 4 * 3 * 4 * 4)
    assert space.size == pytest.approx(2e18, rel=0.1)


def test_archgym_by_hand():
    """Two columns of one PE; blocks are rows of two words; a dummy buffer for each column."""
    design = {"pe_count": 2, "mesh_x": 2, "glb_class": "SRAM", "glb_depth": 1024, "glb_block": 4, "glb_banks": 4}
    design |= {"dummy_buffer_class": "regfile", "dummy_buffer_depth": 2, "dummy_buffer_block": 2}
    for spad in ("ifmap_spad", "weights_spad", "psum_spad"):
        design |= {f"{spad}_class": "regfile", f"{spad}_depth": 8, f"{spad}_block": 2, f"{spad}_read_bandwidth": 4}
    built = architecture_of(design, "archgym")
    assert (built.columns, built.rows) == (2, 1)
    assert built.glb.capacity_words == 4096
    assert (built.glb.block_words, built.glb.read_bandwidth) == (4, 16)
    for level in built.pe_levels:
        assert (level.capacity_words, level.block_words, level.read_bandwidth, level.write_bandwidth) == (16, 2, 4, 2)
        assert level.read_pj == pytest.approx(2 * (0.03 + 0.002 * 8))  # two register files of eight words
    assert math.isinf(built.dram.read_bandwidth)
    registers = 2 * 3 * 16 + 2 * 4
    assert built.area_mm2 == pytest.approx(2 * MAC_45 + registers * REGISTER_45 + 4 * SRAM_2KB)


def test_the_dummy_buffer_is_area_only():
    small, large = (build("archgym", dummy_buffer_depth=[depth]) for depth in (2, 65536))
    assert np.array_equal(small.archs, large.archs)
    assert small.area_mm2[0] < large.area_mm2[0]


@pytest.mark.parametrize("kind", STORAGE_KINDS)
def test_classes_are_those_of_the_technology(kind):
    figures = technology(45).storage(kind, 2048, 16, 2)
    built = build("archgym", glb_class=[kind], glb_depth=[1024], glb_block=[2])
    assert built.archs[0, A_READ_PJ + GLB] == figures.read_pj


def test_what_cannot_be_built_is_refused_by_name():
    built = build("archgym", count=3, pe_count=[15, 14, 2], mesh_x=[7, 7, 4], glb_depth=[16, 8, 64])
    assert built.refusals[0].startswith("array-shape: 15 PEs cannot stand in 7 columns")
    assert built.refusals[1].startswith("glb-banks: 8 rows")
    assert built.refusals[2].startswith("array-shape: 2 PEs")
    assert build("default", glb_kib=[1], glb_banks=[256]).refusals[0].startswith("glb-banks: 256 banks of 1024 bytes")
    with pytest.raises(InvalidInputError, match="array-shape"):
        architecture_of({"pe_count": 15, "mesh_x": 7}, "archgym")


def test_unknown_words_are_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'glb_kib'"):
        architecture_of({"glb_kb": 3})
    with pytest.raises(UnknownNameError, match="did you mean 'archgym'"):
        template_named("archgim")
    with pytest.raises(UnknownNameError, match="did you mean 'small'"):
        accelerator_space("smal")
    with pytest.raises(UnknownNameError):
        template_of_space("smal")
    with pytest.raises(InvalidInputError, match="hierarchy"):
        architecture_of({"hierarchy": "row_stationary"})


# ---- all spaces ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", accelerator_space_names())
def test_every_design_of_a_space_can_be_built_alone_or_in_a_batch(name):
    space, template = accelerator_space(name), template_named(template_of_space(name))
    designs = space.sample(300, np.random.default_rng(1))
    columns = {i.name: np.full(len(designs), i.default) for i in template.inputs} | space.decode(designs)
    batch = template.build(columns, DEFAULT_PARTS)
    assert batch.archs.shape == (300, ARCHITECTURE_WORDS)
    assert not any(batch.refusals)
    assert np.isfinite(batch.area_mm2).all()
    assert (batch.area_mm2 > 0).all()
    for row in range(0, 300, 29):
        alone = template.build({key: column[row : row + 1] for key, column in columns.items()}, DEFAULT_PARTS)
        assert np.array_equal(alone.archs[0], batch.archs[row])
        assert alone.area_mm2[0] == batch.area_mm2[row]


@pytest.mark.parametrize("template", TEMPLATE_NAMES)
def test_an_architecture_has_the_kernels_form_of_its_row(template):
    built = build(template)
    architecture = architecture_of({}, template)
    assert np.array_equal(architecture.words, built.archs[0])
    assert architecture.area_mm2 == built.area_mm2[0]


def test_a_row_that_is_no_architecture_is_refused():
    with pytest.raises(InvalidInputError, match="GLB"):
        architecture_of_words(np.zeros(ARCHITECTURE_WORDS))


def test_spaces_in_numbers():
    assert [accelerator_space(name).size for name in ("default", "small")] == [6_021_120, 3_888]
    assert accelerator_space("small").count() == 2_430
    default = accelerator_space("default").describe(accelerator_space("default").default_indices[0])
    assert default == {i.name: i.default for i in template_named("default").inputs}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["array_columns", "array_rows", "pe_storage_words", "glb_kib", "ifmap_spad_words"]),
    st.sampled_from(["regfile", "SRAM"]),
    st.integers(1, 300),
    st.integers(1, 300),
)
def test_more_of_anything_is_never_smaller(name, kind, first, second):
    areas = build("default", count=2, **{name: [first, first + second]}, pe_storage_class=[kind, kind]).area_mm2
    assert areas[0] <= areas[1]
