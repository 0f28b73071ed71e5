"""The HTML report of hand-made results: complete, self-contained, escaped, repeatable."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from experiments.comparison import compare
from experiments.figures import agent_styles
from experiments.html import Row, element, table
from experiments.plots import profile_figure, shows_evaluations
from experiments.report import render_report, write_report
from experiments.report_designs import number_text
from experiments.run_groups import group_runs
from simulators import InvalidInputError
from tests.experiments.fake_results import FakeResults, fake_results, meet_record, problem_record, searches

_VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Checks that tags are balanced and collects ids, text and tags."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def results() -> FakeResults:
    rng = np.random.default_rng(5)
    scores = {
        "random_search": searches(rng, 6, 40, 60.0),
        "good": searches(rng, 6, 40, 20.0),
        **{f"swept#{draw}": searches(rng, 3, 40, 50.0 + draw) for draw in range(2)},
    }
    met = {
        "random_search": [[0.5] * 30 + [0.0] * 10] * 5 + [[np.nan] * 40],
        "good": [[0.5] * 3 + [0.0] * 37] * 6,
    }
    return fake_results(
        [(problem_record("energy"), scores), (meet_record("spec"), met)],
        config={"name": "trial", "compare": {"at": [10]}, "budget": 40},
    )


@pytest.fixture(scope="module")
def content() -> str:
    found = results()
    return render_report(found, compare(found))


def test_the_page_is_well_formed_and_its_ids_are_unique(content: str) -> None:
    page = Page(content)
    assert page.tags.count("svg") >= 6
    figure_ids = list(page.ids)
    assert len(figure_ids) == len(set(figure_ids))


def test_the_page_needs_no_network_and_no_script(content: str) -> None:
    assert "<script" not in content
    assert not re.search(r"<(link|img|iframe)\b", content)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", content)
    assert "@import" not in content
    assert not re.search(r"url\((?!#)", content)


def test_verdicts_come_before_everything_else(content: str) -> None:
    verdict = content.index("good is best: better than every other agent")
    assert verdict < content.index("<svg")
    words = Page(content).words
    for expected in (
        "Against random_search: better: good",
        "Runs that met the specification: good 6/6, random_search 5/6.",
        "runs that met the specification are ranked by the evaluations they needed",
        "Hyperparameter draws of swept",
        "How to read the numbers",
        "Performance profile",
        "digest of all trajectories d1g35t",
        "name: trial",
    ):
        assert expected in words.replace("\u00a0", " ")


def test_best_designs_are_decoded_and_marked_against_the_reference(content: str) -> None:
    assert '<td class="changed">Closed</td>' in content
    assert "makespan_ns (limit 40)" in content
    assert '<td class="better">45 (-10.0 %)</td>' in content


def test_the_same_results_give_the_same_page(content: str) -> None:
    found = results()
    assert render_report(found, compare(found)) == content


def test_text_from_data_is_escaped() -> None:
    evil = '<script>alert("x")</script> & co'
    found = fake_results(
        [(problem_record(evil, workload=evil), {evil: [[1.0, 2.0]] * 3, "b": [[2.0, 1.0]] * 3})],
        config={"name": evil},
    )
    content = render_report(found, compare(found))
    assert "<script" not in content
    assert evil in Page(content).words


def test_a_maximised_problem_with_one_agent_and_no_valid_design_is_still_a_page() -> None:
    record = problem_record("hard", direction="maximize", reference_score=5.0)
    found = fake_results([(record, {"only": [[np.nan] * 4] * 3})])
    page = Page(render_report(found, compare(found)))
    assert "Only only has finished runs" in page.words
    assert "No run has found a valid design." in page.words


def test_failed_and_unfinished_runs_are_on_the_page() -> None:
    found = results()
    lost = {"p0_good_0": {"state": "failed", "error": "ValueError: boom"}, "p0_good_1": {"state": "unfinished"}}
    found.runs = tuple(replace(run, **lost.get(run.run_id, {})) for run in found.runs)
    for run_id in lost:
        found.curves[run_id] = found.curves[run_id][:5]
    words = Page(render_report(found, compare(found))).words
    assert "good: 1 failed and 1 not finished of 6 runs, left out (first error: ValueError: boom)" in words
    assert "4 of 6" in words


def test_the_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    found = fake_results([(problem_record(), {"a": [[1.0, 2.0]] * 3})])
    write_report(found, compare(found), tmp_path / "new" / "report.html")
    content = (tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    assert content == render_report(found, compare(found))
    assert len(list((tmp_path / "new").iterdir())) == 1
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="cannot write"):
        write_report(found, compare(found), tmp_path / "file" / "report.html")


def test_distributions_show_evaluations_where_most_runs_score_the_same() -> None:
    groups = group_runs(results())  # type: ignore[arg-type]
    assert not shows_evaluations(groups["energy"])
    assert shows_evaluations(groups["spec"])
    tie_break = meet_record(objective={"meet": {"makespan_ns": 40.0}, "tie_break": "energy_pj", "version": 1})
    (runs,) = group_runs(fake_results([(tie_break, {"a": [[0.0]] * 3})])).values()  # type: ignore[arg-type]
    assert not shows_evaluations(runs)


def test_no_profile_without_a_gap_to_close() -> None:
    groups = group_runs(fake_results([(problem_record(reference_score=1.0), {"a": [[1.0]] * 3})]))  # type: ignore[arg-type]
    assert profile_figure(groups, agent_styles(["a"], None)) is None


def test_styles_differ_and_the_baseline_is_grey() -> None:
    agents = [f"agent{number}" for number in range(20)]
    styles = agent_styles(agents, "agent3")
    assert len(set(map(repr, styles.values()))) == 20
    assert styles["agent3"].colour == "#6B7280"


def test_numbers_in_tables() -> None:
    assert number_text(85109250.0) == "85,109,250"
    assert number_text(1701.33) == "1,701.33"
    assert number_text(0.012345678) == "0.0123457"
    assert number_text(1.5e20) == "1.5e+20"
    assert number_text(float("nan")) == "-"


def test_html_helpers_escape_and_span() -> None:
    assert element("p", "a < b", css='x"y').text == '<p class="x&quot;y">a &lt; b</p>'
    markup = table(["h"], [Row(["wide"], span=3), Row(["a", "b"], cell_css={1: "better"})]).text
    assert '<td colspan="3">wide</td>' in markup
    assert '<td class="better">b</td>' in markup
