"""What is kept in S3 and in the ledger, and read by older and newer releases than the one that wrote it.

A message between two states lives for one execution, and refuses fields that it does not know. A document outlives
releases: a stack is updated, and is rolled back. Each document says the version of its format:

- A document without a version is of version 1.
- A :class:`Document` is told about. A field that the release does not know is ignored, and what it knows of a newer
  version is read. A field keeps its meaning for ever: what means something else is a new field, and the old one is
  still written as long as an older release computes with it. Of ``evaluation.json`` these are ``model_uri``,
  ``classes`` and the metrics' ``cutoff`` (the comparison with the live model, predictions). The version rises with
  such a new field.
- An :class:`ExactDocument` is computed with: a part that is ignored would change the numbers. The version rises with
  each field, and a newer version is refused by name.
- ``golden.json`` is plain JSON, since it is large. Fields that the release does not know are ignored. Its version rises
  if ``rows`` or ``scores`` change their meaning, and a newer version is refused by name
  (``sluice.endpoint.aws.golden.read_golden``).
- A run's resolved configuration may have fields that the release does not know if they say nothing
  (``sluice.dataset.config.read_whole_config``).
- A message that is kept as well (the closing word on a run, what its record was made of) is stored by :func:`stored`
  and read by :func:`read_stored`.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Final, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

VERSION_KEY: Final = "schema_version"
MESSAGE_VERSION: Final = 1
"""Of the messages that are kept."""

GOLDEN_VERSION: Final = 1
"""Of ``golden.json``: ``rows`` as the endpoint takes them, and their ``scores``."""

type Stored = str | bytes | Mapping[str, Any]


class NewerDocumentError(ValueError):
    """A document of a newer release, that this one cannot use. The message says what to do."""

    def __init__(self, what: str, way_out: str = "drop the file again") -> None:
        super().__init__(f"made by a newer Sluice: {what}; deploy the newer release or {way_out}")


class Part(BaseModel):
    """A part of a document, or all of it. It cannot be changed, and code that makes one cannot misspell a field."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The same with other fields. What was computed from the old ones (``cached_property``) is computed again:
        pydantic copies it with the fields."""
        copied = super().model_copy(update=update, deep=deep)
        for name in [*copied.__dict__]:
            if isinstance(getattr(type(self), name, None), cached_property):
                del copied.__dict__[name]
        return copied


class Document(Part):
    """A document that is told about. Code that makes one cannot misspell a field; a stored one may have more."""

    schema_version: int = Field(1, ge=1, description="Of the document's format.")

    @classmethod
    def read(cls, stored: Stored) -> Self:
        """The document, of whichever version.

        Args:
            stored: as JSON, or parsed.

        Raises:
            pydantic.ValidationError: what is known of it is missing or does not fit.
        """
        return _read(cls, stored, extra="ignore")


class ExactDocument(Document):
    """A document that is computed with."""

    KIND: ClassVar[str]
    """What a message calls it."""
    WAY_OUT: ClassVar[str] = "drop the file again"
    """What to do about one of a newer release, other than to deploy that."""

    @field_validator(VERSION_KEY)
    @classmethod
    def _is_known(cls, version: int) -> int:
        if version > cls.newest():
            raise ValueError(f"this release knows no {cls.KIND} of version {version}")
        return version

    @classmethod
    def newest(cls) -> int:
        """The newest version of the format that this release reads, and the one that it writes."""
        return int(cls.model_fields[VERSION_KEY].default)

    @classmethod
    def read(cls, stored: Stored) -> Self:
        """The document, if this release knows all of it.

        Raises:
            NewerDocumentError: its version is newer than this release reads.
            pydantic.ValidationError: it does not fit, or has a field that its version does not have.
        """
        version = version_of(stored)
        if version > cls.newest():
            raise NewerDocumentError(f"{cls.KIND} version {version}, this one reads up to {cls.newest()}", cls.WAY_OUT)
        found = _read(cls, stored)
        return found if VERSION_KEY in found.model_fields_set else found.model_copy(update={VERSION_KEY: version})


def version_of(stored: Stored) -> int:
    """The version of a document's format; 1 if it says none, or cannot be read."""
    try:
        value = stored if isinstance(stored, Mapping) else json.loads(stored)
    except ValueError:
        return 1
    version = value.get(VERSION_KEY, 1) if isinstance(value, Mapping) else 1
    return version if type(version) is int else 1


def stored(message: BaseModel) -> dict[str, Any]:
    """A message as it is kept."""
    return {VERSION_KEY: MESSAGE_VERSION, **message.model_dump(mode="json")}


def stored_text(message: BaseModel) -> str:
    """A message as it is kept, as JSON in one line."""
    return json.dumps(stored(message), ensure_ascii=False)


def read_stored[Kept: BaseModel](kind: type[Kept], stored: Stored) -> Kept:
    """A message that was kept, of whichever version.

    Raises:
        pydantic.ValidationError: what is known of it is missing or does not fit.
    """
    return _read(kind, stored, extra="ignore")


def _read[Kept: BaseModel](kind: type[Kept], stored: Stored, **how: Any) -> Kept:
    if isinstance(stored, Mapping):
        return kind.model_validate(stored, **how)
    return kind.model_validate_json(stored, **how)


def keys_beside(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The keys that a model knows where an unknown one stands, in the order of the alphabet.

    Args:
        location: of the unknown key, as pydantic's errors have it.
    """
    for part in location[:-1]:
        if isinstance(part, int):  # an item of a list
            continue
        section = _section_in(model.model_fields[part].annotation) if part in model.model_fields else None
        if section is None:
            break
        model = section
    return sorted(model.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a key holds: itself, or none, or a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_in(part))), None)
