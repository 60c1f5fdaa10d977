"""The figures of a model of numbers: see ``figures`` for what they have in common with the others."""

from __future__ import annotations

from collections.abc import Sequence

from plotting.figures import Drawing, drawing, new_figure
from plotting.svg import COLOURS, style
from plotting.words import count, number, percent, plural
from sluice.evaluation.document import NumberPoint, PredictionInterval, ResidualBin, SizeBin


def predicted_against_true(points: Sequence[NumberPoint], interval: PredictionInterval | None, target: str) -> Drawing:
    """A dot for each row that is drawn, and the range that is served with predictions beside the diagonal."""
    half_width = interval.half_width if interval else None
    ends = [value for point in points for value in (point.truth, point.predicted)]
    low, high = min(ends), max(ends)
    with style():
        figure, axes = new_figure()
        axes.plot([low, high], [low, high], color=COLOURS["muted"], linewidth=0.8, linestyle=(0, (2, 3)))
        for side in (-1, 1) if half_width else ():
            axes.plot(
                [low, high], [low + side * (half_width or 0), high + side * (half_width or 0)],
                color=COLOURS["second"], linewidth=0.8, linestyle="--",
            )  # fmt: skip
        axes.plot(
            [point.predicted for point in points], [point.truth for point in points],
            color=COLOURS["accent"], marker="o", markersize=2.6, alpha=0.55, linestyle="none",
        )  # fmt: skip
        axes.set(xlabel="Predicted", ylabel="True")
        text = f"{plural(len(points), 'held-out row')} of {target}. A perfect model follows the diagonal."
        if interval and half_width is not None:
            text += (
                f" Between the dashed lines, {number(half_width)} to either side, {percent(interval.coverage)} of new "
                "rows are expected."
            )
        return drawing(figure, "predicted-true", "Predicted and true numbers", text)


def residuals(bins: Sequence[ResidualBin]) -> Drawing:
    total = sum(one.rows for one in bins)
    above = sum(one.rows for one in bins if one.low >= 0)
    with style():
        figure, axes = new_figure()
        axes.axvline(0, color=COLOURS["muted"], linewidth=0.9, linestyle=(0, (2, 3)))
        axes.bar(
            [one.low for one in bins], [one.rows for one in bins], width=[one.high - one.low for one in bins],
            align="edge", color=COLOURS["accent"], edgecolor=COLOURS["surface"], linewidth=0.6,
        )  # fmt: skip
        axes.set(xlabel="True less predicted number", ylabel="Rows")
        text = (
            f"How far the {plural(total, 'held-out row')} are off. At least {count(above)} are predicted too low. The "
            "outermost bars have all rows beyond them, too."
        )
        return drawing(figure, "residuals", "Residuals", text)


def error_by_size(sizes: Sequence[SizeBin]) -> Drawing:
    middles = [(one.low + one.high) / 2 for one in sizes]
    worst = max(sizes, key=lambda one: one.mae)
    with style():
        figure, axes = new_figure()
        axes.axhline(0, color=COLOURS["muted"], linewidth=0.8, linestyle=(0, (2, 3)))
        axes.plot(
            middles, [one.mae for one in sizes], color=COLOURS["accent"], marker="o", markersize=3.5,
            label="mean absolute error",
        )  # fmt: skip
        axes.plot(
            middles, [one.mean_error for one in sizes], color=COLOURS["second"], marker="s", markersize=3,
            linestyle="--", label="predicted less true",
        )  # fmt: skip
        axes.set(xlabel="Predicted", ylabel="Error")
        figure.legend(loc="outside lower center", ncols=2)
        text = (
            f"The mean absolute error is largest, {number(worst.mae)}, where {number(worst.low)} to "
            f"{number(worst.high)} is predicted ({plural(worst.rows, 'row')})."
        )
        return drawing(figure, "error-by-size", "Error by the size of the prediction", text)


def coverage_by_size(sizes: Sequence[SizeBin], interval: PredictionInterval) -> Drawing:
    known = [(one, one.coverage) for one in sizes if one.coverage is not None]
    worst = min(known, key=lambda pair: pair[1])
    with style():
        figure, axes = new_figure()
        axes.axhline(interval.coverage, color=COLOURS["muted"], linewidth=0.9, linestyle=(0, (2, 3)))
        axes.plot(
            [(one.low + one.high) / 2 for one, _ in known], [coverage for _, coverage in known],
            color=COLOURS["accent"], marker="o", markersize=3.5,
        )  # fmt: skip
        axes.set(xlabel="Predicted", ylabel="Share in the interval", ylim=(-0.04, 1.04))
        text = (
            f"{percent(interval.coverage)} are promised (dotted). The interval holds fewest rows, "
            f"{percent(worst[1])} of {count(worst[0].rows)}, where {number(worst[0].low)} to {number(worst[0].high)} "
            "is predicted."
        )
        return drawing(figure, "coverage", "Coverage of the interval", text)
