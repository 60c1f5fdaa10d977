"""What the words of a free text say of the target: one number, or one for each class.

Each term of a text (``sluice.dataset.texts``) has as its weight what the rows that have it add to the log odds of a
class, and a text is the sum of its terms' weights: naive Bayes. The sum is divided by the square root of the number of
terms, because it is as overconfident as a text is long. For a target of numbers the weight is by how much the rows with
the term differ from the mean.

As with the rates of a level (``tabular.target_rates``), a row that a model learns from must not say its own label: its
weights are learned from the other training rows, a fold at a time, and those of validation, of test and of every
prediction from all of them. Terms of few rows are left out: they say little, and what one person wrote should not stand
in a recipe.

The weights are learned from a sample of the training rows, so that time and memory are bounded for any file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Final

import polars as pl

from sluice.dataset.config import Leaks
from sluice.dataset.recipe import DroppedColumn, Recipe, TextScoreColumn
from sluice.dataset.texts import MAX_TEXT_CHARACTERS, terms_of
from sluice.wording import in_yaml
from tabular.census import Census
from tabular.chunks import worked
from tabular.columns import Profile
from tabular.findings import Finding, Rule, shown
from tabular.free_text import is_free_text
from tabular.intervals import wilson
from tabular.leaks import MAX_DOUBTFUL_SHARE, MAX_DOUBTFUL_UPPER
from tabular.question import Question
from tabular.target_rates import FOLDS, MAX_TOLD_CLASSES, fold_of_row

MIN_ROWS: Final = 5
"""Of the training rows, that have a term; otherwise it has no weight."""

MAX_TERMS: Final = 2_000
"""Of a column that have weights: those whose rows differ most beyond chance."""

MAX_WEIGHTS_IN_ALL: Final = 40_000
"""Of the whole table: the columns share them, as every weight is written into the recipe."""

SMOOTHING: Final = 2.0
"""Rows of the mean that a term gets beside its own."""

MIN_SIGNIFICANCE: Final = 3.0
"""Standard deviations by which the scores must go with the target beyond chance; otherwise they would be noise."""

MAX_SAMPLED_ROWS: Final = 100_000
MAX_SAMPLED_CHARACTERS: Final = 8_000_000
"""Of all texts together."""

MAX_CHARACTERS_IN_ALL: Final = 1_000_000_000
"""Of the file, which takes some minutes; nothing is scored if there are more."""

_MAX_COUNTED: Final = 1_000_000
"""Terms by fold that are counted at a time; beyond it those that are seen once are forgotten."""

_MAX_WAITING: Final = 200_000
"""Counts that are not yet added to those before; adding them takes as long as all together are many."""

_ROWS_AT_ONCE: Final = 2_000
_KNOWN_ROWS: Final = 10_000
_KNOWN_SHARE: Final = 0.99
"""Of the texts that have a listed word, from which on one without is a stranger."""

_THOUSANDTHS: Final = 1_000
_MAX_DEVIATION: Final = 0.01
"""Share of a target's numbers at either end that are taken for the number there: a few would make all weights."""

_RESOLUTION: Final = 1 << 20
_ALL: Final = FOLDS
"""Stands for no fold: the weights of all training rows."""

_Z: Final = 1.645


@dataclass(frozen=True)
class FoldedScores:
    """The scores of one column as the files have them: ``columns`` are what the recipe has of it by fold that is left
    out, and last with the weights of all training rows."""

    columns: Sequence[TextScoreColumn]
    telling: str | None = None
    """The term that nearly decides the target, and how, in words; None if none does."""

    @property
    def column(self) -> TextScoreColumn:
        return self.columns[_ALL]

    @property
    def missing(self) -> str:
        """The scores of a row without a text."""
        return "," * (self.column.width - 1)

    def expression(self, position: int, tokens: Sequence[str], part: pl.Expr) -> pl.Expr:
        """The scores of a row over a frame (see ``Question.frame``), with commas between them.

        Args:
            position: of the column in the file.
            tokens: cells that mean: no value.
            part: number of the row's part.
        """
        text = pl.col(f"c{position}")
        fold = pl.when(part == 0).then(fold_of_row()).otherwise(_ALL)
        rows = pl.struct(pl.when(~text.is_in(list(tokens))).then(text).alias("text"), fold.alias("fold"))
        return rows.map_batches(self._written, return_dtype=pl.String)

    def _written(self, rows: pl.Series) -> pl.Series:
        texts, folds = (rows.struct.field(name).to_list() for name in ("text", "fold"))
        written = [
            self.missing if text is None else ",".join(map(str, self.columns[fold].numbers(text)))
            for text, fold in zip(texts, folds, strict=True)
        ]
        return pl.Series(written, dtype=pl.String)


