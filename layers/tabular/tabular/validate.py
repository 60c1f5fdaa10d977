"""From an uploaded file to three training files and a recipe, or to the reasons why not."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import polars as pl

from sluice import layout
from sluice.dataset.config import DatasetConfig, Facet
from sluice.dataset.contract import Breach, Plan, SeenTable, make_contract
from sluice.dataset.drift import hold, reordered
from sluice.dataset.facets import FacetCounts
from sluice.dataset.numbers import NUMBER, is_number_like
from sluice.dataset.recipe import WHITESPACE, DroppedColumn, Recipe, Target, TextScoreColumn
from sluice.evaluation.split import HashedSplit
from sluice.messages import RowCounts
from sluice.wording import nearest, one_line
from tabular.around import around_warnings, title_warnings
from tabular.census import Census, DoubtError
from tabular.chunks import Chunk, ChunkError, Structure, chunks
from tabular.columns import Kind, Profile, Reading, column_warnings, header_looks_like_data, text_warnings
from tabular.dialect import MAX_COLUMNS, Dialect, Header, detect
from tabular.dropped_identifiers import identify_dropped
from tabular.encoding import PlainText, plain_text
from tabular.findings import MAX_NAME_BYTES, Finding, RefusedError, Rule, by_importance, listed, shown
from tabular.fit import find_leaking, fit, nothing_left, reasons_left_out, with_ranges
from tabular.folds import times_cut, write_folds
from tabular.group_sample import MAX_SAMPLES, GroupSample, group_samples, write_group_samples
from tabular.identifiers import Identified, Setting, identify, identify_unnamed, most_shared
from tabular.leak_findings import leak_findings
from tabular.movement import moving_columns
from tabular.profiling import asked_edges, asked_levels, own_edges, see_for, see_for_first
from tabular.question import Question, sight
from tabular.ranks import usual_cuts
from tabular.report import (
    ColumnReport,
    ContractReport,
    DialectReport,
    FoldsReport,
    GroupSampleReport,
    Problem,
    RejectedRows,
    ReportedFinding,
    SplitReport,
    TableReport,
    write_report,
)
from tabular.small_classes import SmallClasses, small_classes, unknown_labels
from tabular.split import Places, check_parts, small_test_part
from tabular.target import MAX_CLASSES, NO_CLASSES, Classes, alike, find_classes, prior_log_loss, resolve_target
from tabular.target_numbers import Judged as JudgedNumbers
from tabular.target_numbers import check_numbers, check_rows
from tabular.target_rates import find_rates, with_rates
from tabular.text_scores import FoldedScores, find_scores, telling_texts, with_scores
from tabular.transform import Folded, Written, write_parts

MIN_ROWS: Final = 50
MAX_ROWS: Final = 50_000_000
_MAX_REASONS: Final = 20
_MAX_PASSES: Final = 5
_ROOM: Final = 5
"""Bytes of disk for each byte of text: with that many, no row needs to be read twice."""

_SAID_OTHERWISE: Final = frozenset({Rule.CLASS_SET_ASIDE, Rule.CLASS_DROPPED})
"""Rules of rejected rows of which one sentence speaks for all, or which a person asked for."""
_HEADED_ROWS: Final = 200

_REPEATED_SHARE: Final = 0.01
"""Of the test rows; a few cases that are alike by chance do not change what is measured."""


def validate_table(
    path: Path,
    *,
    name: str,
    config: DatasetConfig,
    default_target: str | None,
    out: Path,
    contract: Plan | None = None,
    max_bytes: int | None = None,
    remarks: Sequence[str] = (),
    folds: bool = False,
) -> TableReport:
    """Checks a CSV file and, if it is accepted, makes training data from it.

    Writes ``validation.json`` and ``rejected_rows.csv`` into ``out`` always; ``recipe.json``, ``train/train.csv``,
    ``validation/validation.csv``, ``test/test.csv`` and, with the cells of the file, the rows of the last one in
    ``held_out/rows.csv`` if the file is accepted; then, too, ``contract.json`` if it makes one, ``facets.json`` if the
    configuration has facets, ``group_sample.csv`` for each identifier whose rows share their label, and ``folds.csv``
    if folds are wanted and the table is small.

    Args:
        path: the file, text or gzip; it is only read.
        name: how to call it in messages.
        config: of its dataset.
        default_target: the target if the configuration names none.
        out: a folder with room for the training files, and for the text if it is compressed or not UTF-8; made if
            absent.
        contract: what to do with the dataset's contract; by default nothing.
        max_bytes: of the text in UTF-8; a file with more is refused.
        remarks: warnings about what lies beside the file; they come first.
        folds: whether a small table is to be cross-validated.

    Raises:
        ChunkError: the engine and the scanner disagree on the file, which is a fault of this program.
        OSError: a file cannot be read or written.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".work-", dir=out) as work,
        closing(RejectedRows(out / layout.REJECTED_ROWS)) as rejected,
    ):
        judged = _Validation(
            path, name, config, default_target, out, Path(work), rejected, contract or Plan(), max_bytes, folds=folds
        )
        report = judged.run()
    report = report.model_copy(update={"warnings": (*remarks, *report.warnings)})
    write_report(report, out)
    return report


