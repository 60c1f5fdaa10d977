"""What a person drops: a table, its folder, and the dataset's configuration, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sluice.layout import incoming_key
from sluice.names import dataset_name, default_folder

if TYPE_CHECKING:
    from sluice.dataset.config import DatasetConfig

_MAX_NAMES_SHOWN: Final = 40
_MAX_NAME_SHOWN: Final = 60


class WrongCallError(Exception):
    """The call cannot be carried out, and nothing has been sent. The message has one line for each reason."""


@dataclass(frozen=True)
class Drop:
    """A checked call.

    Attributes:
        folder: below ``incoming/``.
        config: text of the configuration that the call gives, with the target merged in; None if it gives none.
        target: the column to predict, if the call names one.
        task: what is predicted of it, if the call says so: `classification` or `regression`.
        config_name: what the person calls the configuration.
        first_config: what the target is merged into if the dataset has no configuration yet.
    """

    table: Path
    folder: str
    config: str | None = None
    target: str | None = None
    config_name: str = "--config"
    first_config: str | None = None
    task: str | None = None

    @property
    def names_keys(self) -> bool:
        """Whether the call names a key of the configuration itself."""
        return self.target is not None or self.task is not None

    @property
    def dataset(self) -> str:
        return dataset_name(self.folder)

    @property
    def key(self) -> str:
        return incoming_key(self.folder, self.table.name)


def check_drop(
    table: Path,
    dataset: str | None = None,
    config: Path | None = None,
    target: str | None = None,
    task: str | None = None,
) -> Drop:
    """Checks a call as far as this machine knows: the file, its header, the name, the configuration.

    Raises:
        WrongCallError: one of them cannot be used.
    """
    from following.configuration import read_given  # noqa: PLC0415  (pydantic, which most commands do without)

    if table.is_dir():
        raise WrongCallError(f"{table} is a folder; name the file in it")
    if not table.exists():
        raise WrongCallError(f"{table}: the file does not exist")
    if table.name.startswith("."):
        raise WrongCallError(f"{table}: the pipeline ignores files whose name begins with a dot; rename it")
    folder = default_folder(table.name) if dataset is None else dataset
    if not folder or "/" in folder or folder != folder.strip() or folder in (".", ".."):
        raise WrongCallError(f"--dataset {folder!r}: expected a name for a folder, such as churn")
    if target is not None and not target.strip():
        raise WrongCallError("--target is empty; name the column to predict")
    text, parsed = read_given(config, target, task)
    drop = Drop(table, folder, text, target, str(config) if config else "--config", task=task)
    check_columns(table, parsed)
    return drop


def check_columns(table: Path, config: DatasetConfig) -> None:
    """Compares the columns that a configuration names with the table's header, as far as that can be read cheaply.

    Raises:
        WrongCallError: the table lacks some of them; each is named, with a similar one if there is one.
    """
    from following.header import read_header  # noqa: PLC0415

    try:
        header = read_header(table)
    except OSError as error:
        raise WrongCallError(f"{table}: {error.strerror or error}") from error
    if header is None or not config.header:
        return
    wrong = [
        f"{table}: there is no column `{_shown(name)}`{of}{_near(name, header)}"
        for of, name in _named(config)
        if name.strip() not in header
    ]
    if wrong:
        raise WrongCallError("\n".join([*wrong[:-1], f"{wrong[-1]} The columns are {_listed(header)}."]))


def _named(config: DatasetConfig) -> Iterator[tuple[str, str]]:
    """Columns that a configuration names, each with the key that names it; the key of the target is not told."""
    if config.target is not None:
        yield "", config.target
    yield from ((", which `drop` names", name) for name in config.drop)
    yield from (
        (f", which `split.{key}` names", name)
        for key, name in (("group_by", config.split.group_by), ("by_time", config.split.by_time))
        if name is not None
    )
    yield from ((", which `slices` names", name) for name in config.slices)
    for facet in config.facets:
        yield ", which `facets` names", facet.column
        if facet.condition_on is not None:
            yield ", which `condition_on` of `facets` names", facet.condition_on


def _near(name: str, header: Sequence[str]) -> str:
    near = next((column for column in header if column.lower() == name.lower()), None)
    near = near or next(iter(get_close_matches(name, header, n=1)), None)
    return f"; did you mean `{_shown(near)}`?" if near else "."


def _listed(header: Sequence[str]) -> str:
    more = f" and {len(header) - _MAX_NAMES_SHOWN} more" if len(header) > _MAX_NAMES_SHOWN else ""
    return ", ".join(f"`{_shown(name)}`" for name in header[:_MAX_NAMES_SHOWN]) + more


def _shown(name: str) -> str:
    short = name[:_MAX_NAME_SHOWN]
    return short if short.isprintable() else short.encode("unicode_escape").decode("ascii")
