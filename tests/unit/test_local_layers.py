"""Built layers in the local AWS: mounted by content, kept while a function has them."""

from __future__ import annotations

import shutil
import site
import sys
import zipfile
from pathlib import Path

import pytest

from local import layers
from local.home import Home, State


def built(folder: Path, code: str) -> Path:
    package = folder / "CoreLayer" / "python" / "mounted_by_a_test"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").unlink(missing_ok=True)  # as sam build does: what is linked stays as it was
    (package / "__init__.py").write_text(code)
    return folder / "CoreLayer"


def home(folder: Path) -> Home:
    made = Home(folder)
    made.write(State())
    return made


def test_a_function_finds_the_layers_packages_before_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = built(tmp_path, "VALUE = 1\n")
    layers.mount(folder, tmp_path / "store")
    monkeypatch.setattr(sys, "path", list(sys.path))

    with zipfile.ZipFile(folder.with_suffix(".zip")) as archive:
        archive.extractall(tmp_path / "function")
    site.addsitedir(str(tmp_path / "function" / "python" / "lib" / "python3.13" / "site-packages"))

    assert (Path(sys.path[0]) / "mounted_by_a_test" / "__init__.py").read_text() == "VALUE = 1\n"


def test_equal_layers_are_one_and_a_changed_one_leaves_the_old_as_it_was(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = layers.mount(built(tmp_path, "VALUE = 1\n"), store)
    packed = (tmp_path / "CoreLayer.zip").read_bytes()

    again = layers.mount(built(tmp_path, "VALUE = 1\n"), store)
    assert (again, (tmp_path / "CoreLayer.zip").read_bytes()) == (first, packed)
    second = layers.mount(built(tmp_path, "VALUE = 2\n"), store)

    assert second != first
    assert (store / first / "python" / "mounted_by_a_test" / "__init__.py").read_text() == "VALUE = 1\n"
    assert (store / second / "python" / "mounted_by_a_test" / "__init__.py").read_text() == "VALUE = 2\n"


def test_layers_go_when_the_last_local_aws_that_has_them_is_deployed_anew_or_gone(tmp_path: Path) -> None:
    store, one, other = tmp_path / "store", home(tmp_path / "one"), home(tmp_path / "other")
    old = layers.mount(built(tmp_path, "VALUE = 1\n"), store)
    layers.use(one, store, [old])
    layers.use(other, store, [old])
    new = layers.mount(built(tmp_path, "VALUE = 2\n"), store)

    layers.use(one, store, [new])
    assert (store / old).exists()

    other.state_file.unlink()
    layers.use(one, store, [new])
    assert not (store / old).exists()
    assert (store / new).exists()


def test_layers_that_were_removed_under_a_local_aws_are_missed(tmp_path: Path) -> None:
    store, aws = tmp_path / "store", home(tmp_path / "one")
    assert not layers.there(aws, store)
    layers.use(aws, store, [layers.mount(built(tmp_path, "VALUE = 1\n"), store)])
    assert layers.there(aws, store)

    shutil.rmtree(store)

    assert not layers.there(aws, store)