def _sentences(name: str, findings: Iterable[Finding]) -> tuple[str, ...]:
    sentences = [finding.sentence(name) for finding in findings]
    if len(sentences) <= _MAX_REASONS:
        return tuple(sentences)
    rest = len(sentences) - _MAX_REASONS
    return (*sentences[:_MAX_REASONS], one_line(f"{name}: {rest} more kinds of problem; see validation.json."))


def _reported(findings: Iterable[Finding], severity: Literal["error", "warning"]) -> tuple[ReportedFinding, ...]:
    return tuple(ReportedFinding(severity=severity, **finding.model_dump()) for finding in findings)


@dataclass
class _Judgement:
    """What is known when a file was gone through."""

    question: Question
    census: Census
    profiles: list[Profile]

    @property
    def target(self) -> str:
        return self.question.names[self.question.target]

    def rows(self) -> RowCounts:
        received = self.census.structure.received
        rejected = self.census.unread_rows + self.census.bad_rows
        return RowCounts(received=received, accepted=received - rejected, rejected=rejected)

    @cached_property
    def classes(self) -> Classes:
        """
        Raises:
            RefusedError: the target's labels, or its numbers, cannot be learned.
        """
        if not self.question.has_classes:
            check_numbers(self.profiles[self.question.target])
            return NO_CLASSES
        return find_classes(self.census.labels, self.target, self.question.config.positive)

    @cached_property
    def class_counts(self) -> dict[str, dict[str, int]]:
        """Rows by part and by label."""
        labels = self.classes.labels
        return {part: {label: self.census.parts[label][i] for label in labels} for i, part in enumerate(layout.PARTS)}

    def check_parts(self) -> None:
        """
        Raises:
            RefusedError: a part has too few rows.
        """
        if self.question.has_classes:
            check_parts(self.class_counts)
        else:
            check_rows(self.part_rows)

    @property
    def part_rows(self) -> dict[str, int]:
        """Rows by part."""
        return {part: sum(rows[i] for rows in self.census.parts.values()) for i, part in enumerate(layout.PARTS)}

    def small_test_part(self) -> Finding | None:
        return small_test_part(self.class_counts["test"], self.target) if self.question.has_classes else None

    def identified(self) -> list[Identified]:
        """The columns that are an index or an identifier, once the split is known."""
        return identify(self.census.identities, self.profiles, self._setting())

    def dropped(self, recipe: Recipe) -> list[Identified]:
        """The dropped columns that are an identifier by which a random split shows a model what it is tested on."""
        question, used = self.question, {feature.source for feature in recipe.features}
        places = [i for i, name in enumerate(question.names) if name in used]
        return [*identify_dropped(self.census.identities, question, places)]

    def check_unnamed(self) -> None:
        """
        Raises:
            RefusedError: a column without a name is neither empty nor an index.
        """
        _refuse(identify_unnamed(self.census.identities, self.profiles, self._setting()))

    def _setting(self) -> Setting:
        config, header = self.question.config, self.question.dialect.header
        split = config.split
        ruled_out = {self.target, *config.ruled_out, *config.keep, split.group_by, split.by_time}
        return Setting(
            frozenset(name for name in ruled_out if name is not None),
            places=self.question.places if self.question.is_random else None,
            unnamed=header.unnamed,
            header_line=header.line,
            leaks=config.leaks,
        )

    def frame(self) -> SeenTable:
        """What a contract asks of the file but its columns."""
        config, names = self.question.config, self.question.names
        unnamed = [names[i] for i in sorted(self.question.dialect.header.unnamed)]
        grouped = [] if config.split.group_by is None else [config.split.group_by]
        dropped = (*config.ruled_out, *grouped, *unnamed)
        return SeenTable(self.rows().accepted, self.target, self.classes.rows, (), names, dropped)


