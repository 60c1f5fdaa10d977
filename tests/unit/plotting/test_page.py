from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from plotting import ReportInput, TableProfile, figures, render
from plotting.page import decide
from plotting.words import coded
from sluice.dataset.config import parse_config
from sluice.evaluation.document import ClassCurves, Evaluation, GroupGap, Importance, Refit, SliceResult
from sluice.messages import CrossValidation, GateCheck, Outcome, RunResult
from tabular import TableReport
from tabular.report import ColumnReport, Problem
from tests import report_samples as samples

VOID = {"meta", "link", "br", "hr", "img", "input", "col"}
HOSTILE = (
    "<script>alert(1)</script>",
    "\"&'><b>",
    "</title></svg><script>x</script>",
    "$\\frac{a}{b}$",
    "{{ run }}",
    "名前・データ列",
    "شحنة \u202egnp.exe",
    "n" * 300,
    "a\x00b\x1b\r\nc\ud800",
    "",
    "-0.12345",
    "#fe0010",
    "url(#x)",
)


class Page(HTMLParser):
    """A strict reader: every element is closed, in order, and every id is one element's."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids[value or ""] += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: render(sample()) for name, sample in samples.SAMPLES.items()}


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_element_is_closed_and_every_id_is_unique(pages: dict[str, str], name: str) -> None:
    page = Page(pages[name])
    assert [found for found, times in page.ids.items() if times > 1] == []
    assert page.tags["h1"] == page.tags["main"] == page.tags["header"] == page.tags["footer"] == page.tags["nav"] == 1
    assert ("html", "lang", "en") in page.attributes


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_what_refers_to_an_id_finds_it(pages: dict[str, str], name: str) -> None:
    page = Page(pages[name])
    wanted = [part for attribute in ("aria-labelledby", "aria-describedby") for part in page.values(attribute)]
    wanted += [value.removeprefix("#") for value in page.values("href") if value.startswith("#")]
    wanted += re.findall(r"url\(#([^)]+)\)", " ".join(value for _, _, value in page.attributes))
    assert not [one for value in wanted for one in value.split() if one not in page.ids]


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_what_stands_between_backticks_is_shown_as_code(pages: dict[str, str], name: str) -> None:
    assert "`" not in pages[name]


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_nothing_is_loaded_and_nothing_runs(pages: dict[str, str], name: str) -> None:
    page = Page(pages[name])
    assert not page.tags["script"]
    assert not page.values("src")
    assert not page.values("style"), "the policy allows the style sheet alone"
    assert not [attribute for _, attribute, _ in page.attributes if attribute.startswith("on")]
    assert {value for value in page.values("href") if not value.startswith("#")} == {"data:,"}
    assert "http:" not in pages[name]
    assert "https:" not in pages[name]
    assert "@import" not in pages[name]


def test_the_policy_allows_the_style_sheet_of_the_page_by_its_hash(pages: dict[str, str]) -> None:
    html = pages["binary"]
    style = html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy == [
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    ]


def test_no_colour_is_fixed_so_that_the_page_can_be_dark(pages: dict[str, str]) -> None:
    body = pages["binary"].split("</head>")[1]
    assert not re.findall(r'(?:fill|stroke|stop-color)="(?:#|rgb)[^"]*"', body)
    used = set(re.findall(r"var\((--[a-z]+)\)", pages["binary"]))
    light, _, dark = pages["binary"].split("<style>")[1].partition("prefers-color-scheme: dark")
    for scheme in (light, dark.split("}\n}")[0]):
        assert used <= set(re.findall(r"(--[a-z]+):", scheme))


@pytest.mark.parametrize("name", ["binary", "many_classes", "refused"])
def test_the_same_run_gives_the_same_bytes(pages: dict[str, str], name: str) -> None:
    assert render(samples.SAMPLES[name]()) == pages[name]


def test_a_run_with_everything_shows_every_part(pages: dict[str, str]) -> None:
    page = Page(pages["binary"])
    assert {found for found in page.ids if re.fullmatch(r"figure-[a-z0-9-]+-title", found)} == {
        f"figure-{part}-title"
        for part in (
            "confusion", "roc", "precision-recall", "calibration", "cutoff-rates", "cutoff-cost", "learning-0",
            "learning-1", "importance", "shap", "levels-0", "levels-1", "levels-2", "slices-0", "slices-1",
        )
    }  # fmt: skip
    assert page.tags["svg"] == page.tags["desc"] == page.values("role").count("img") == page.tags["figure"]
    assert {found for found in page.ids if found.endswith("-table")} == {
        f"{part}-table"
        for part in (
            "gates", "metrics", "confusion", "importance", "mistakes", "champion", "classes", "columns",
            "problems", "hyperparameters", "artifacts",
        )
    }  # fmt: skip
    for words in (
        "live behind the endpoint sluice-loan-defaults", "0.3281 to 0.3607", "9f" * 32, "early_stopping_rounds",
        "customer_id", "it has one value only", "Disparate impact (DI)", "The new model passes the comparison",
        "6 min 41 s",
        "credit_utilisation −1.31", "Warning: overfitting", "no test row has this value", "less than a cent",
    ):  # fmt: skip
        assert words in page.text, words


def test_figures_say_their_numbers_in_words(pages: dict[str, str]) -> None:
    described = dict(re.findall(r'<desc id="figure-([a-z0-9-]+)-desc">([^<]*)</desc>', pages["binary"]))
    assert "yes 0.8612" in described["roc"]
    assert "chosen cutoff of 0.3418" in described["cutoff-rates"]
    assert "The best value on validation is 0.3457, in round 119" in described["learning-0"]
    assert "credit_utilisation pushes up if it is high" in described["shap"]
    assert "months_since_last_delinquency pushes down if it is high" in described["shap"]
    assert "mortgage +0.17, rent −0.11, own +0.084 and other −0.067" in described["levels-0"]
    assert "2,609 of 3,077" in described["confusion"]


def test_figures_of_numbers_say_their_numbers_in_words(pages: dict[str, str]) -> None:
    described = dict(re.findall(r'<desc id="figure-([a-z0-9-]+)-desc">([^<]*)</desc>', pages["numbers"]))
    assert {"predicted-true", "residuals", "error-by-size", "coverage"} <= described.keys()
    assert "90.0% of new rows are expected" in described["predicted-true"]
    assert "of 40" in described["coverage"]
    page = Page(pages["numbers"])
    assert "Difference in mean squared error" in page.text
    assert "class" not in re.sub(r"classes of", "", described["residuals"])


_OF_A_MODEL = (
    "gates", "metrics", "confusion", "curves", "cutoff", "training", "columns", "mistakes", "champion", "groups",
    "slices", "bias",
)  # fmt: skip
_ALWAYS = ("run", "identity")


@pytest.mark.parametrize(
    ("name", "sections"),
    [
        ("binary", (*_OF_A_MODEL, "data", *_ALWAYS)),
        ("approved", (*_OF_A_MODEL, "data", *_ALWAYS)),
        ("awaiting_approval", (*_OF_A_MODEL, "data", *_ALWAYS)),
        ("rejected_by_a_person", (*_OF_A_MODEL, "data", *_ALWAYS)),
        ("expired", (*_OF_A_MODEL, "data", *_ALWAYS)),
        ("model_rejected", (*_OF_A_MODEL, "data", *_ALWAYS)),
        ("deployment_failed", (*_OF_A_MODEL, "data", *_ALWAYS)),
        ("superseded", (*_OF_A_MODEL, "data", *_ALWAYS)),
        (
            "multi_class",
            (
                *(part for part in _OF_A_MODEL if part not in {"cutoff", "champion", "bias"}),
                "unmeasured",
                "data",
                *_ALWAYS,
            ),
        ),
        (
            "numbers",
            (
                "gates",
                "metrics",
                "errors",
                "training",
                "columns",
                "mistakes",
                "champion",
                "unmeasured",
                "data",
                *_ALWAYS,
            ),
        ),
        ("training_failed", ("training", "data", *_ALWAYS)),
        ("refused", ("data", *_ALWAYS)),
        ("stopped", _ALWAYS),
    ],
)
def test_a_page_has_the_sections_that_have_something_to_show(
    pages: dict[str, str], name: str, sections: tuple[str, ...]
) -> None:
    page = Page(pages[name])
    linked = [value.removeprefix("#") for tag, key, value in page.attributes if (tag, key) == ("a", "href")]
    warns = page.ids["attention"]
    assert linked[0] == "report"
    assert linked[-len(sections) :] == [*sections]
    assert {*linked[1 : -len(sections)]} <= {"data", "training"}
    assert bool(linked[1 : -len(sections)]) == bool(warns), "the warnings at the top link to where the others are"
    assert page.tags["section"] == len(sections) + 1 + warns, "the decision is the other one"
    assert (page.tags["svg"] == 0) == (name in {"training_failed", "refused", "stopped"})


def test_a_rejected_file_has_no_accepted_rows(pages: dict[str, str]) -> None:
    page = Page(pages["refused"])
    assert "4,120 rows received; none is used, since the file was rejected." in page.text
    assert "accepted" not in page.text


def test_warnings_stand_above_all_numbers_the_first_three_of_them_with_a_link_to_all() -> None:
    several = samples.binary()
    training = several.evaluation.training if several.evaluation else None
    grave = [finding.what for finding in training.findings if finding.severity == "warning"] if training else []
    warnings = [f"table.csv: number {n} of `{n}`. Look." for n in range(5)]
    result = several.result.model_copy(update={"warnings": (*warnings,)})
    html = render(dataclasses.replace(several, result=result))
    top = html[html.index('<section class="attention"') : html.index('<dl class="facts">')]
    assert f"{5 + len(grave)} warnings" in top
    assert [f"number {n} of" in top for n in range(5)] == [True, True, True, False, False]
    assert f"{2 + len(grave)} more warnings" in top
    assert '<a href="#data">Data</a>' in top
    assert ('<a href="#training">' in top) == bool(grave)
    data = html[html.index('<section aria-labelledby="data">') :]
    assert [html.count(f"number {n} of") for n in range(5)] == [2, 2, 2, 1, 1], "at the top, and all beside the data"
    assert all(f"number {n} of" in data for n in range(5))


def test_a_run_without_a_warning_has_no_such_section() -> None:
    plain = samples.binary()
    result = plain.result.model_copy(update={"warnings": ()})
    assert plain.profile is not None
    profile = plain.profile.model_copy(update={"warnings": ()})
    html = render(dataclasses.replace(plain, result=result, profile=profile, evaluation=None))
    assert 'class="attention"' not in html


def test_what_new_values_of_an_identifier_cost_is_shown_with_the_setting_that_measures_it(
    pages: dict[str, str],
) -> None:
    page = Page(pages["binary"])
    for said in ("Known and new values", "0.3512", "0.3871", "0.0359", "0.0284 to 0.0437", "1,840 rows", "310 values"):
        assert said in page.text
    assert _settings(pages["binary"]) == [{"split": {"group_by": "branch_no"}}]


def test_what_all_rows_of_a_small_table_say_stands_below_the_metrics_of_the_model(pages: dict[str, str]) -> None:
    assert "Cross-validated" not in Page(pages["binary"]).text
    metrics = samples.binary_evaluation().metrics
    assert metrics is not None
    folds = CrossValidation(
        metric="log_loss",
        value=0.36,
        baseline=0.5,
        share=0.72,
        interval=(0.66, 0.79),
        rows=900,
        units=900,
        folds=5,
        times=1,
    )
    html = render(samples.binary(metrics=metrics.model_copy(update={"cross_validated": folds})))
    said = "over all 900 rows (5 folds), log loss is 0.3600, 72% of the baseline's 0.5000 (95% interval 66% to 79%)"
    assert said in Page(html).text


def test_nothing_is_to_be_set_if_the_test_does_not_flatter_the_model() -> None:
    (found,) = samples.binary_evaluation().group_gaps
    doubtful = found.model_copy(update={"interval": (-0.0021, 0.0437), "flatters": False})
    html = render(samples.binary(group_gaps=(doubtful,)))
    assert "−0.0021 to 0.0437" in html
    assert _settings(html) == []
    assert not Page(render(samples.binary(group_gaps=()))).ids["groups"]


def test_each_identifier_is_shown_and_a_number_in_its_unit() -> None:
    (found,) = samples.binary_evaluation().group_gaps
    told = {"loss": "RMSE", "known": 10412.5, "new": 15120.0, "difference": 4707.5, "interval": (3900.0, 5500.0)}
    other = found.model_copy(update={"column": "street", "prior": 21000.0, "flatters": False, **told})
    page = Page(html := render(samples.binary(group_gaps=(found, other))))
    assert "Values of branch_no" in page.text
    assert "Values of street" in page.text
    assert "RMSE of the same rows, by street" in page.text
    assert _settings(html) == [{"split": {"group_by": "branch_no"}}]
    for said in ("10,412", "15,120", "4708", "3900 to 5500", "21,000"):
        assert said in page.text
    of_earlier = samples.binary(group_gaps=(), group_gap=GroupGap.of(found))
    assert "Values of branch_no" in Page(render(of_earlier)).text


@pytest.mark.parametrize(
    "column",
    [
        "no: <b>of</b> visits",
        pytest.param("- Kunde & Co", marks=pytest.mark.longer),
        pytest.param("Yes", marks=pytest.mark.longer),
        pytest.param("it's `one`", marks=pytest.mark.longer),
    ],
)
def test_the_setting_can_be_pasted_whatever_the_identifier_is_called(column: str) -> None:
    (found,) = samples.binary_evaluation().group_gaps
    html = render(samples.binary(group_gaps=(found.model_copy(update={"column": column}),)))
    assert not Page(html).tags["b"]
    assert parse_config("\n".join(_pasted(html)), "config.yaml").split.group_by == column


def _pasted(html: str) -> list[str]:
    return [unescape(text) for text in re.findall(r"<pre><code>(split:.*?)</code>", html, re.S)]


def _settings(html: str) -> list[object]:
    return [yaml.safe_load(text) for text in _pasted(html)]


def test_what_was_not_measured_of_a_model_is_listed_with_the_way_to_it(pages: dict[str, str]) -> None:
    page = Page(pages["multi_class"])
    assert "There was no live model to compare with." in page.text
    assert "name groups under facets in config.yaml" in page.text


def test_the_page_of_a_run_that_waits_says_what_is_asked_until_when_and_how_to_answer(pages: dict[str, str]) -> None:
    page = Page(pages["awaiting_approval"])
    for words in (
        "Approve or reject it by 2026-11-26 09:06:41 UTC", "sluice approve 4f1c09b2a7de",
        "sluice reject 4f1c09b2a7de --comment 'why'", "replaces the live model of run 11aa22bb33cc",
        "If you reject it, or nobody decides before the deadline, it is not deployed",
    ):  # fmt: skip
        assert words in page.text, words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("approved", ("Approved by user/alice", "2026-11-23 09:31:12 UTC", "Looks right: the new region is in.")),
        (
            "rejected_by_a_person",
            (
                "it passed its gates, but user/alice rejected it",
                "Rejected by user/alice",
                "2026-11-23 09:31:12 UTC",
                "The region column is wrong.",
            ),
        ),
        (
            "expired",
            (
                "it passed its gates, but nobody approved it before the deadline",
                "Deadline passed 2026-11-26 09:06:41 UTC",
            ),
        ),
    ],
)
def test_the_page_says_afterwards_who_decided_when_and_why(
    pages: dict[str, str], name: str, words: tuple[str, ...]
) -> None:
    page = Page(pages[name])
    for wanted in words:
        assert wanted in page.text, wanted
    assert "sluice approve" not in page.text


def test_what_stands_between_backticks_is_code(pages: dict[str, str]) -> None:
    html = pages["refused"]
    assert "no column is named <code>defaulted</code>" in html
    assert "`" not in html.split("</style>")[1]


@pytest.mark.parametrize("name", HOSTILE)
def test_code_between_backticks_is_text_and_nothing_else(name: str) -> None:
    page = Page(str(coded(f"column `{name}` and `{name}")))
    assert set(page.tags) <= {"code"}
    assert page.tags["code"] <= 1


def test_the_worst_mistakes_show_the_cells_of_their_rows_those_that_drove_them_first(pages: dict[str, str]) -> None:
    html = pages["binary"]
    columns = re.findall(r"<dt>([a-z0-9_]+)</dt>", html.split('class="cells"')[1].split("</tr>")[0])
    assert columns[:4] == ["credit_utilisation", "annual_income", "term_months", "months_since_last_delinquency"]
    assert set(columns) == {*samples.COLUMNS, "customer_id", "currency", "defaulted"}
    assert html.count('<div class="drove">') == 9
    assert "C-001207" in Page(html).text


def test_the_cells_of_a_mistake_are_bounded_and_escaped() -> None:
    sample = samples.binary()
    cells = {f"column {number}": "x" * 500 for number in range(200)} | {HOSTILE[0]: HOSTILE[1]}
    html = render(dataclasses.replace(sample, cells={88: {HOSTILE[2]: HOSTILE[0], **cells}}))
    page = Page(html)
    assert not page.tags["script"]
    assert not page.tags["b"]
    assert html.count("<dt>column") == 29
    assert "x" * 61 not in html
    assert "172 more columns: see held_out/rows.csv." in page.text


def test_every_class_of_several_has_its_name_in_the_curves_and_in_the_matrix(pages: dict[str, str]) -> None:
    drawn = dict(re.findall(r'aria-labelledby="figure-([a-z-]+)-title"[^>]*>(.*?)</svg>', pages["multi_class"], re.S))
    for name in ("barley", "maize", "oats", "rye", "sorghum", "wheat"):
        for figure in ("roc", "precision-recall"):
            assert f">{name} (" in drawn[figure], (name, figure)
    many = dict(re.findall(r'aria-labelledby="figure-([a-z-]+)-title"[^>]*>(.*?)</svg>', pages["many_classes"], re.S))
    for number in range(50):
        assert many["confusion"].count(f">crop {number:02d}<") == 2


@pytest.mark.parametrize(
    "part",
    [
        "metrics", "prior", "bootstrap", "cutoff", "champion", "training", "model_sha256", "evaluated_at",
        "cutoffs", "curves", "calibration", "gates", "slices", "bias", "class_counts", "hyperparameters",
    ],
)  # fmt: skip
def test_any_part_of_an_evaluation_may_be_missing(part: str) -> None:
    default = Evaluation.model_fields[part].get_default(call_default_factory=True)
    quickly = {"training": None, "slices": ()}
    Page(render(samples.binary(**{**quickly, part: default})))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_figure_takes_any_name(name: str) -> None:
    one = Importance(column=name, gain=1, cover=1, weight=1, shap=1.0)
    drawing = figures.importance((one, one))
    assert Page(drawing.svg).tags["svg"] == 1
    drawing.svg.encode()


def test_the_columns_of_hostile_tables_are_text_and_nothing_else() -> None:
    evaluation = samples.binary_evaluation()
    assert evaluation.training
    hostile = evaluation.model_copy(
        update={
            "target": HOSTILE[0],
            "classes": HOSTILE[:2],
            "curves": (evaluation.curves[0].model_copy(update={"label": HOSTILE[2]}),),
            "slices": tuple(
                SliceResult(column=name, value=name, rows=3, metrics={"log_loss": 0.1 * place})
                for name in HOSTILE[:3]
                for place in range(2)
            ),
            "hyperparameters": dict.fromkeys(HOSTILE, HOSTILE[0]),
            "training": evaluation.training.model_copy(
                update={
                    "importances": tuple(
                        Importance(column=name, gain=1, cover=1, weight=1, shap=1.0 + place)
                        for place, name in enumerate(HOSTILE)
                    ),
                    "shap": tuple(
                        column.model_copy(update={"column": name})
                        for column, name in zip(evaluation.training.shap, HOSTILE, strict=True)
                    ),
                }
            ),
        }
    )
    sample = samples.binary()
    result = sample.result.model_copy(update={"reasons": HOSTILE, "artifacts": dict.fromkeys(HOSTILE, HOSTILE[1])})
    run = sample.run.model_copy(update={"key": f"incoming/{HOSTILE[0]}/{HOSTILE[1]}.csv"})
    html = render(ReportInput(run, result, sample.profile, sample.training, hostile))
    page = Page(html)
    assert not page.tags["script"]
    assert not page.tags["b"]
    assert HOSTILE[0] in page.text
    assert HOSTILE[5] in page.text
    assert "{{ run }}" in page.text
    assert "$\\frac{a}{b}$" in page.text
    assert "#fe0010" in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", html)
    html.encode()


def test_a_slice_that_was_measured_nowhere_has_no_figure() -> None:
    empty = SliceResult(column="region", value="x", rows=0, metrics={"log_loss": None}, remark="nothing to measure")
    page = Page(render(samples.binary(slices=(empty,))))
    assert "figure-slices-0-title" not in page.ids
    assert "nothing to measure" in page.text


def test_the_rejected_cells_themselves_stay_out_of_the_page() -> None:
    problem = Problem(rule=_any_rule(), column="income", rows=3, first_line=7, what="`secret cell` is no number")
    report = TableReport(
        name="x.csv",
        verdict="accepted",
        columns=(ColumnReport(name="income", kind="number", missing=1, use="number"),),
        problems=(problem,),
    )
    profile = TableProfile.model_validate_json(report.model_dump_json())
    sample = samples.refused()
    html = render(ReportInput(sample.run, sample.result, profile, None, None))
    assert "secret cell" not in html
    assert problem.rule.replace("_", " ") in Page(html).text


def test_columns_that_the_model_does_not_use_are_named_and_not_tabled() -> None:
    training = samples.binary_evaluation().training
    assert training
    idle = Importance(column="idle", gain=0, cover=0, weight=0, shap=0.0)
    training = training.model_copy(update={"importances": (*training.importances, idle), "shap": (), "curves": ()})
    html = render(samples.binary(training=training, slices=()))
    assert "The model does not use 1 column: idle." in Page(html).text
    assert '<th scope="row">idle</th>' not in html


def test_a_wide_table_is_cut_and_says_where_the_rest_is() -> None:
    sample = samples.binary()
    assert sample.profile
    columns = sample.profile.columns * 20
    profile = sample.profile.model_copy(update={"columns": columns})
    text = Page(render(ReportInput(sample.run, sample.result, profile, sample.training, None))).text
    assert f"{len(columns) - 100} more columns: see validation.json" in text


def test_many_classes_show_their_worst_confusions_alone(pages: dict[str, str]) -> None:
    text = Page(pages["many_classes"]).text
    assert "The most frequent confusions of 50 classes" in text
    assert "The 6 most frequent of 50 classes are drawn" in text
    assert len(pages["many_classes"]) < 1_000_000


def test_classes_that_were_never_scored_are_no_fault() -> None:
    lone = ClassCurves(label="x", roc=(), precision_recall=(), roc_auc=None, average_precision=None, share=0)
    text = Page(render(samples.binary(curves=(lone,), calibration=()))).text
    assert "ROC and precision-recall curves were not measured" in text


def _result(outcome: Outcome, *gates: GateCheck) -> RunResult:
    return RunResult(outcome=outcome, run_id="4f1c09b2a7de", dataset="x", gates=gates, finished_at="2026-11-23")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_sentence(outcome: Outcome) -> None:
    decision = decide(_result(outcome))
    assert decision.sentence.endswith(".")
    assert (decision.tone == "good") == (outcome is Outcome.DEPLOYED)


def test_the_decision_names_the_gates_that_failed() -> None:
    gates = [
        GateCheck(name=name, value=None, limit=1, comparison="at_most", passed=passed, reason="x")
        for name, passed in (("a", False), ("b", True), ("c", False))
    ]
    sentence = decide(_result(Outcome.MODEL_REJECTED, *gates)).sentence
    assert sentence == "The model was not deployed: it failed 2 of 3 gates: a and c."


def test_no_file_of_the_package_speaks_of_an_address() -> None:
    folder = Path(samples.__file__).parents[1] / "layers" / "plotting" / "plotting"
    for name in ("report.html.j2", "report.css"):
        assert "http" not in (folder / name).read_text().replace("http-equiv", "")


def _any_rule() -> str:
    from tabular.findings import Rule  # noqa: PLC0415  (an enumeration of many)

    return next(iter(Rule))


def test_a_refit_is_told_beside_the_curves_of_the_first_job() -> None:
    page = samples.binary()
    assert page.evaluation is not None
    refit = Refit(first_job_name="sluice-churn-1", first_model_uri="s3://b/model", rounds=63, rows=5965)
    refitted = dataclasses.replace(page, evaluation=page.evaluation.model_copy(update={"refit": refit}))
    told = " ".join(" ".join(Page(render(refitted)).texts).split())
    assert "This is how the first job sluice-churn-1 went." in told
    assert "trained again on 5,965 rows" in told
    assert "trained again" not in render(page)
