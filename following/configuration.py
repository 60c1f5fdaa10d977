"""A dataset's configuration in the inbox: target and task merged in, or another one put in its place by agreement.

Nothing overwrites what a person wrote there: gates and approval would be lost silently. They are added by an edit of
the text, so that comments and order stay.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from botocore.exceptions import ClientError

from following.dropping import Drop, WrongCallError, check_columns
from sluice.aws.errors import is_denied, is_not_found, is_precondition_failed
from sluice.aws.objects import StoredText, read_stored
from sluice.dataset.config import ConfigError, DatasetConfig, parse_config
from sluice.layout import config_key, uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_WIDE: Final = 1 << 20

Confirm = Callable[[str], bool | None]
"""Asks a question; None if nobody can answer."""
Say = Callable[[str], None]


class DeclinedError(Exception):
    """The person does not want the configuration to be replaced. Nothing has been sent."""


@dataclass(frozen=True)
class Change:
    """What happens to a stored configuration. ``text``: what to write, None if nothing; ``replaces``: whether that
    removes something that a person wrote."""

    text: str | None
    replaces: bool = False


def read_given(config: Path | None, target: str | None, task: str | None = None) -> tuple[str | None, DatasetConfig]:
    """The configuration that a call gives, with its target and task merged in: as text, and as it is understood.

    Returns:
        No text if there is no file; what is understood then are target and task alone.

    Raises:
        WrongCallError: the file cannot be read or used.
    """
    text = _read(config) if config else None
    name = str(config) if config else "--target"
    if text is not None:
        _parsed(text, name)
        merged = _with_asked(text, target, task, name) or text
        return merged, _parsed(merged, name)
    asked = _with_asked(None, target, task, name)
    return None, _parsed(asked, name) if asked is not None else parse_config(None, name)


def _with_asked(text: str | None, target: str | None, task: str | None, name: str) -> str | None:
    """The configuration with what a call names beside it; None if there is neither."""
    for key, value in (("target", target), ("task", task)):
        if value is not None:
            text = with_key(text, key, value, name)
    return text


def prepare(s3: S3Client, bucket: str, drop: Drop, confirm: Confirm, say: Say) -> None:
    """Makes the stored configuration what a drop asks for, and compares the table's header with it.

    Raises:
        WrongCallError: the stored one says otherwise and nobody was asked, or columns are missing.
        DeclinedError: the person was asked and does not want it.
    """
    key = config_key(drop.folder)
    name = uri(bucket, key)
    asks = any(asked is not None for asked in (drop.config, drop.target, drop.task))
    try:
        stored = read_stored(s3, bucket, key)
    except ClientError as error:
        if not is_denied(error):
            raise
        # Without the right to list, S3 denies what does not exist, too. What does exist is not overwritten below.
        stored = None
    else:
        if stored is None:
            _check_other_ending(s3, bucket, key, say, given=drop.config is not None)
    change = plan(stored.text if stored else None, drop, name)
    effective = change.text if change.text is not None else stored and stored.text
    if effective is not None:
        try:
            config = parse_config(effective, name)
        except ConfigError as error:
            # It is the pipeline that judges, and it may be of another version.
            say("\n".join(error.reasons))
        else:
            check_columns(drop.table, config)
    if not asks or change.text is None:
        return
    if change.replaces and stored:
        _ask(stored.text, change.text, name, drop.config_name, confirm, say)
    _write(s3, bucket, key, change.text, stored)
    say(f"{name} is written")


def plan(stored: str | None, drop: Drop, name: str) -> Change:
    """What a drop does to the stored configuration, which ``name`` names.

    Raises:
        WrongCallError: the drop names another target or task than the stored configuration, which it does not replace.
    """
    if drop.config is not None:
        if stored is None:
            return Change(drop.config)
        return Change(None) if _same(stored, drop.config) else Change(drop.config, replaces=True)
    if not drop.names_keys:
        return Change(None)
    if stored is None:
        return Change(_with_asked(drop.first_config, drop.target, drop.task, name))
    before = _parsed(stored, name)
    told = {"target": (before.target, drop.target), "task": (before.task, drop.task)}
    for key, (known, asked) in told.items():
        # A task that is not written is the default, which a drop may replace like a target that is not there.
        is_written = key in before.model_fields_set
        if asked is not None and known is not None and is_written and known.strip() != asked.strip():
            raise WrongCallError(
                f"{name} says `{key}: {known}`, and --{key} says `{asked}`. The command keeps that configuration. To "
                "predict another column, name another --dataset, or replace the configuration with --config FILE."
            )
    new = {key: asked for key, (known, asked) in told.items() if asked is not None and asked.strip() != known}
    return Change(_with_asked(stored, new.get("target"), new.get("task"), name) if new else None)


def with_key(text: str | None, key: str, value: str, name: str) -> str:
    """The configuration with this value of a key at the top, edited as text: comments, order and other keys stay.

    Raises:
        WrongCallError: the text cannot be edited.
    """
    line = yaml.safe_dump({key: value}, allow_unicode=True, width=_WIDE).rstrip("\n")
    root = yaml.compose(text, yaml.SafeLoader) if text else None
    if text is None or not text.strip():
        return f"{line}\n"
    edited = _edited(text, root, key, line) if root else f"{text.rstrip()}\n{line}\n"
    before, after = parse_config(text, name), _parsed(edited, name)
    found = getattr(after, key)
    if after != before.model_copy(update={key: found}) or (found or "").strip() != value.strip():
        raise WrongCallError(f"{name}: the command cannot add the {key}; write `{line}` into it yourself")
    return edited


def _edited(text: str, root: yaml.Node, asked: str, line: str) -> str:
    if not isinstance(root, yaml.MappingNode):  # parse_config has refused it
        return text
    for key, value in root.value:
        if getattr(key, "value", None) == asked:
            rest = text[value.end_mark.index :]
            return text[: key.start_mark.index] + line + rest
    start = root.start_mark.index
    if root.flow_style:
        between = ", " if root.value else ""
        return f"{text[: start + 1]}{line}{between}{text[start + 1 :]}"
    return f"{text[:start]}{line}\n{' ' * root.start_mark.column}{text[start:]}"


def _same(stored: str, given: str) -> bool:
    """Whether both say the same, however they are written: then the person's own text stays."""
    try:
        return stored == given or _loaded(stored) == _loaded(given)
    except yaml.YAMLError:
        return False


