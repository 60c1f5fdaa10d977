"""Whether a live endpoint gives the scores that the evaluation computed for its golden rows. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

SCORE_TOLERANCE: Final = 1e-5
"""The endpoint serialises float32 scores as text; an honest replay differs by rounding alone. Of probabilities; of
numbers, which have any size, it is a share of the largest (``tolerance`` of golden.json)."""


@dataclass(frozen=True)
class Replay:
    """What came of asking an endpoint for golden rows.

    Attributes:
        rows: how many were compared.
        largest_difference: between a live score and its offline one; None if they could not be compared.
        wrong: why the endpoint is not the one that was evaluated; None if it is.
    """

    rows: int
    largest_difference: float | None = None
    wrong: str | None = None


def tolerance(golden: Mapping[str, Any]) -> float:
    """By how much a live score may differ from its offline one, of a run's golden.json."""
    return float(golden.get("tolerance", SCORE_TOLERANCE))


def request_body(golden: Mapping[str, Any]) -> bytes:
    """What the endpoint is asked for, of a run's golden.json."""
    return "\n".join(golden["rows"]).encode()


def verdict(golden: Mapping[str, Any], answer: str) -> Replay:
    """Compares an endpoint's answer with the offline scores of a run's golden.json."""
    rows = len(golden["rows"])
    if not rows:
        return Replay(0, wrong="there are no golden rows to ask for")
    try:
        difference = largest_difference(parse_scores(answer), flat_scores(golden["scores"]))
    except ValueError as error:
        return Replay(0, wrong=str(error))
    if difference > (most := tolerance(golden)):
        wrong = (
            f"its scores differ from the offline ones by up to {difference:.3g}, which exceeds the maximum of {most:g}"
        )
        return Replay(rows, difference, wrong)
    return Replay(rows, difference)


def bad_bodies(features: int) -> dict[str, bytes]:
    """Requests that must get no score, by what they are.

    How InvokeEndpoint passes on the 204 that the container answers to an empty body is not documented: only a score is
    wrong.
    """
    return {
        "a row of text": ",".join(["text"] * features).encode(),
        "a row that is too wide": ",".join(["0"] * (features + 1)).encode(),
        "an empty body": b"",
    }


def has_score(answer: str) -> bool:
    """Whether an answer to a bad request consists of numbers. Whatever else it says is no score."""
    parts = _parts(answer)
    return bool(parts) and all(map(_is_number, parts))


def _is_number(part: str) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def _parts(body: str) -> list[str]:
    return re.sub(r"[\[\],]", " ", body).split()


def parse_scores(body: str) -> list[float]:
    """Scores of a ``text/csv`` answer, row after row: one a row for two classes, otherwise one a row and class.

    The container separates rows by line ends, older ones by commas, and writes several scores of a row as Python shows
    a list.

    Raises:
        ValueError: a score is no finite number.
    """
    scores = [float(part) for part in _parts(body)]
    if not all(math.isfinite(score) for score in scores):
        raise ValueError("the endpoint answered a score that is not finite")
    return scores


def flat_scores(scores: Sequence[Any]) -> list[float]:
    """Of golden rows, row after row: one number a row for two classes, otherwise a list of them."""
    return [score for row in scores for score in (row if isinstance(row, list) else [row])]


def largest_difference(live: Sequence[float], offline: Sequence[float]) -> float:
    """Largest absolute difference between scores of the same rows.

    Raises:
        ValueError: the endpoint answered another number of scores.
    """
    if len(live) != len(offline):
        raise ValueError(f"{len(offline)} scores were expected and {len(live)} came back")
    return max((abs(a - b) for a, b in zip(live, offline, strict=True)), default=0.0)