def find_scores(
    path: Path, question: Question, census: Census, profiles: Sequence[Profile], recipe: Recipe
) -> tuple[dict[str, FoldedScores], str]:
    """The scores of the free texts by name, of those whose words say something of the target, and why the others have
    none.

    Args:
        path: text in UTF-8.
        question: as the census was taken.
        census: of the file.
        profiles: of every column.
        recipe: that leaves the free texts out.
    """
    names = {column.name for column in recipe.columns if is_free_text(column)}
    texts = [p for p in profiles if p.name in names]
    classes = len(recipe.target.classes)
    told = [1] if classes == 2 else list(range(classes))
    if len(told) > MAX_TOLD_CLASSES:
        return {}, f"its words are scored for {MAX_TOLD_CLASSES} classes at most"
    if sum(_length(p) * p.filled for p in texts) > MAX_CHARACTERS_IN_ALL:
        return {}, f"its words are scored in files of {MAX_CHARACTERS_IN_ALL:,} characters of free text at most"
    otherwise = "its words do not tell the target beyond chance"
    if not texts:
        return {}, otherwise
    rows = _sampled(path, question, census, texts, recipe.target.classes)
    values = _values(rows, told)
    if not values:
        return {}, otherwise
    max_terms = min(MAX_TERMS, MAX_WEIGHTS_IN_ALL // (len(values) * len(texts)))
    labels = [recipe.target.classes[number] for number in told]
    found = {p.name: _folded(p.name, _of(rows, p.position, values), max_terms, labels) for p in texts}
    return {name: scores for name, scores in found.items() if scores is not None}, otherwise


def with_scores(recipe: Recipe, scores: Mapping[str, FoldedScores], otherwise: str) -> Recipe:
    """The recipe with the scores of its free texts; of those that have none it says why.

    Args:
        recipe: that leaves the free texts out.
        scores: by name.
        otherwise: why the others have none.
    """

    def with_score(column: DroppedColumn) -> TextScoreColumn | DroppedColumn:
        if column.name in scores:
            return scores[column.name].column
        return column.model_copy(update={"reason": f"{column.reason}; {otherwise}"})

    columns = tuple(
        with_score(column) if isinstance(column, DroppedColumn) and is_free_text(column) else column
        for column in recipe.columns
    )
    return recipe.model_copy(update={"columns": columns})


def telling_texts(scores: Mapping[str, FoldedScores], target: str, leaks: Leaks) -> list[Finding]:
    """Warnings about texts one term of which nearly decides the target.

    Args:
        scores: of the free texts by name.
        target: its name.
        leaks: which columns may decide the target.
    """
    found = []
    for name, folded in scores.items():
        if folded.telling is not None and not leaks.allows(name):
            what = (
                f"one of its words nearly decides the target `{shown(target)}`: {folded.telling}. "
                f"`drop: [{in_yaml(name)}]` leaves it out, `leaks: {{allow: [{in_yaml(name)}]}}` keeps it"
            )
            found.append(Finding(rule=Rule.LEAKAGE, column=name, what=what))
    return found


def _sampled(
    path: Path, question: Question, census: Census, texts: Sequence[Profile], classes: Sequence[str]
) -> pl.DataFrame:
    """Training rows: ``fold``, ``y`` (the number of the class, or the target's number), and c7 for the text of column
    7, null if it is missing. Which rows does not hang on the order of the file."""
    train = sum(rows[0] for rows in census.parts.values())
    most = min(MAX_SAMPLED_ROWS, MAX_SAMPLED_CHARACTERS / sum(map(_length, texts)))
    below = int(_RESOLUTION * min(1.0, most / max(train, 1)))
    is_sampled = (question.places.part() == 0) & (pl.col("u") // FOLDS % _RESOLUTION < below)
    y = pl.col(f"x{question.target}").cast(pl.Float64)
    if question.has_classes:
        y = pl.col("label").replace_strict(list(classes), list(range(len(classes))), return_dtype=pl.Int64)
    cells = [
        pl.when(~question.is_missing(p.position)).then(pl.col(f"c{p.position}").str.head(MAX_TEXT_CHARACTERS))
        for p in texts
    ]
    wanted = [fold_of_row().alias("fold"), y.alias("y"), *(cell.alias(cell.meta.root_names()[0]) for cell in cells)]
    return pl.concat(worked(census.good_frames(path), lambda frame: frame.filter(is_sampled).select(wanted)))


def _length(p: Profile) -> float:
    """Characters of a text on average, as far as they are looked at."""
    if p.levels is None:
        return MAX_TEXT_CHARACTERS
    characters = p.levels["cell"].str.len_chars().clip(upper_bound=MAX_TEXT_CHARACTERS)
    return max(int((characters * p.levels["rows"]).sum()) / max(int(p.levels["rows"].sum()), 1), 1.0)


def _values(rows: pl.DataFrame, told: Sequence[int]) -> list[pl.Series]:
    """What a score is to tell of each row, whole numbers: for each told class 1 in its rows; of a target of numbers by
    how many thousandths of a standard deviation a row differs from the mean. None if all rows are the same."""
    y = rows["y"]
    if y.n_unique() < 2:
        return []
    if told:
        return [(y == number).cast(pl.Int64) for number in told]
    y = y.clip(y.quantile(_MAX_DEVIATION), y.quantile(1 - _MAX_DEVIATION))
    deviation = (pl.col("y") - pl.col("y").mean()) / pl.col("y").std()
    values = y.to_frame().select((_THOUSANDTHS * deviation).fill_nan(0.0).round().cast(pl.Int64))
    return values.get_columns()


def _of(rows: pl.DataFrame, position: int, values: Sequence[pl.Series]) -> pl.DataFrame:
    """``fold``, ``text`` and v0, v1, ... of the rows that have a text."""
    columns = [rows["fold"], rows[f"c{position}"].alias("text")]
    columns += [value.alias(f"v{i}") for i, value in enumerate(values)]
    return pl.DataFrame(columns).drop_nulls("text")


def _folded(name: str, rows: pl.DataFrame, max_terms: int, labels: Sequence[str]) -> FoldedScores | None:
    """None if the scores do not tell the target beyond chance."""
    counts, totals = _counted(rows), _totals(rows)
    columns = [_column(name, counts, totals, fold, max_terms, classes=bool(labels)) for fold in range(FOLDS + 1)]
    if not columns[_ALL].terms or not _tells(columns, rows):
        return None
    texts = rows["text"].gather_every(-(-rows.height // _KNOWN_ROWS)).to_list()
    known = sum(map(columns[_ALL].knows, texts)) / len(texts)
    columns[_ALL] = columns[_ALL].model_copy(update={"always_known": known >= _KNOWN_SHARE})
    return FoldedScores(columns, _telling(counts, totals, labels))


def _summed(frame: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    return frame.group_by(by).agg(pl.col("rows").sum(), pl.col("^v\\d+$").sum())


def _totals(rows: pl.DataFrame) -> pl.DataFrame:
    return _summed(rows.select("fold", pl.lit(1, pl.Int64).alias("rows"), pl.col("^v\\d+$")), ["fold"])


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    """By ``term`` and ``fold`` the ``rows`` that have it, and the sums of their values: of terms that have enough."""
    by = ["term", "fold"]
    total = pl.DataFrame(schema={"term": pl.String, "fold": pl.Int64})
    found: list[pl.DataFrame] = []
    for piece in rows.iter_slices(_ROWS_AT_ONCE):
        terms = pl.Series("term", [[*terms_of(text)] for text in piece["text"]], pl.List(pl.String))
        values = piece.select("fold", pl.lit(1, pl.Int64).alias("rows"), pl.col("^v\\d+$"))
        found.append(_summed(values.with_columns(terms).explode("term").drop_nulls("term"), by))
        if sum(counts.height for counts in found) > max(total.height, _MAX_WAITING):
            total, found = _summed(pl.concat([total, *found], how="diagonal"), by), []
            if total.height > _MAX_COUNTED:
                total = total.filter(pl.col("rows").sum().over("term") > 1)
    total = _summed(pl.concat([total, *found], how="diagonal"), by)
    return total.filter(pl.col("rows").sum().over("term") >= MIN_ROWS)


def _column(
    name: str, counts: pl.DataFrame, totals: pl.DataFrame, fold: int, max_terms: int, *, classes: bool
) -> TextScoreColumn:
    """What the recipe has of the column if the rows of a fold are not known."""
    values = [column for column in totals.columns if column.startswith("v")]
    others = totals.filter(pl.col("fold") != fold)
    rows, *sums = (int(others[column].sum()) for column in ("rows", *values))
    known = _summed(counts.filter(pl.col("fold") != fold), ["term"]).filter(pl.col("rows") >= MIN_ROWS)
    priors = [_prior(total, rows) if classes else total / max(rows, 1) for total in sums]
    beyond_chance = pl.max_horizontal(
        _beyond_chance(pl.col(value), prior, prior * (1 - prior) if classes else _THOUSANDTHS**2)
        for value, prior in zip(values, priors, strict=True)
    )
    known = known.sort([beyond_chance, "term"], descending=[True, False]).head(max_terms).sort("term")
    weigh = _log_odds if classes else _deviation
    weights = [
        known.select(weigh(pl.col(value), prior).round().cast(pl.Int64).alias(value)).to_series()
        for value, prior in zip(values, priors, strict=True)
    ]
    return TextScoreColumn(name=name, terms=tuple(known["term"]), weights=tuple(map(tuple, weights)))


def _prior(total: int, rows: int) -> float:
    """The share of a class, also of one that no row has, or that all have."""
    return min(max(total, 0.5), rows - 0.5) / rows if rows else 0.5


def _beyond_chance(of_rows: pl.Expr, mean: float, variance: float) -> pl.Expr:
    """Standard deviations by which the rows that have a term differ from the mean."""
    return (of_rows - mean * pl.col("rows")).abs() / (variance * pl.col("rows")).sqrt()


def _log_odds(of_class: pl.Expr, prior: float) -> pl.Expr:
    """What a term adds to the log odds of a class, in thousandths."""
    share = (of_class + SMOOTHING * prior) / (pl.col("rows") + SMOOTHING)
    return _THOUSANDTHS * ((share / (1 - share)).log() - pl.lit(prior / (1 - prior)).log())


def _deviation(of_rows: pl.Expr, mean: float) -> pl.Expr:
    """By how much the rows with a term differ from the mean, in thousandths of a standard deviation."""
    return (of_rows - mean * pl.col("rows")) / (pl.col("rows") + SMOOTHING)


def _tells(columns: Sequence[TextScoreColumn], rows: pl.DataFrame) -> bool:
    """Whether the scores, each by the rows outside its fold, go with what they are to tell."""
    width = columns[_ALL].width
    by_row = [[*columns[fold].numbers(text)] for fold, text in rows.select("fold", "text").iter_rows()]
    scores = pl.DataFrame(by_row, [f"s{i}" for i in range(width)], orient="row")
    found = pl.concat([rows, scores], how="horizontal").select(
        pl.corr(f"s{i}", f"v{i}").alias(f"{i}") for i in range(width)
    )
    # The more classes there are, the more often one of them is told by chance.
    needed = -NormalDist().inv_cdf(NormalDist().cdf(-MIN_SIGNIFICANCE) / width)
    return any(correlation is not None and correlation * rows.height**0.5 >= needed for correlation in found.row(0))


def _telling(counts: pl.DataFrame, totals: pl.DataFrame, labels: Sequence[str]) -> str | None:
    """The term that nearly decides whether a row is of a class: it stands in nearly all texts of the class, and in
    hardly any other."""
    terms = _summed(counts, ["term"])
    in_all = int(totals["rows"].sum())
    whole_words_first = pl.col("term").str.contains(r"[ *]"), pl.col("term").str.len_chars()
    for i, label in enumerate(labels):
        of_class = int(totals[f"v{i}"].sum())
        others = in_all - of_class
        if not of_class or not others:
            continue
        without = 1 - pl.col(f"v{i}") / of_class
        beside = (pl.col("rows") - pl.col(f"v{i}")) / others
        # All classes count alike, and a term may stand for all others, too.
        share = pl.min_horizontal(without + beside, 2 - without - beside)
        best = terms.with_columns(share.alias("share")).sort("share", *whole_words_first, "term").head(1)
        for term, rows, with_it in best.select("term", "rows", f"v{i}").iter_rows():
            elsewhere = rows - with_it
            errors = ((of_class - with_it), of_class), (elsewhere, others)
            if with_it / of_class < elsewhere / others:
                errors = (with_it, of_class), (others - elsewhere, others)
            wrong = sum(found / of for found, of in errors)
            upper = sum(wilson(found, of, _Z)[1] for found, of in errors)
            if wrong <= MAX_DOUBTFUL_SHARE and upper <= MAX_DOUBTFUL_UPPER:
                return (
                    f"`{shown(term)}` stands in {with_it / of_class:.1%} of the texts of `{shown(label)}` and in "
                    f"{elsewhere / others:.1%} of the others"
                )
    return None
