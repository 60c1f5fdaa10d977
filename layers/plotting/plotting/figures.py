"""The figures of the page, small enough to be read on a telephone and to stand side by side on a desk.

Each is a figure of matplotlib's, made without pyplot and its global state, and says in words what it shows. Legends
stand outside the axes, so that they cover nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from plotting.svg import COLOURS, embed, style
from plotting.words import count, interval, listed, metric, number, percent, plural, short
from sluice.evaluation.document import (
    CalibrationBin,
    ClassCurves,
    CutoffPoint,
    Importance,
    LearningCurve,
    ShapColumn,
    SliceResult,
    TrainingReport,
)
from sluice.evaluation.metrics import METRICS

LOG_ODDS: Final = "log odds"
"""Unit of the SHAP values of classes."""
_LINES: Final = (
    ("accent", "-"),
    ("second", "--"),
    ("third", "-."),
    ("ink", ":"),
    ("muted", "-"),
    ("bad", "--"),
)
"""Lines also differ by their dashes, for readers who cannot tell the colours apart and for printers."""
_MAX_CURVES: Final = 6
_MAX_COLUMNS: Final = 12
_MAX_DOTS: Final = 160
_MAX_SLICES: Final = 12
_MAX_NAMES: Final = 60
_LABEL: Final = 18
_WIDTH: Final = 4.3
_HEIGHT: Final = 3.3
_SCALE: Final = ("low", "lowish", "middling", "highish", "high")


@dataclass(frozen=True)
class Drawing:
    """A figure on the page: the SVG, its title, and what it shows in words."""

    name: str
    title: str
    words: str
    svg: str
    wide: bool = False
    """It needs the whole width of the page."""


def new_figure(height: float = _HEIGHT, width: float = _WIDTH) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _unit(axes: Axes, across: str, up: str) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=across, ylabel=up)


def roc(curves: Sequence[ClassCurves]) -> Drawing:
    shown = _largest(curves)
    with style():
        figure, axes = new_figure(height=_HEIGHT + _legend_height(shown))
        axes.plot([0, 1], [0, 1], color=COLOURS["muted"], linewidth=0.8, linestyle=(0, (2, 3)))
        for curve, (colour, dashes) in zip(shown, _LINES, strict=False):
            axes.plot(
                [point.false_positive_rate for point in curve.roc],
                [point.true_positive_rate for point in curve.roc],
                color=COLOURS[colour],
                linestyle=dashes,
                label=f"{short(curve.label, _LABEL)} ({number(curve.roc_auc, 3)})",
            )
        _unit(axes, "False positive rate", "True positive rate")
        _legend(figure, "Class (area)")
        areas = listed(f"{curve.label} {number(curve.roc_auc)}" for curve in shown)
        text = f"Area under the curve (1 is perfect, 0.5 is chance): {areas}.{_left_out(curves, shown)}"
        return drawing(figure, "roc", "ROC curve", text)


def precision_recall(curves: Sequence[ClassCurves]) -> Drawing:
    shown = _largest(curves)
    with style():
        figure, axes = new_figure(height=_HEIGHT + _legend_height(shown))
        for curve, (colour, dashes) in zip(shown, _LINES, strict=False):
            axes.plot(
                [point.recall for point in curve.precision_recall],
                [point.precision for point in curve.precision_recall],
                color=COLOURS[colour],
                linestyle=dashes,
                label=f"{short(curve.label, _LABEL)} ({number(curve.average_precision, 3)})",
            )
        for curve in shown if len(shown) == 1 else ():
            axes.axhline(curve.share, color=COLOURS["muted"], linewidth=0.8, linestyle=(0, (2, 3)))
        _unit(axes, "Recall", "Precision")
        _legend(figure, "Class (average precision)")
        areas = listed(
            f"{curve.label} {number(curve.average_precision)} (by chance {number(curve.share)})" for curve in shown
        )
        chance = " The dotted line is what chance gives." if len(shown) == 1 else ""
        text = f"Average precision: {areas}.{chance}{_left_out(curves, shown)}"
        return drawing(figure, "precision-recall", "Precision and recall", text)


def _legend(figure: Figure, title: str | None = None, columns: int = 2) -> None:
    figure.legend(loc="outside lower center", ncols=columns, title=title, title_fontsize=8.5)


def _legend_height(shown: Sequence[ClassCurves]) -> float:
    """Inches that a legend in two columns needs, with its title."""
    return 0.25 + 0.19 * math.ceil(len(shown) / 2)


def _largest(curves: Sequence[ClassCurves]) -> list[ClassCurves]:
    return sorted(curves, key=lambda curve: -curve.share)[:_MAX_CURVES]


def _left_out(curves: Sequence[ClassCurves], shown: Sequence[ClassCurves]) -> str:
    return f" The {len(shown)} most frequent of {len(curves)} classes are drawn." if len(shown) < len(curves) else ""


def calibration(bins: Sequence[CalibrationBin], error: float | None) -> Drawing:
    filled = [(one, one.mean_score, one.share) for one in bins if one.mean_score is not None and one.share is not None]
    with style():
        figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        axes.plot([0, 1], [0, 1], color=COLOURS["muted"], linewidth=0.8, linestyle=(0, (2, 3)))
        for one, mean, _ in filled:
            if one.interval:
                axes.plot([mean, mean], one.interval, color=COLOURS["accent"], linewidth=1, solid_capstyle="butt")
        axes.plot(
            [mean for _, mean, _ in filled],
            [share for _, _, share in filled],
            color=COLOURS["accent"], marker="o", markersize=3.5, linewidth=1,
        )  # fmt: skip
        axes.set(ylim=(-0.04, 1.04), ylabel="Share of the class")
        below.bar(
            [one.low for one in bins], [one.rows for one in bins], width=[one.high - one.low for one in bins],
            align="edge", color=COLOURS["accent"], edgecolor=COLOURS["surface"], linewidth=0.6,
        )  # fmt: skip
        below.set(xlim=(-0.02, 1.02), xlabel="Score", ylabel="Rows")
        figure.align_ylabels()
        worst = max(filled, key=lambda one: abs(one[1] - one[2]), default=None)
        text = (
            f"The expected calibration error is {number(error)}."
            if error is not None
            else "The error was not measured."
        )
        if worst:
            text += (
                f" The largest gap: of {plural(worst[0].rows, 'row')} with a mean score of {percent(worst[1])}, "
                f"{percent(worst[2])} are of the class."
            )
        return drawing(figure, "calibration", "Calibration", text + " A perfect model follows the diagonal.")


def cutoff_rates(points: Sequence[CutoffPoint], chosen: float) -> Drawing:
    with style():
        figure, axes = new_figure()
        across = [point.cutoff for point in points]
        for name, (colour, dashes) in zip(("precision", "recall", "f1"), _LINES, strict=False):
            values = [_or_nan(getattr(point, name)) for point in points]
            axes.plot(across, values, color=COLOURS[colour], linestyle=dashes, label=metric(name))
        _mark(axes, chosen)
        _unit(axes, "Cutoff", "Share")
        _legend(figure, columns=3)
        at = min(points, key=lambda point: abs(point.cutoff - chosen))
        text = (
            f"At the chosen cutoff of {number(chosen)}: precision {number(at.precision)}, recall {number(at.recall)}, "
            f"F1 {number(at.f1)}."
        )
        return drawing(figure, "cutoff-rates", "Precision, recall and F1 by cutoff", text)


def cutoff_cost(points: Sequence[CutoffPoint], chosen: float) -> Drawing:
    """Mean cost of a row by cutoff if there is a cost matrix, otherwise the error rate."""
    priced = [point for point in points if point.cost is not None]
    name = "Mean cost of a row" if priced else "Error rate"
    pairs = [(point.cutoff, point.error_rate if point.cost is None else point.cost) for point in priced or points]
    with style():
        figure, axes = new_figure()
        axes.plot([pair[0] for pair in pairs], [pair[1] for pair in pairs], color=COLOURS["accent"])
        _mark(axes, chosen)
        axes.set(xlim=(-0.02, 1.02), xlabel="Cutoff", ylabel=name)
        lowest = min(pairs, key=lambda pair: pair[1])
        at = min(pairs, key=lambda pair: abs(pair[0] - chosen))
        text = (
            f"{name} is {number(at[1])} at the chosen cutoff of {number(chosen)}. On the held-out rows it is lowest at "
            f"{number(lowest[0])}: {number(lowest[1])}."
        )
        return drawing(figure, "cutoff-cost", f"{name} by cutoff", text)


def _mark(axes: Axes, chosen: float) -> None:
    axes.axvline(chosen, color=COLOURS["ink"], linewidth=0.9)
    _name_mark(axes, chosen, f"chosen {number(chosen, 3)}", left=chosen > 0.7)


def _name_mark(axes: Axes, at: float, name: str, *, left: bool) -> None:
    """Above the axes, where no curve runs."""
    axes.annotate(
        name, (at, 1), xycoords=("data", "axes fraction"), fontsize=9, va="bottom", xytext=(2 if left else -2, 2),
        textcoords="offset points", ha="right" if left else "left",
    )  # fmt: skip


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> Drawing:
    """Shares of each true class. More than 12 classes leave no room for numbers; the table lists the worst ones."""
    size = len(matrix)
    numbered = size <= 12
    with style():
        figure, axes = new_figure(height=2.5 if size <= 3 else 3.6) if numbered else new_figure(7.6, width=2 * _WIDTH)
        axes.grid(visible=False)
        for truth, row in enumerate(matrix):
            total = sum(row)
            for guess, rows in enumerate(row):
                share = rows / total if total else 0.0
                if rows:
                    colour = COLOURS["accent" if truth == guess else "second"]
                    # At most 0.5, so that the number on it stays readable in both colour schemes.
                    axes.add_patch(Rectangle((guess, truth), 1, 1, facecolor=colour, alpha=0.08 + 0.42 * share))
                if numbered:
                    size_of_text = 11 if size <= 3 else 9 if size <= 6 else 7 if size <= 9 else 6
                    axes.text(
                        guess + 0.5, truth + 0.5, count(rows), ha="center", va="center", fontsize=size_of_text
                    )  # fmt: skip
        for edge in range(size + 1):
            width = 1.5 if numbered else 0.4
            axes.axhline(edge, color=COLOURS["surface"], linewidth=width)
            axes.axvline(edge, color=COLOURS["surface"], linewidth=width)
        axes.set(xlim=(0, size), ylim=(size, 0), xlabel="Predicted class", ylabel="True class")
        labels = [short(label, 14 if size <= 3 else 10) for label in classes]
        if numbered:
            ticks = [place + 0.5 for place in range(size)]
            slanted = size > 3
            axes.set_xticks(ticks, labels, rotation=45 if slanted else 0, ha="right" if slanted else "center")
            axes.set_yticks(ticks, labels)
        else:
            # So many names as can be read beside one another.
            named = range(0, size, math.ceil(size / _MAX_NAMES))
            places, names = [place + 0.5 for place in named], [labels[place] for place in named]
            axes.set_xticks(places, names, rotation=90, fontsize=7.5)
            axes.set_yticks(places, names, fontsize=7.5)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        right = sum(row[place] for place, row in enumerate(matrix))
        total = sum(map(sum, matrix))
        text = (
            f"{count(right)} of {plural(total, 'held-out row')} are predicted right. The stronger a colour, the larger "
            "its share of the true class."
        )
        return drawing(figure, "confusion", "Confusion matrix", text, wide=not numbered)


def learning_curve(curve: LearningCurve, best: int | None, place: int) -> Drawing:
    with style():
        figure, axes = new_figure()
        pairs = (("train", curve.train), ("validation", curve.validation))
        for (name, values), (colour, dashes) in zip(pairs, _LINES, strict=False):
            if values:
                axes.plot(range(len(values)), values, color=COLOURS[colour], linestyle=dashes, label=name)
        if best is not None:
            axes.axvline(best, color=COLOURS["ink"], linewidth=0.9)
            late = best > 0.6 * max(len(curve.train), len(curve.validation), 1)
            _name_mark(axes, best, f"best round {best}", left=late)
        axes.set(xlabel="Boosting round", ylabel=short(curve.metric, 30))
        _legend(figure)
        parts = [f"{name} from {number(of[0])} to {number(of[-1])}" for name, of in pairs if of]
        text = f"{curve.metric}: {listed(parts) or 'nothing was logged'}."
        if best is not None and best < len(curve.validation):
            text += f" The best value on validation is {number(curve.validation[best])}, in round {best}."
        return drawing(figure, f"learning-{place}", f"Learning curve, {curve.metric}", text)


def importance(importances: Sequence[Importance], unit_of_shap: str = LOG_ODDS) -> Drawing:
    by_shap = any(one.shap is not None for one in importances)
    pairs = [(one.column, one.shap or 0.0 if by_shap else one.gain) for one in importances]
    pairs = sorted(pairs, key=lambda pair: -pair[1])[:_MAX_COLUMNS]
    unit = f"Mean absolute SHAP value ({unit_of_shap})" if by_shap else "Total gain"
    with style():
        figure, axes = new_figure(height=max(1.4, 0.7 + 0.24 * len(pairs)))
        axes.grid(visible=False, axis="y")
        places = range(len(pairs))
        axes.barh(places, [pair[1] for pair in pairs], height=0.62, color=COLOURS["accent"])
        axes.set_yticks(list(places), [short(pair[0], _LABEL) for pair in pairs])
        axes.set(xlabel=unit, ylim=(len(pairs) - 0.5, -0.5))
        axes.tick_params(axis="y", length=0)
        top = listed(f"{pair[0]} ({number(pair[1], 3)})" for pair in pairs[:3])
        text = f"{unit}, the largest: {top}."
        if len(pairs) < len(importances):
            text += f" The first {len(pairs)} of {len(importances)} columns are drawn."
        return drawing(figure, "importance", "Which columns matter", text)


def beeswarm(training: TrainingReport, *, several: bool = False, unit: str = LOG_ODDS) -> Drawing:
    """A dot for each sampled row and column: where it pushed the score, coloured by the column's value.

    Args:
        several: there are more than two classes.
        unit: of SHAP values.
    """
    columns = training.shap[:_MAX_COLUMNS]
    with style():
        figure, axes = new_figure(height=max(1.6, 0.9 + 0.28 * len(columns)))
        axes.grid(visible=False, axis="y")
        axes.axvline(0, color=COLOURS["muted"], linewidth=0.8)
        for place, column in enumerate(columns):
            _swarm(axes, place, column)
        axes.set_yticks(list(range(len(columns))), [short(column.column, _LABEL) for column in columns])
        axes.set(xlabel=f"SHAP value ({unit})", ylim=(len(columns) - 0.5, -0.5))
        axes.tick_params(axis="y", length=0)
        kinds = [("low", "low value"), ("middling", "middle"), ("high", "high value")]
        if any(_is_without_order(column) for column in columns):
            kinds.append(("muted", "category or date"))
        for name, label in kinds:
            axes.plot([], [], color=COLOURS[name], marker="o", linestyle="none", markersize=4, label=label)
        figure.legend(loc="outside lower center", ncols=4, handletextpad=0.1, columnspacing=1)
        pushes = "; ".join(f"{column.column} {_push(column)}" for column in columns[:5])
        text = f"The effect of single values on the score, over {plural(training.shap_rows, 'held-out row')}: {pushes}."
        if several:
            text += " The score is that of the predicted class of each row."
        return drawing(figure, "shap", "How values push the score", text)


def _is_without_order(column: ShapColumn) -> bool:
    return bool(column.levels) or all(point.position is None for point in column.points)


def _swarm(axes: Axes, place: int, column: ShapColumn) -> None:
    points = column.points[:: max(1, math.ceil(len(column.points) / _MAX_DOTS))]
    offsets = _offsets([point.shap for point in points])
    for scale in (None, *range(len(_SCALE))):
        here = [
            (point.shap, place + up)
            for point, up in zip(points, offsets, strict=True)
            if (None if column.levels else _bin(point.position)) == scale
        ]
        if here:
            colour = COLOURS["muted" if scale is None else _SCALE[scale]]
            axes.plot(*zip(*here, strict=True), color=colour, marker="o", linestyle="none", markersize=2.4,
                      markeredgewidth=0, alpha=0.85)  # fmt: skip


def _bin(position: float | None) -> int | None:
    return None if position is None else min(int(position * len(_SCALE)), len(_SCALE) - 1)


def _offsets(values: Sequence[float]) -> list[float]:
    """Up and down from the line, so that dots of like values stack instead of hiding one another."""
    width = (max(values, default=0.0) - min(values, default=0.0)) / 50 or 1.0
    stacked: dict[int, int] = {}
    offsets: list[float] = []
    for value in values:
        slot = round(value / width)
        level = stacked[slot] = stacked.get(slot, -1) + 1
        offsets.append((level + 1) // 2 * (0.07 if level % 2 else -0.07))
    widest = max((abs(offset) for offset in offsets), default=0.0)
    return [offset * 0.42 / widest for offset in offsets] if widest > 0.42 else offsets


def _push(column: ShapColumn) -> str:
    """Which way high values push, from how values and SHAP values go together; of categories the extreme ones."""
    if column.levels:
        ordered = sorted(column.levels, key=lambda level: level.shap)
        low, high = ordered[0], ordered[-1]
        if low.shap >= 0 or high.shap <= 0:
            most = max(ordered, key=lambda level: abs(level.shap))
            return f"pushes {'up' if most.shap > 0 else 'down'} most if it is {short(most.level, _LABEL)}"
        return f"pushes up if it is {short(high.level, _LABEL)} and down if it is {short(low.level, _LABEL)}"
    pairs = [(point.position, point.shap) for point in column.points if point.position is not None]
    if len(pairs) < 2:
        return "has values without an order"
    middle = sum(position for position, _ in pairs) / len(pairs)
    mean = sum(shap for _, shap in pairs) / len(pairs)
    together = sum((position - middle) * (shap - mean) for position, shap in pairs)
    spread = math.sqrt(sum((p - middle) ** 2 for p, _ in pairs) * sum((s - mean) ** 2 for _, s in pairs))
    if spread == 0 or abs(together) / spread < 0.2:
        return "pushes both ways"
    return "pushes up if it is high" if together > 0 else "pushes down if it is high"


def levels(column: ShapColumn, place: int, *, several: bool = False, unit: str = LOG_ODDS) -> Drawing:
    """The mean push of each of the most frequent values of a column of categories.

    Args:
        column: with ``levels``, the most frequent first.
        place: of the figure among its kind.
        several: there are more than two classes.
        unit: of SHAP values.
    """
    shown = column.levels
    with style():
        figure, axes = new_figure(height=max(1.3, 0.75 + 0.26 * len(shown)))
        axes.grid(visible=False, axis="y")
        axes.axvline(0, color=COLOURS["muted"], linewidth=0.8)
        for up, level in enumerate(shown):
            axes.barh(up, level.shap, height=0.62, color=COLOURS["high" if level.shap > 0 else "low"])
        axes.set_yticks(list(range(len(shown))), [f"{short(one.level, _LABEL)} ({count(one.rows)})" for one in shown])
        axes.set(xlabel=f"Mean SHAP value ({unit})", ylim=(len(shown) - 0.5, -0.5))
        axes.tick_params(axis="y", length=0)
        name = short(column.column, 40)
        effects = listed(f"{short(one.level, 40)} {_signed(one.shap)}" for one in shown)
        text = f"Mean effect on the score by value, with the number of rows: {effects}."
        if several:
            text += " The score is that of the predicted class of each row."
        return drawing(figure, f"levels-{place}", f"Effect of {name}", text)


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value, 2)}"


def slices(results: Sequence[SliceResult], name: str, overall: float | None, place: int) -> Drawing | None:
    """One metric over the slices of one column, with intervals; None if it was measured in none."""
    measured = [(one, value) for one in results if (value := one.metrics.get(name)) is not None]
    shown = sorted(measured, key=lambda pair: -pair[0].rows)[:_MAX_SLICES]
    if not shown:
        return None
    column = shown[0][0].column
    with style():
        figure, axes = new_figure(height=max(1.3, 0.8 + 0.26 * len(shown)))
        axes.grid(visible=False, axis="y")
        if overall is not None:
            axes.axvline(overall, color=COLOURS["muted"], linewidth=0.9, linestyle=(0, (2, 3)), label="all rows")
            figure.legend(loc="outside upper right")
        for up, (one, value) in enumerate(shown):
            if ends := one.intervals.get(name):
                axes.plot(ends, [up, up], color=COLOURS["accent"], linewidth=1.2, solid_capstyle="butt")
            axes.plot([value], [up], color=COLOURS["accent"], marker="o", markersize=4.5, linestyle="none")
        axes.set_yticks(list(range(len(shown))), [short(one.value, _LABEL) for one, _ in shown])
        axes.set(xlabel=f"{metric(name)} with 95% interval", ylim=(len(shown) - 0.5, -0.5))
        axes.tick_params(axis="y", length=0)
        better = max if METRICS[name].higher_is_better else min
        best, worst = better(shown, key=_second), (max if better is min else min)(shown, key=_second)
        text = (
            f"{metric(name)} is best if {column} is {best[0].value} ({number(best[1])}) and worst if it is "
            f"{worst[0].value} ({number(worst[1])}, interval {interval(worst[0].intervals.get(name))})."
        )
        return drawing(figure, f"slices-{place}", f"{metric(name)} by {short(column, 40)}", text)


def _second(pair: tuple[SliceResult, float]) -> float:
    return pair[1]


def drawing(figure: Figure, name: str, title: str, text: str, *, wide: bool = False) -> Drawing:
    name = f"figure-{name}"
    return Drawing(name=name, title=title, words=text, svg=embed(figure, name, title, text), wide=wide)
