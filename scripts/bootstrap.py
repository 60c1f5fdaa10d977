"""Makes ``.venv`` from the lock, on a machine that has no more than some Python 3.

Looks for a Python 3.13 (this one, PATH, pyenv's versions even when not selected, uv's), has uv fetch one if there is
none, makes the virtual environment, installs ``requirements-dev.txt`` with its hashes, writes the command ``sluice``.
Runs on Python 3.8 and later, with the standard library alone, and names no package index: pip and uv use the one that
the machine is set up for.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WANTED = (3, 13)
ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements-dev.txt"
STAMP = VENV / ".installed"
# Both match .gitignore's .venv-*
UV_VENV = ROOT / ".venv-uv"
FETCHED = ROOT / ".venv-python"

# What pip writes for a console script, but for the line that finds the packages: this project is not installed, it is
# used where it lies, and the domain's package lies in a layer. sh starts it, because the path to Python may be longer
# than a first line may be, or have blanks.
COMMAND = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

sys.path[:1] = [{root!r}, {core!r}, {tabular!r}]

from cli.__main__ import main

sys.exit(main())
"""

NO_PYTHON = """\
Sluice needs Python 3.13 (that of its Lambda functions), and there is none here that could be found or fetched.
Get one, then run make again:
  Debian, Ubuntu   apt-get install python3.13 python3.13-venv
  macOS            brew install python@3.13
  pyenv            pyenv install 3.13
  uv               uv python install 3.13
"""


def main() -> int:
    # As pip does: uv's own list of authorities does not know those of a company's proxy.
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")
    if not is_wanted(VENV / "bin" / "python"):
        python = find_python() or fetch_python()
        if python is None:
            print(NO_PYTHON, file=sys.stderr)
            return 1
        make_venv(python)
    install()
    write_command()
    STAMP.write_text("installed from requirements-dev.txt\n")
    return 0


def find_python() -> Path | None:
    """A Python 3.13 of this machine."""
    return next((python for python in candidates() if is_wanted(python)), None)


def candidates() -> list[Path]:
    name = "python{}.{}".format(*WANTED)
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    found = [Path(sys.executable)]
    found += [Path(folder, file) for file in (name, "python3", "python") for folder in folders]
    version = "{}.{}".format(*WANTED)
    pyenv = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or "~/.local/share/uv/python").expanduser()
    found += sorted(pyenv.glob(f"versions/{version}*/bin/{name}"), reverse=True)
    found += sorted(uv.glob(f"cpython-{version}*/bin/{name}"), reverse=True)
    return found


def is_wanted(python: Path) -> bool:
    """Whether it runs, is a CPython 3.13, and can make virtual environments. A pyenv shim may refuse to run."""
    check = "import sys, venv, ssl; print(sys.implementation.name, sys.version_info[0], sys.version_info[1])"
    try:
        told = subprocess.run([str(python), "-c", check], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return told.returncode == 0 and told.stdout.split() == ["cpython", str(WANTED[0]), str(WANTED[1])]


def fetch_python() -> Path | None:
    """A Python 3.13 that uv downloads into the repository's folder."""
    uv = shutil.which("uv") or own_uv()
    if uv is None:
        return None
    say("no Python 3.13 on this machine; fetching one with uv ...")
    version = "{}.{}".format(*WANTED)
    environment = {**os.environ, "UV_PYTHON_INSTALL_DIR": str(FETCHED)}
    if subprocess.run([uv, "python", "install", version, "--no-bin"], env=environment, check=False).returncode != 0:
        return None
    installed = sorted(FETCHED.glob(f"cpython-{version}*/bin/python{version}"))
    return installed[-1] if installed else None


def own_uv() -> str | None:
    """uv from the machine's package index, in an environment of its own, made by whatever Python runs this."""
    say("getting uv ...")
    uv = str(UV_VENV / "bin" / "uv")
    if attempt([sys.executable, "-m", "venv", str(UV_VENV)]) and pip_install_uv(str(UV_VENV / "bin" / "python")):
        return uv
    # Debian's python3 without python3-venv, but with pip.
    shutil.rmtree(UV_VENV, ignore_errors=True)
    return uv if pip_install_uv(sys.executable, "--target", str(UV_VENV)) else None


def make_venv(python: Path) -> None:
    say(f"making .venv with {python} ...")
    shutil.rmtree(VENV, ignore_errors=True)
    if attempt([str(python), "-m", "venv", str(VENV)]):
        return
    # Without ensurepip, as in Debian's python3.13 without python3.13-venv: uv needs no pip.
    shutil.rmtree(VENV, ignore_errors=True)
    uv = shutil.which("uv") or own_uv()
    if uv is None or not attempt([uv, "venv", "--python", str(python), str(VENV)]):
        sys.exit(f"{python} cannot make a virtual environment; on Debian: apt-get install python3.13-venv")


def install() -> None:
    """Installs the lock with uv, or with pip where uv cannot: pip may know an index or a proxy that uv does not."""
    python = str(VENV / "bin" / "python")
    uv = VENV / "bin" / "uv"
    say("installing requirements-dev.txt ...")
    found = str(uv) if uv.exists() or pip_install_uv(python) else shutil.which("uv")
    options = ["--require-hashes", "-r", str(LOCK)]
    if found and attempt([found, "pip", "install", "--quiet", "--python", python, *options]):
        return
    say("uv could not install it; trying pip, which takes longer ...")
    if not attempt(pip_install(python, *options)):
        sys.exit("requirements-dev.txt could not be installed; see above. Can this machine reach a package index?")


def write_command() -> None:
    """Makes ``.venv/bin/sluice``, which works from any folder."""
    command = VENV / "bin" / "sluice"
    layers = {name: str(ROOT / "layers" / name) for name in ("core", "tabular")}
    text = COMMAND.format(python=VENV / "bin" / "python", root=str(ROOT), **layers)
    command.write_text(text, encoding="utf-8")
    command.chmod(0o755)


def pip_install_uv(python: str, *where: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder, "uv.txt")
        requirement.write_text(locked_uv() + "\n")
        return attempt(pip_install(python, *where, "--require-hashes", "-r", str(requirement)))


def pip_install(python: str, *options: str) -> list[str]:
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options]


def locked_uv() -> str:
    """uv's requirement from the lock, with its hashes."""
    found = re.search(r"^uv==(?:.*\\\n)*.*", LOCK.read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f"{LOCK.name} has no uv; run make lock")
    return found.group().replace("\\\n", " ")


def attempt(command: list[str]) -> bool:
    return subprocess.run(command, check=False).returncode == 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
