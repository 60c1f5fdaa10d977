"""Proof of which model answered: two rows with scores known from the evaluation, at the head of every request.

While an endpoint is updated, requests go to the old model or to the new one, and the answer does not say to which. A
recipe of one and a model of the other make numbers that look like any others. So each request begins with golden rows
of the run whose recipe made the rest, and its answer counts only if their scores are that run's. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sluice.endpoint.golden import SCORE_TOLERANCE, tolerance

MAX_REQUEST_BYTES: Final = 4_000_000 - 50_000
"""Serverless endpoints take 4 MB, instances 6."""
SEAL_ROWS: Final = 2

type Score = tuple[float, ...]
"""Of one row: the positive class's probability, or from three classes on each class's, or a number."""


class BrokenSealError(Exception):
    """The answer is another model's: its scores of the golden rows are not those of the run."""


class NonsenseError(Exception):
    """The endpoint's answer cannot be read, or is not as long as the request."""


@dataclass(frozen=True)
class Seal:
    lines: tuple[str, ...]
    scores: tuple[Score, ...]
    tolerance: float = SCORE_TOLERANCE
    """By how much an answer may differ from the scores."""

    @property
    def width(self) -> int:
        """Scores a row."""
        return len(self.scores[0])


def make_seal(golden: dict[str, Any]) -> Seal:
    """The seal of a run, from its ``golden.json``.

    The first golden row is one that the endpoint took as its first line when it was verified: the container guesses the
    delimiter from that line alone. The second is the one whose scores differ most from the first's.

    Raises:
        ValueError: there are no golden rows.
    """
    rows = [
        (line, tuple(score) if isinstance(score, list) else (float(score),))
        for line, score in zip(golden["rows"], golden["scores"], strict=True)
        if line.strip()
    ]
    if not rows:
        raise ValueError("there are no golden rows")
    first = rows[0]
    second = max(rows, key=lambda row: sum(abs(a - b) for a, b in zip(row[1], first[1], strict=True)))
    chosen = (first, second)[:SEAL_ROWS]
    return Seal(tuple(line for line, _ in chosen), tuple(scores for _, scores in chosen), tolerance(golden))


def sealed_bodies(seal: Seal, lines: Sequence[str], max_bytes: int = MAX_REQUEST_BYTES) -> Iterator[bytes]:
    """Bodies that an endpoint takes, the seal first in each, with all lines in their order."""
    head = "\n".join(seal.lines).encode()
    part: list[bytes] = [head]
    size = len(head)
    for line in lines:
        raw = line.encode()
        if size + 1 + len(raw) > max_bytes and len(part) > 1:
            yield b"\n".join(part)
            part, size = [head], len(head)
        part.append(raw)
        size += 1 + len(raw)
    yield b"\n".join(part)


def open_sealed(seal: Seal, scores: Sequence[float], rows: int) -> list[Score]:
    """The scores of the rows after the seal.

    Args:
        seal: that the request began with.
        scores: all of the answer, row after row.
        rows: of the request, without the seal.

    Raises:
        BrokenSealError: another model has answered.
        NonsenseError: the model is the right one, but has not answered each row.
    """
    width, sealed = seal.width, len(seal.lines)
    known = [score for row in seal.scores for score in row]
    found = scores[: len(known)]
    if len(found) < len(known) or any(abs(a - b) > seal.tolerance for a, b in zip(found, known, strict=True)):
        raise BrokenSealError
    if len(scores) != (sealed + rows) * width:
        raise NonsenseError(f"{(sealed + rows) * width} scores were expected and {len(scores)} came back")
    rest = scores[len(known) :]
    return [tuple(rest[at : at + width]) for at in range(0, len(rest), width)]