class _Validation:
    """The judgement of one file. ``run`` goes through it from its bytes to the parts."""

    def __init__(
        self,
        path: Path,
        name: str,
        config: DatasetConfig,
        default_target: str | None,
        out: Path,
        work: Path,
        rejected: RejectedRows,
        contract: Plan,
        max_bytes: int | None,
        *,
        folds: bool,
    ) -> None:
        self._path = path
        self._name = name
        self._config = config
        self._default_target = default_target
        self._out = out
        self._work = work
        self._rejected = rejected
        self._contract = contract
        self._max_bytes = max_bytes
        self._wants_folds = folds
        held = contract.held
        self._contract_report = ContractReport(version=held.version) if held else None
        self._text: PlainText | None = None
        self._dialect: Dialect | None = None
        self._judgement: _Judgement | None = None
        self._small: SmallClasses | None = None
        self._unknown_labels: list[Finding] = []
        self._group_samples: tuple[GroupSampleReport, ...] = ()
        self._folds: FoldsReport | None = None

    def run(self) -> TableReport:
        try:
            return self._accept()
        except RefusedError as refused:
            return self._refused(refused.findings)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            for made in (self._out / folder for folder in (*layout.PARTS, layout.HELD_OUT)):
                shutil.rmtree(made, ignore_errors=True)
            for name in (layout.FACETS, *layout.GROUP_SAMPLES, layout.FOLDS):
                (self._out / name).unlink(missing_ok=True)
            what = "the training files made from it do not fit on the disk"
            return self._refused([Finding(rule=Rule.FILE_TOO_LARGE, what=what)])

    def _accept(self) -> TableReport:
        text = self._text = plain_text(self._path, self._work, max_bytes=self._max_bytes)
        if self._max_bytes is not None and text.size > self._max_bytes:
            what = f"the file holds {text.size:,} bytes of text; the maximum is {self._max_bytes:,}"
            raise RefusedError(Finding(rule=Rule.FILE_TOO_LARGE, what=what))
        dialect = self._dialect = detect(text.path, headed=self._config.header)
        _check_header_text(dialect.header)
        readings = self._sight(text.path, dialect)
        dialect = self._dialect = replace(dialect, header=dialect.header.named())
        names = dialect.header.cells
        target = resolve_target(names, self._config.target, self._default_target, self._config.drop)
        _check_names(names, self._config, target)
        judged = self._judge(text.path, dialect, target, readings)
        judged.check_parts()
        recipe, left_out, shared, scores = self._fit(text.path, judged)
        rates = find_rates(text.path, judged.question, judged.census, recipe)
        recipe = with_rates(recipe, rates)
        samples = group_samples(judged.question, shared, len(recipe.features))
        self._folds = self._write_folds(text.path, judged, len(recipe.features))
        written = self._write(text.path, judged, recipe, {**rates, **scores}, samples)
        return self._accepted(judged, recipe, left_out, written)

    def _sight(self, path: Path, dialect: Dialect) -> tuple[Reading, ...]:
        """Readings of the columns by the first rows.

        Raises:
            RefusedError: there are no rows, or what should be the header is none, or the other way round.
        """
        # A line that equals the header may be the row that it is itself.
        first = next(chunks(path, replace(dialect, repeats=frozenset())), None)
        if first is None:
            raise RefusedError(Finding(rule=Rule.NO_ROWS, what="there is a header but no rows"))
        readings, held = sight(first, dialect, self._config.missing)
        header = dialect.header
        if header.line is None:
            _check_first_row(first, readings, self._config.missing)
            return readings
        if first.cells.height and header_looks_like_data(header.cells, readings, held, self._config.missing):
            what = f"the first row ({shown(', '.join(header.cells))}) looks like data, not column names"
            raise RefusedError(Finding(rule=Rule.HEADER_MISSING, line=header.line, what=what))
        _check_header(header, first.cells.head(_HEADED_ROWS))
        return readings

    def _judge(self, path: Path, dialect: Dialect, target: int, readings: tuple[Reading, ...]) -> _Judgement:
        """Goes through the file until what was guessed of it holds.

        It does after one pass for nearly every file, and after a few for every one: if a guess fails, all columns
        are asked for all of their forms, and what these say does not depend on any guess.
        """
        config, names, held = self._config, dialect.header.cells, self._contract.held
        question = Question(
            dialect,
            config,
            target,
            readings,
            Places(usual_cuts(config.split)),
            edges=asked_edges(held, names),
            listed=asked_levels(held, names),
            sampled=self._contract.makes is not None,
            max_rows=MAX_ROWS,
        )
        # All cells decide of a column that may be dropped, too.
        whole = (question.time, question.target)
        question = question.asking(i for i in question.named if i in whole or i in question.unused)
        for number in range(_MAX_PASSES):
            self._rejected.restart()
            folder = self._work / f"pass{number}"
            folder.mkdir()
            census = Census(question, folder, self._rejected, kept=self._has_room())
            try:
                census.take(path)
            except DoubtError:
                question = question.asking(question.read)
                continue
            if (fitting := census.readings()) != question.readings:
                # Rows that are rejected for one column hide what others hold: from now on all are asked.
                question = replace(question, readings=fitting).asking(question.read)
                continue
            judged = self._judgement = _Judgement(question, census, census.profiles())
            self._check_time(question)
            self._check_rows(judged)
            judged.check_unnamed()
            self._check_labels_named(judged)
            if small := self._set_aside(judged):
                question = replace(question, too_small=question.too_small | {*small.rows})
                continue
            labels = judged.classes.labels
            _check_favoured(self._config.facets, judged.target, labels)
            self._hold_to_contract(judged)
            places = census.places()
            if census.is_placed:
                judged.question = replace(question, places=places)
                return judged
            question = replace(question, places=places, placed=True)
        raise ChunkError(f"the readings of the columns did not settle in {_MAX_PASSES} passes")

    def _check_labels_named(self, judged: _Judgement) -> None:
        labels = judged.census.labels_in_file.table()["cell"].to_list()
        self._unknown_labels = unknown_labels(labels, self._config, judged.target)
        # A file that comes later need not have every class, and the names were right for an earlier one.
        if self._unknown_labels and self._contract.held is None:
            raise RefusedError(*self._unknown_labels)

    def _set_aside(self, judged: _Judgement) -> SmallClasses | None:
        """The classes that are too small to split and whose rows can be done without.

        Raises:
            RefusedError: they are more rows than may be set aside.
        """
        labels = judged.census.labels
        small = small_classes(labels, self._config)
        if not small.can_be_set_aside() or alike(labels.table()["cell"]):
            return None
        rows, max_share = judged.rows(), self._config.max_rejected_share
        rejected = rows.rejected - judged.census.dropped_rows
        if rejected + small.total <= Fraction(str(max_share)) * rows.received:
            self._small = small
            return small
        if small.others + len(small.rows) > MAX_CLASSES:
            return None
        raise RefusedError(small.beyond(judged.target, rejected, rows.received, max_share))

    def _check_time(self, question: Question) -> None:
        if question.time is not None and question.readings[question.time].kind is Kind.TEXT:
            self._rejected.restart()  # no row is to blame
            what = "`by_time` names it, but its values are neither dates nor numbers"
            raise RefusedError(Finding(rule=Rule.SPLIT_COLUMN_KIND, column=question.names[question.time], what=what))

    def _has_room(self) -> bool:
        """Whether the disk holds what is kept of the rows for writing (up to twice the text), and the parts beside
        it."""
        return shutil.disk_usage(self._work).free > _ROOM * (self._text.size if self._text else 0)

    def _check_rows(self, judged: _Judgement) -> None:
        rows, max_share = judged.rows(), self._config.max_rejected_share
        rejected = rows.rejected - judged.census.dropped_rows  # what a person drops is no fault of the file
        if rejected > Fraction(str(max_share)) * rows.received:  # as it is written: 0.29 * 100 is less than 29
            what = (
                f"{rejected:,} of {rows.received:,} rows ({rejected / rows.received:.1%}) are rejected, "
                f"more than the {max_share:.1%} that `max_rejected_share` allows"
            )
            raise RefusedError(Finding(rule=Rule.TOO_MANY_REJECTED, what=what))
        if rows.accepted < MIN_ROWS:
            what = f"there are {rows.accepted} usable rows; {MIN_ROWS} are needed"
            raise RefusedError(Finding(rule=Rule.TOO_FEW_ROWS, what=what))

    def _hold_to_contract(self, judged: _Judgement) -> None:
        held = self._contract.held
        if held is None:
            return
        seen = see_for(held, judged.census, judged.profiles, judged.frame())
        breaches = hold(held, seen, self._config.contract.rules)
        self._contract_report = ContractReport(
            version=held.version, reordered=reordered(held, seen), breaches=tuple(breaches)
        )
        if errors := [breach for breach in breaches if breach.severity == "error"]:
            raise RefusedError(*(_breach_finding(breach) for breach in errors))

    def _fit(self, path: Path, judged: _Judgement) -> tuple[Recipe, list[Finding], list[int], dict[str, FoldedScores]]:
        """The recipe, warnings on columns, the identifiers whose rows share most, by position, and the scores of free
        texts by name.

        Raises:
            RefusedError: a random split would show a model what it is tested on, a column gives the target away, or no
                column is left.
        """
        told = self._config.leaks
        identified = judged.identified()
        _refuse(identified)
        recipe, leaks = self._learn(judged, judged.profiles, identified)
        leaks += [one.finding for one in identified if one.finding]
        scores: dict[str, FoldedScores] = {}
        if self._config.texts == "score":
            scores, otherwise = find_scores(path, judged.question, judged.census, judged.profiles, recipe)
            recipe = with_scores(recipe, scores, otherwise)
            leaks += telling_texts(scores, judged.target, told)
        if not recipe.features:
            raise RefusedError(nothing_left(recipe), *leaks)
        dropped = judged.dropped(recipe)
        _refuse(dropped)
        leaks += [one.finding for one in dropped if one.finding]
        leaks += leak_findings(judged.census, judged.question.places, judged.profiles, recipe, told)
        return recipe, leaks, most_shared([*identified, *dropped], MAX_SAMPLES), scores

    def _learn(
        self, judged: _Judgement, profiles: Sequence[Profile], identified: Sequence[Identified]
    ) -> tuple[Recipe, list[Finding]]:
        return fit(
            judged.census,
            profiles,
            target=Target(name=judged.target, task=self._config.task, classes=judged.classes.labels),
            missing=self._config.missing,
            drop=self._config.drop,
            key=self._config.key,
            group_by=self._config.split.group_by,
            leaks=self._config.leaks,
            keep=self._config.keep,
            identified={one.position: one.reason for one in identified if one.reason is not None},
        )

    def _write_folds(self, path: Path, judged: _Judgement, features: int) -> FoldsReport | None:
        times = times_cut(judged.census.good_rows, features) if self._wants_folds else 0
        if not times or self._config.split.by_time is not None:
            return None
        identified, census = judged.identified(), judged.census

        def learned(question: Question, profiles: Sequence[Profile]) -> tuple[Recipe, Folded]:
            recipe, _ = self._learn(judged, profiles, identified)
            scores: dict[str, FoldedScores] = {}
            if self._config.texts == "score":
                scores, otherwise = find_scores(path, question, census, profiles, recipe)
                recipe = with_scores(recipe, scores, otherwise)
            rates = find_rates(path, question, census, recipe)
            return with_rates(recipe, rates), {**rates, **scores}

        return write_folds(path, judged.question, judged.census, learned, times, self._out / layout.FOLDS)

    def _write(
        self,
        path: Path,
        judged: _Judgement,
        recipe: Recipe,
        rates: Folded,
        samples: Sequence[GroupSample],
    ) -> Written:
        """Writes the parts, the rows that are held out, the counts of the facets, the samples of rows by identifiers,
        the recipe and, if the file makes one, the contract."""
        makes = self._contract.makes
        frame = judged.frame()
        census, profiles = judged.census, judged.profiles
        by_time = self._config.split.by_time
        moving = {} if makes is None else moving_columns(census, profiles, recipe, by_time)
        edges = {} if makes is None else own_edges(census, profiles, frame, recipe, moving)
        written = write_parts(
            path,
            judged.question,
            judged.census,
            recipe,
            self._out,
            rates=rates,
            edges=edges,
            compare=self._work if self._may_repeat(recipe) else None,
            samples=samples,
        )
        self._group_samples = write_group_samples(samples, self._out)
        (self._out / layout.HELD_OUT).mkdir(exist_ok=True)
        judged.census.held_out.path.replace(self._out / layout.HELD_OUT_ROWS)
        if tallies := judged.census.facets:
            positive = recipe.target.classes[-1]
            counts = FacetCounts(facets=tuple(tally.counted(positive) for tally in tallies))
            (self._out / layout.FACETS).write_text(counts.model_dump_json(indent=2) + "\n", encoding="utf-8")
        recipe = with_ranges(recipe, written.ranges)
        (self._out / layout.RECIPE).write_text(recipe.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if makes is not None:
            seen = see_for_first(profiles, frame, recipe, edges, written.below, moving)
            made = make_contract(seen, version=makes, run_id=self._contract.run_id, missing=recipe.missing)
            (self._out / layout.CONTRACT).write_text(made.text(), encoding="utf-8")
            self._contract_report = ContractReport(version=makes, made=True)
        return written

    def _may_repeat(self, recipe: Recipe) -> bool:
        """Whether only what the recipe leaves out may tell a test row from a training row."""
        left_out = {column.name for column in recipe.columns if isinstance(column, DroppedColumn)}
        return not left_out <= {*self._config.ruled_out}

    def _refused(self, findings: Sequence[Finding]) -> TableReport:
        judged = self._judgement
        rows = judged.rows() if judged else self._list_malformed()
        problems = self._rejected.problems()
        said = [*findings, *(problem.finding() for problem in problems if problem.rule not in _SAID_OTHERWISE)]
        warnings = [*title_warnings(self._dialect)] if self._dialect else []
        return TableReport(
            name=self._name,
            verdict="rejected",
            reasons=_sentences(self._name, said),
            warnings=_sentences(self._name, warnings),
            rules=tuple(dict.fromkeys(finding.rule.value for finding in findings)),
            findings=(*_reported(said, "error"), *_reported(warnings, "warning")),
            rows=rows,
            dialect=self._dialect_report(),
            columns=_column_reports(judged.profiles, reasons=self._reasons(judged)) if judged else (),
            problems=problems,
            contract=self._contract_report,
        )

    def _reasons(self, judged: _Judgement) -> Mapping[str, str]:
        """Why columns of a refused file would have been left out."""
        config, features = self._config, [p for p in judged.profiles if p.name != judged.target]
        try:
            leaking = find_leaking(judged.census, features, judged.classes.labels, config.leaks)
            # Of a file that is refused before its split is known, by the first guess of it.
            identified = {one.position: one.reason for one in judged.identified() if one.reason is not None}
        except RefusedError:  # there are no classes that could be copied, or shared by rows
            leaking, identified = {}, {}
        return reasons_left_out(
            features,
            target=judged.target,
            leaking=leaking,
            drop=config.drop,
            key=config.key,
            group_by=config.split.group_by,
            keep=config.keep,
            identified=identified,
        )

    def _list_malformed(self) -> RowCounts:
        """Of a file that is refused before it is gone through: its malformed rows may well be the reason."""
        structure = Structure(layouts=None)
        if self._text is not None and self._dialect is not None and self._dialect.width <= MAX_COLUMNS:
            for chunk in chunks(self._text.path, self._dialect, structure):
                for row in chunk.malformed:
                    self._rejected.add_malformed(row, self._dialect)
                if structure.received > MAX_ROWS:
                    break
        received, malformed = structure.received, structure.malformed_rows
        return RowCounts(received=received, accepted=received - malformed, rejected=malformed)

    def _accepted(
        self, judged: _Judgement, recipe: Recipe, left_out: Sequence[Finding], written: Written
    ) -> TableReport:
        problems = self._rejected.problems()
        counts = judged.class_counts if recipe.target.classes else {}
        described = written.target.described(self._config.predictions.coverage) if written.target else None
        said = by_importance(self._warnings(judged, recipe, problems, left_out, written))
        return TableReport(
            name=self._name,
            verdict="accepted",
            warnings=_sentences(self._name, said),
            findings=_reported(said, "warning"),
            rows=judged.rows().model_copy(update=judged.part_rows),
            target=recipe.target.name,
            classes=recipe.target.classes,
            class_counts=counts,
            features=len(recipe.features),
            prior_log_loss=prior_log_loss(counts["train"], counts["test"]) if counts else None,
            task=recipe.target.task,
            target_numbers=described,
            dialect=self._dialect_report(),
            columns=_column_reports(judged.profiles, recipe),
            problems=problems,
            split=_split_report(judged.question),
            contract=self._contract_report,
            group_sample=self._group_samples[0] if self._group_samples else None,
            more_group_samples=self._group_samples[1:],
            folds=self._folds,
        )

    def _dialect_report(self) -> DialectReport | None:
        if self._text is None or self._dialect is None:
            return None
        return DialectReport(
            encoding=self._text.encoding,
            compression=self._text.compression,
            delimiter=self._dialect.delimiter_name,
            header_line=self._dialect.header.line,
        )

    def _warnings(
        self,
        judged: _Judgement,
        recipe: Recipe,
        problems: Sequence[Problem],
        left_out: Sequence[Finding],
        written: Written,
    ) -> Iterator[Finding]:
        yield from self._text.warnings if self._text else ()
        yield from (problem.finding() for problem in problems if problem.rule not in _SAID_OTHERWISE)
        for problem in problems:
            if problem.rule is Rule.CLASS_SET_ASIDE and self._small is not None:
                yield self._small.warning(judged.target, problem.first_line)
        yield from self._unknown_labels
        yield from left_out
        yield from self._key_warnings(judged.question.names)
        for tally in judged.census.facets:
            yield from tally.warnings()
        yield from self._contract_warnings()
        scored = {column.name for column in recipe.columns if isinstance(column, TextScoreColumn)}
        used = {feature.source for feature in recipe.features} - scored  # a text is no category, nor a number
        yield from column_warnings([p for p in judged.profiles if p.name in used])
        not_read = {recipe.target.name, *self._config.ruled_out}
        yield from text_warnings([p for p in judged.profiles if p.name not in not_read])
        structure = judged.census.structure
        if self._dialect:
            yield from around_warnings(self._dialect, structure)
        if lines := structure.blank_lines:
            what = "1 blank line was skipped" if lines == 1 else f"{lines:,} blank lines were skipped, the first here"
            yield Finding(rule=Rule.BLANK_LINES, line=structure.first_blank_line, what=what)
        if structure.doubtful_rows:
            first, last = structure.doubtful_lines
            span = f"lines {first}-{last} were read as one row, because a quoted cell spans them"
            what = f"{span}, but look like separate rows"
            yield Finding(rule=Rule.MULTI_LINE_CELL, line=first, rows=structure.doubtful_rows, what=what)
        if repeated := judged.census.repeated_rows:
            ruled_out = {"`drop` columns": self._config.drop, "the `key`": self._config.key}
            uncounted = [words for words, named in ruled_out.items() if named]
            apart = f", not counting {' and '.join(uncounted)}" if uncounted else ""
            yield Finding(rule=Rule.DUPLICATE_ROWS, what=f"{repeated:,} rows repeat another row exactly{apart}")
        if few := judged.small_test_part():
            yield few
        if written.target is not None:
            described = written.target.described(self._config.predictions.coverage)
            yield from JudgedNumbers(judged.target, written.target.numbers(), described).warnings()
        tested = judged.part_rows["test"]
        if written.repeated and written.repeated > _REPEATED_SHARE * tested:
            what = (
                f"{written.repeated:,} of {tested:,} test rows equal a training row in the label and every column that "
                "is used, so the measured quality may flatter the model"
            )
            yield Finding(rule=Rule.REPEATED_IN_TEST, what=what)

    def _key_warnings(self, names: Sequence[str]) -> Iterator[Finding]:
        key = self._config.key
        if key is not None and key not in names:
            near = nearest(key, names)
            hint = "" if near is None else f" (did you mean `{shown(near)}`?)"
            what = f"`key` names `{shown(key)}`, which the file does not have{hint}; predictions are kept by it"
            yield Finding(rule=Rule.KEY_ABSENT, what=what)

    def _contract_warnings(self) -> Iterator[Finding]:
        report = self._contract_report
        if report is None:
            return
        yield from (_breach_finding(breach) for breach in report.breaches)
        if report.made and self._config.contract.mode == "reset":
            yield Finding(rule=Rule.CONTRACT_RESET, what=f"it made contract version {report.version} of the dataset")


def _refuse(identified: Iterable[Identified]) -> None:
    """
    Raises:
        RefusedError: the file cannot be taken with one of these columns.
    """
    if refused := [one.finding for one in identified if one.refuses and one.finding]:
        raise RefusedError(*refused)


def _check_header_text(header: Header) -> None:
    if len(header.cells) > MAX_COLUMNS:
        what = f"it has {len(header.cells):,} columns; the maximum is {MAX_COLUMNS:,}"
        raise RefusedError(Finding(rule=Rule.TOO_MANY_COLUMNS, line=header.line, what=what))
    for i, cell in enumerate(header.cells, start=1):
        if len(cell) > MAX_NAME_BYTES:
            what = (
                f"the name of column {i}, `{shown(cell)}`, has {len(cell):,} characters; "
                f"the maximum is {MAX_NAME_BYTES}"
            )
            raise RefusedError(Finding(rule=Rule.HEADER_TOO_LONG, line=header.line, what=what))
    if all(re.fullmatch(NUMBER, cell) for cell in header.cells):
        what = f"the first row holds numbers ({shown(', '.join(header.cells))}), not column names"
        raise RefusedError(Finding(rule=Rule.HEADER_MISSING, line=header.line, what=what))


def _check_header(header: Header, cells: pl.DataFrame) -> None:
    """A few columns without a name may be an index or empty; if most are, the row is no header."""
    blank = [i for i, cell in enumerate(header.cells) if not cell]
    findings = []
    if 2 * len(blank) > len(header.cells) and any((cells[f"c{i}"] != "").any() for i in blank):
        what = f"{len(blank)} of {len(header.cells)} columns have no name"
        findings.append(Finding(rule=Rule.HEADER_BLANK, line=header.line, what=what))
    for name, times in Counter(cell for cell in header.cells if cell).items():
        if times > 1:
            places = " and ".join(str(i) for i, cell in enumerate(header.cells, start=1) if cell == name)
            what = f"the header names it more than once, in columns {places}"
            findings.append(Finding(rule=Rule.HEADER_DUPLICATE, line=header.line, column=name, what=what))
    if findings:
        raise RefusedError(*findings)


def _check_first_row(first: Chunk, readings: Sequence[Reading], missing: Sequence[str]) -> None:
    """Refuses a file that should have no header if no cell of its first row fits the numbers below it."""
    if not first.cells.height:
        return
    cells = first.cells.row(0)
    numbers = [(cell, reading) for cell, reading in zip(cells, readings, strict=True) if reading.kind is Kind.NUMBER]
    if numbers and not any(
        is_number_like(cell, reading.notation, reading.form) or cell in {"", *missing} for cell, reading in numbers
    ):
        what = f"`header: false` is set, but the first row ({shown(', '.join(cells))}) looks like column names"
        raise RefusedError(Finding(rule=Rule.HEADER_UNEXPECTED, line=next(first.places([0]))[0], what=what))


def _check_names(names: Sequence[str], config: DatasetConfig, target: int) -> None:
    if unknown := [name for name in config.drop if name not in names]:
        what = f"`drop` names {listed(unknown)}, which the file does not have; the columns are {listed(list(names))}"
        raise RefusedError(Finding(rule=Rule.DROP_UNKNOWN, what=what))
    if unknown := [name for name in config.leaks.allow if name not in names]:
        what = f"`allow` names {listed(unknown)}, which the file does not have; the columns are {listed(list(names))}"
        raise RefusedError(Finding(rule=Rule.LEAKS_UNKNOWN, what=what))
    for key, name in (("group_by", config.split.group_by), ("by_time", config.split.by_time)):
        if name is not None and name not in names:
            what = f"`{key}` names `{shown(name)}`, which the file does not have; the columns are {listed(list(names))}"
            raise RefusedError(Finding(rule=Rule.SPLIT_COLUMN_UNKNOWN, what=what))
        if name == names[target]:
            what = f"`{key}` names the target, `{shown(name)}`"
            raise RefusedError(Finding(rule=Rule.SPLIT_COLUMN_UNKNOWN, what=what))
    merged = config.merge_spellings if isinstance(config.merge_spellings, tuple) else ()
    if unknown := [name for name in merged if name not in names]:
        known = f"the columns are {listed(list(names))}"
        what = f"`merge_spellings` names {listed(unknown)}, which the file does not have; {known}"
        raise RefusedError(Finding(rule=Rule.MERGE_UNKNOWN, what=what))
    if unknown := [name for name in config.keep if name not in names]:
        what = f"`keep` names {listed(unknown)}, which the file does not have; the columns are {listed(list(names))}"
        raise RefusedError(Finding(rule=Rule.KEEP_UNKNOWN, what=what))
    if unknown := [name for name in config.slices if name not in names]:
        what = f"`slices` names {listed(unknown)}, which the file does not have; the columns are {listed(list(names))}"
        raise RefusedError(Finding(rule=Rule.SLICE_UNKNOWN, what=what))
    for facet in config.facets:
        _check_facet(names, facet, names[target])
    if config.key == names[target]:
        raise RefusedError(Finding(rule=Rule.KEY_IS_TARGET, column=config.key, what="the target is the `key`"))
    if {*names} - {names[target]} <= {*config.ruled_out}:
        named = "`drop` names" if config.key is None else "`drop` and `key` name"
        what = f"{named} every column but the target, so none is left to predict from"
        raise RefusedError(Finding(rule=Rule.NO_FEATURES, what=what))


def _check_facet(names: Sequence[str], facet: Facet, target: str) -> None:
    for key, name in (("column", facet.column), ("condition_on", facet.condition_on)):
        if name is not None and name not in names:
            what = (
                f"`{key}` of `facets` names `{shown(name)}`, which the file does not have; "
                f"the columns are {listed(list(names))}"
            )
            raise RefusedError(Finding(rule=Rule.FACET_UNKNOWN, what=what))
        if name == target:
            what = f"`{key}` of `facets` names the target, `{shown(name)}`"
            raise RefusedError(Finding(rule=Rule.FACET_UNKNOWN, what=what))


def _check_favoured(facets: Iterable[Facet], target: str, labels: Sequence[str]) -> None:
    for facet in facets:
        named = f"the facet `{shown(facet.column)}`"
        if facet.favoured_label is None:
            if len(labels) > 2:
                what = f"{named} has no `favoured_label`, which must be one of {listed(list(labels))}"
                raise RefusedError(Finding(rule=Rule.FACET_LABEL, column=target, what=what))
        elif facet.favoured_label.strip(WHITESPACE) not in labels:
            label = shown(facet.favoured_label)
            what = f"{named} has `favoured_label: {label}`, which is not a label; the labels are {listed(list(labels))}"
            raise RefusedError(Finding(rule=Rule.FACET_LABEL, column=target, what=what))


def _breach_finding(breach: Breach) -> Finding:
    return Finding(rule=Rule(f"contract_{breach.rule}"), column=breach.column, what=breach.what)


def _column_reports(
    profiles: Sequence[Profile], recipe: Recipe | None = None, reasons: Mapping[str, str] | None = None
) -> tuple[ColumnReport, ...]:
    """Args: reasons: why columns are left out, if no recipe says it."""
    columns = {column.name: column for column in recipe.columns} if recipe else {}
    reports = []
    for p in profiles:
        column = columns.get(p.name)
        use = None if recipe is None else column.kind if column else "target"
        reason = column.reason if isinstance(column, DroppedColumn) else (reasons or {}).get(p.name)
        reports.append(ColumnReport(name=p.name, kind=p.kind, missing=p.missing, use=use, reason=reason))
    return tuple(reports)


def _split_report(question: Question) -> SplitReport:
    split = question.config.split
    if split.by_time is not None:
        return SplitReport(method="by_time", column=split.by_time, seed=split.seed)
    columns = tuple(question.names[int(name[1:])] for name in question.placed_by)
    hashed = HashedSplit(seed=split.seed, columns=columns, cuts=question.places.reported())
    method: Literal["stratified", "random", "group_by"] = "stratified" if question.has_classes else "random"
    method = "group_by" if split.group_by is not None else method
    return SplitReport(method=method, column=split.group_by, seed=split.seed, hashed=hashed)