def _loaded(text: str) -> Any:
    return yaml.load(text, yaml.BaseLoader) or {}  # noqa: S506 - it makes texts, lists and mappings only


def _ask(stored: str, given: str, name: str, given_name: str, confirm: Confirm, say: Say) -> None:
    lines = difflib.unified_diff(stored.splitlines(), given.splitlines(), name, given_name, lineterm="")
    diff = "\n".join(lines) or "only spaces at the ends of lines differ"
    say(diff)
    answer = confirm(f"Replace {name}?")
    if answer is None:
        raise WrongCallError(
            f"{name} differs from {given_name}, as shown above. Pass --yes to replace it, or omit --config to keep it."
        )
    if not answer:
        raise DeclinedError("Nothing was changed.")


def _write(s3: S3Client, bucket: str, key: str, text: str, replaces: StoredText | None) -> None:
    try:
        if replaces is None:
            s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), IfNoneMatch="*")
        else:
            s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), IfMatch=replaces.etag)
    except ClientError as error:
        if is_precondition_failed(error) or (replaces and is_not_found(error)):
            raise WrongCallError(
                f"{uri(bucket, key)} has changed meanwhile, or your credentials may not read it. The command kept it "
                "as it is; run the command again."
            ) from error
        raise


def _check_other_ending(s3: S3Client, bucket: str, key: str, say: Say, *, given: bool) -> None:
    """``config.yml`` is a common way to write it, and the pipeline would ignore it silently."""
    other = f"{key.removesuffix('.yaml')}.yml"
    try:
        s3.head_object(Bucket=bucket, Key=other)
    except ClientError as error:
        if is_not_found(error) or is_denied(error):
            return
        raise
    said = f"{uri(bucket, other)} is not read: the pipeline reads config.yaml only"
    if not given:
        raise WrongCallError(f"{said}. Rename it: aws s3 mv {uri(bucket, other)} {uri(bucket, key)}")
    say(said)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        what = "it is a folder; name the file in it" if path.is_dir() else error.strerror or error
        raise WrongCallError(f"--config {path}: {what}") from error
    except UnicodeDecodeError as error:
        raise WrongCallError(f"--config {path} is not UTF-8: {error}") from error


def _parsed(text: str, name: str) -> DatasetConfig:
    try:
        return parse_config(text, name)
    except ConfigError as error:
        raise WrongCallError("\n".join(error.reasons)) from error
