"""Built layers as the local Lambda has them: mounted, not unpacked.

MiniStack would unpack 600 MB of layers for every function that starts, and keep them in memory and in its saved state.
So each layer that it is given is a zip with a single file, which puts the built layer on the function's path. Built
layers lie in a folder named by their content, which is never changed: a function that runs while another build is made
keeps the code that it was deployed with.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from local.home import Home

# A layer's site directory, where MiniStack reads .pth files. Lambda reads none, and has the layer itself.
_POINTER: Final = "python/lib/python3.13/site-packages/mounted.pth"


def mount(folder: Path, store: Path) -> str:
    """Puts a built layer into the store and writes the zip that points there, ``<folder>.zip``.

    Returns:
        The layer's name in the store.
    """
    name = f"{folder.name}-{_digest(folder)}"
    kept = store / name
    if not kept.exists():
        unfinished = store / f".{name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(folder, unfinished, copy_function=_link)
        unfinished.rename(kept)
    # First on the path, as /opt/python is: the layer's packages come before those of the virtual environment.
    line = f"import sys; sys.path.insert(0, {str(kept / 'python')!r})\n"
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        archive.writestr(zipfile.ZipInfo(_POINTER), line)
    return name


def there(home: Home, store: Path) -> bool:
    """Whether the layers that the functions of a local AWS have still lie in the store."""
    lease = _lease(home, store)
    return lease.exists() and all((store / name).exists() for name in json.loads(lease.read_text())["layers"])


def use(home: Home, store: Path, layers: Iterable[str]) -> None:
    """Notes which layers the functions of a local AWS have, and removes those that none has any longer."""
    own = _lease(home, store)
    leases = own.parent
    leases.mkdir(parents=True, exist_ok=True)
    own.write_text(json.dumps({"home": str(home.root), "layers": sorted(layers)}))
    used: set[str] = set()
    for lease in leases.iterdir():
        noted = json.loads(lease.read_text())
        if lease == own or Home(Path(noted["home"])).state_file.exists():
            used |= set(noted["layers"])
        else:
            lease.unlink()
    for folder in store.iterdir():
        if folder != leases and folder.name not in used:
            shutil.rmtree(folder)


def _lease(home: Home, store: Path) -> Path:
    return store / "used-by" / hashlib.sha256(str(home.root).encode()).hexdigest()[:16]


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
