"""From an uploaded file to three training files and a recipe, or to the reasons why not."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from sluice.config import DatasetConfig
from sluice.contract import Breach, Plan, SeenTable, make_contract
from sluice.drift import hold, reordered
from sluice.messages import RowCounts
from sluice.recipe import NUMBER, DroppedColumn, Recipe, Target
from tabular.columns import Profile, column_warnings, header_looks_like_data, mark_misfits, profile, text_warnings
from tabular.dialect import Dialect, Header, check_encoding, detect
from tabular.findings import LONGEST_NAME, Finding, RefusedError, Rule, listed, shown
from tabular.fit import fit
from tabular.profiling import see_for, see_for_first
from tabular.report import (
    ColumnReport,
    ContractReport,
    DialectReport,
    Problem,
    RejectedRows,
    TableReport,
    write_rejected_rows,
    write_report,
)
from tabular.split import check_training, class_counts, find_cuts, hash_expression, make_parts, repeated_in_test
from tabular.survey import Survey, survey, write_regular
from tabular.table import Table, TableError
from tabular.target import find_classes, prior_log_loss, resolve_target
from tabular.transform import write_parts

MINIMUM_ROWS: Final = 50
MAXIMUM_COLUMNS: Final = 5000
_MOST_REASONS: Final = 20
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
    memory_limit: str = "1GB",
    threads: int = 2,
) -> TableReport:
    """Checks a CSV file and, where it is accepted, makes training data from it.

    Writes ``validation.json`` and ``rejected_rows.csv`` into ``out`` always; ``recipe.json``, ``train/train.csv``,
    ``validation/validation.csv`` and ``test/test.csv`` where the file is accepted, and ``contract.json`` where it then
    makes one.

    Args:
        path: the file; it is only read.
        name: how to call it in messages.
        config: of its dataset.
        default_target: the target where the configuration names none.
        out: a folder with room for about three times the file; made if absent.
        contract: what to do with the dataset's contract; by default nothing.
        memory_limit: of the engine; beyond it, it spills to ``out``.
        threads: of the engine.

    Raises:
        TableError: the engine and the survey of the file disagree on it, which is a fault of this program.
        OSError, duckdb.Error: a file cannot be read or written, or memory or disk ran out.
    """
    out.mkdir(parents=True, exist_ok=True)
    with closing(RejectedRows(out / "rejected_rows.csv")) as rejected:
        report = _report(path, name, config, default_target, out, rejected, contract or Plan(), memory_limit, threads)
    write_report(report, out)
    return report


def _report(
    path: Path,
    name: str,
    config: DatasetConfig,
    default_target: str | None,
    out: Path,
    rejected: RejectedRows,
    contract: Plan,
    memory_limit: str,
    threads: int,
) -> TableReport:
    try:
        check_encoding(path)
        dialect = detect(path)
        _check_header_text(dialect.header)
        found = survey(path, dialect)
    except RefusedError as refused:
        return TableReport(
            name=name,
            verdict="rejected",
            reasons=_sentences(name, refused.findings),
            rules=_rules(refused.findings),
            contract=_unused(contract),
        )
    with (
        tempfile.TemporaryDirectory(prefix=".engine-", dir=out) as work,
        closing(Table(Path(work), memory_limit=memory_limit, threads=threads)) as table,
    ):
        _load(path, dialect, found, table, config, Path(work))
        return _Validation(path, name, config, dialect, found, table, rejected, contract).run(default_target, out)


def _check_header_text(header: Header) -> None:
    if len(header.cells) > MAXIMUM_COLUMNS:
        what = f"it has {len(header.cells):,} columns; {MAXIMUM_COLUMNS:,} are the most"
        raise RefusedError(Finding(rule=Rule.TOO_MANY_COLUMNS, line=header.line, what=what))
    for i, cell in enumerate(header.cells, start=1):
        if len(cell) > LONGEST_NAME:
            what = f"the name of column {i}, `{shown(cell)}`, has {len(cell):,} characters; {LONGEST_NAME} are the most"
            raise RefusedError(Finding(rule=Rule.HEADER_TOO_LONG, line=header.line, what=what))
    if all(re.fullmatch(NUMBER, cell) for cell in header.cells):
        what = f"the first row holds numbers ({shown(', '.join(header.cells))}), not column names"
        raise RefusedError(Finding(rule=Rule.HEADER_MISSING, line=header.line, what=what))


def _load(path: Path, dialect: Dialect, found: Survey, table: Table, config: DatasetConfig, work: Path) -> None:
    """Brings the well-formed records into the table: from the file itself where DuckDB cannot misread it."""
    source = path
    if not found.regular:
        source = work / "regular.csv"
        write_regular(path, dialect, source)
    by_name = sorted(range(dialect.width), key=lambda i: dialect.header.cells[i])
    # What is dropped must not tell rows apart: the same case would stand in training and test data.
    used = [i for i in by_name if dialect.header.cells[i] not in config.drop] or by_name
    u = hash_expression([f"t{i}" for i in used], config.split.seed)
    loaded = table.load(source, dialect, sequential=found.multi_line, missing=config.missing, u=u)
    if loaded != found.well_formed_rows:
        raise TableError(f"DuckDB read {loaded} rows of {path.name}; the survey counted {found.well_formed_rows}")


def _sentences(name: str, findings: Iterable[Finding]) -> tuple[str, ...]:
    sentences = [finding.sentence(name) for finding in findings]
    if len(sentences) <= _MOST_REASONS:
        return tuple(sentences)
    rest = len(sentences) - _MOST_REASONS
    return (*sentences[:_MOST_REASONS], f"{name}: {rest} more kinds of problem; see validation.json.")


def _rules(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.rule.value for finding in findings))


def _unused(contract: Plan) -> ContractReport | None:
    """Of a file that was refused before it could be held against its contract."""
    return ContractReport(version=contract.held.version) if contract.held else None


def _breach_finding(breach: Breach) -> Finding:
    return Finding(rule=Rule(f"contract_{breach.rule}"), column=breach.column, what=breach.what)


def _dialect_report(dialect: Dialect) -> DialectReport:
    return DialectReport(delimiter=dialect.delimiter_name, header_line=dialect.header.line)


class _Validation:
    """The judgement of one table that has been read. ``run`` goes through it from the header to the parts."""

    def __init__(
        self,
        path: Path,
        name: str,
        config: DatasetConfig,
        dialect: Dialect,
        found: Survey,
        table: Table,
        rejected: RejectedRows,
        contract: Plan,
    ) -> None:
        self._path = path
        self._name = name
        self._config = config
        self._dialect = dialect
        self._found = found
        self._table = table
        self._rejected = rejected
        self._contract = contract
        self._contract_report = _unused(contract)
        self._profiles: list[Profile] = []
        self._bad_rows = 0

    def run(self, default_target: str | None, out: Path) -> TableReport:
        try:
            return self._accept(default_target, out)
        except RefusedError as refused:
            return self._refused(refused.findings)

    def _accept(self, default_target: str | None, out: Path) -> TableReport:
        names, config, table = self._dialect.header.cells, self._config, self._table
        self._profiles = profile(table, names, self._dialect.delimiter)
        self._check_header()
        target = resolve_target(names, config.target, default_target, config.drop)
        self._check_drop(target)
        self._set_rows_aside(target)
        self._check_row_counts()
        classes = find_classes(table, target, names[target], config.positive)
        frame = SeenTable(self._rows().accepted, names[target], classes.rows, (), names, config.drop)
        self._hold_to_contract(frame)
        make_parts(table, target, find_cuts(table, target, classes.labels, config.split))
        counts = class_counts(table, classes.labels)
        check_training(counts)
        recipe, leaks = fit(
            table,
            self._profiles,
            target=Target(name=names[target], classes=classes.labels),
            missing=config.missing,
            drop=config.drop,
            unread_rows=self._found.malformed_rows,
        )
        if not recipe.features:
            raise RefusedError(Finding(rule=Rule.NO_FEATURES, what="no column is left to predict from"), *leaks)
        write_parts(table, recipe, {name: i for i, name in enumerate(names)}, out)
        (out / "recipe.json").write_text(recipe.model_dump_json(indent=2) + "\n", encoding="utf-8")
        self._make_contract(frame, recipe, out)
        return self._accepted(recipe, counts, leaks)

    def _check_header(self) -> None:
        header = self._dialect.header
        if header_looks_like_data(self._table, self._profiles, self._config.missing):
            what = f"the first row ({shown(', '.join(header.cells))}) looks like data, not column names"
            raise RefusedError(Finding(rule=Rule.HEADER_MISSING, line=header.line, what=what))
        findings = [
            Finding(rule=Rule.HEADER_BLANK, line=header.line, what=f"column {i} has no name")
            for i, cell in enumerate(header.cells, start=1)
            if not cell
        ]
        for name, times in Counter(cell for cell in header.cells if cell).items():
            if times > 1:
                places = " and ".join(str(i) for i, cell in enumerate(header.cells, start=1) if cell == name)
                what = f"the header names it more than once, in columns {places}"
                findings.append(Finding(rule=Rule.HEADER_DUPLICATE, line=header.line, column=name, what=what))
        if findings:
            raise RefusedError(*findings)

    def _check_drop(self, target: int) -> None:
        names = list(self._dialect.header.cells)
        if unknown := [name for name in self._config.drop if name not in names]:
            what = f"`drop` names {listed(unknown)}, which the file does not have; the columns are {listed(names)}"
            raise RefusedError(Finding(rule=Rule.DROP_UNKNOWN, what=what))
        if {*names} - {names[target]} <= {*self._config.drop}:
            what = "`drop` names every column but the target, so none is left to predict from"
            raise RefusedError(Finding(rule=Rule.NO_FEATURES, what=what))

    def _set_rows_aside(self, target: int) -> None:
        used = [p for p in self._profiles if p.position != target and p.name not in self._config.drop]
        mark_misfits(self._table, used)
        self._table.mark_bad(target, Rule.TARGET_MISSING, f"c{target} IS NULL")
        self._bad_rows = self._table.set_aside_bad()

    def _check_row_counts(self) -> None:
        rows, most = self._rows(), self._config.max_rejected_share
        if rows.rejected > most * rows.received:
            what = (
                f"{rows.rejected:,} of {rows.received:,} rows ({rows.rejected / rows.received:.1%}) cannot be used, "
                f"more than the {most:.1%} that `max_rejected_share` allows"
            )
            raise RefusedError(Finding(rule=Rule.TOO_MANY_REJECTED, what=what))
        if rows.accepted < MINIMUM_ROWS:
            what = f"there are {rows.accepted} usable rows; {MINIMUM_ROWS} are needed"
            raise RefusedError(Finding(rule=Rule.TOO_FEW_ROWS, what=what))

    def _hold_to_contract(self, frame: SeenTable) -> None:
        held = self._contract.held
        if held is None:
            return
        seen = see_for(held, self._table, self._profiles, frame)
        breaches = hold(held, seen, self._config.contract.rules)
        self._contract_report = ContractReport(
            version=held.version, reordered=reordered(held, seen), breaches=tuple(breaches)
        )
        if errors := [breach for breach in breaches if breach.severity == "error"]:
            raise RefusedError(*(_breach_finding(breach) for breach in errors))

    def _make_contract(self, frame: SeenTable, recipe: Recipe, out: Path) -> None:
        version = self._contract.makes
        if version is None:
            return
        seen = see_for_first(self._table, self._profiles, frame, recipe)
        made = make_contract(seen, version=version, run_id=self._contract.run_id, missing=recipe.missing)
        (out / "contract.json").write_text(made.text(), encoding="utf-8")
        self._contract_report = ContractReport(version=version, made=True)

    def _problems(self) -> tuple[Problem, ...]:
        """Writes rejected_rows.csv, and sums it up."""
        if self._found.malformed_rows or self._bad_rows:
            write_rejected_rows(self._path, self._dialect, self._table, self._rejected)
        return self._rejected.problems()

    def _rows(self) -> RowCounts:
        rejected = self._found.malformed_rows + self._bad_rows
        return RowCounts(received=self._found.received, accepted=self._found.received - rejected, rejected=rejected)

    def _refused(self, findings: Sequence[Finding]) -> TableReport:
        problems = self._problems()
        return TableReport(
            name=self._name,
            verdict="rejected",
            reasons=_sentences(self._name, [*findings, *(problem.finding() for problem in problems)]),
            rules=_rules(findings),
            rows=self._rows(),
            dialect=_dialect_report(self._dialect),
            columns=tuple(ColumnReport(name=p.name, kind=p.kind, missing=p.missing) for p in self._profiles),
            problems=problems,
            contract=self._contract_report,
        )

    def _accepted(self, recipe: Recipe, counts: dict[str, dict[str, int]], leaks: Sequence[Finding]) -> TableReport:
        problems = self._problems()
        parts = {part: sum(rows.values()) for part, rows in counts.items()}
        return TableReport(
            name=self._name,
            verdict="accepted",
            warnings=_sentences(self._name, self._warnings(recipe, problems, leaks, parts["test"])),
            rows=self._rows().model_copy(update=parts),
            target=recipe.target.name,
            classes=recipe.target.classes,
            class_counts=counts,
            features=len(recipe.features),
            prior_log_loss=prior_log_loss(counts["train"], counts["test"]),
            dialect=_dialect_report(self._dialect),
            columns=self._column_reports(recipe),
            problems=problems,
            contract=self._contract_report,
        )

    def _warnings(
        self, recipe: Recipe, problems: Sequence[Problem], leaks: Sequence[Finding], tested: int
    ) -> Iterable[Finding]:
        yield from (problem.finding() for problem in problems)
        yield from leaks
        yield from self._contract_warnings()
        used = {feature.source for feature in recipe.features}
        yield from column_warnings([p for p in self._profiles if p.name in used])
        yield from self._text_warnings(recipe.target.name)
        if self._found.blank_lines:
            lines = self._found.blank_lines
            what = "1 blank line was skipped" if lines == 1 else f"{lines:,} blank lines were skipped, the first here"
            yield Finding(rule=Rule.BLANK_LINES, line=self._found.first_blank_line, what=what)
        if self._found.doubtful_rows:
            first, last = self._found.doubtful_lines
            what = f"lines {first}-{last} were read as one row, since a quoted cell goes over them, but look like rows"
            yield Finding(rule=Rule.MULTI_LINE_CELL, line=first, rows=self._found.doubtful_rows, what=what)
        repeated = int(self._table.row("SELECT count(*) - count(DISTINCT u) FROM good")[0])
        if repeated:
            apart = ", `drop` columns apart" if self._config.drop else ""
            yield Finding(rule=Rule.DUPLICATE_ROWS, what=f"{repeated:,} rows repeat another row exactly{apart}")
        yield from self._repeated_in_test(recipe, tested)

    def _text_warnings(self, target: str) -> Iterable[Finding]:
        names = self._dialect.header.cells
        return text_warnings(
            self._table, [p for p in self._profiles if p.name != target and p.name not in self._config.drop], names
        )

    def _repeated_in_test(self, recipe: Recipe, tested: int) -> Iterable[Finding]:
        """Rows that only an identifier tells apart may stand on both sides of the split."""
        left_out = {column.name for column in recipe.columns if isinstance(column, DroppedColumn)}
        used = [p.position for p in self._profiles if p.name not in left_out and p.name != recipe.target.name]
        if left_out <= set(self._config.drop):
            return
        rows = repeated_in_test(self._table, used)
        if rows > _REPEATED_SHARE * tested:
            what = (
                f"{rows:,} of {tested:,} test rows equal a training row in the label and every column that is used, so "
                "the measured quality may flatter the model"
            )
            yield Finding(rule=Rule.REPEATED_IN_TEST, what=what)

    def _contract_warnings(self) -> Iterable[Finding]:
        report = self._contract_report
        if report is None:
            return
        yield from (_breach_finding(breach) for breach in report.breaches)
        if report.made and self._config.contract.mode == "reset":
            yield Finding(rule=Rule.CONTRACT_RESET, what=f"it made contract version {report.version} of the dataset")

    def _column_reports(self, recipe: Recipe) -> tuple[ColumnReport, ...]:
        columns = {column.name: column for column in recipe.columns}
        reports = []
        for p in self._profiles:
            column = columns.get(p.name)
            reports.append(
                ColumnReport(
                    name=p.name,
                    kind=p.kind,
                    missing=p.missing,
                    use=column.kind if column else "target",
                    reason=column.reason if isinstance(column, DroppedColumn) else None,
                )
            )
        return tuple(reports)
