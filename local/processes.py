"""Background processes that outlive the command which started them, and are stopped by a later one.

Each leads a process group of its own: Ctrl-C in the terminal does not reach it, and stopping it takes its children
(MiniStack's function workers) along. A pid alone proves nothing, since pids are used again; a process is ours only if
it also started when we started it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from local.home import LocalError, Process

_children: Final[dict[int, subprocess.Popen[bytes]]] = {}


def start(name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path) -> Process:
    """Starts ``command`` in ``folder``, its output in ``log``.

    Raises:
        LocalError: it ended at once.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = subprocess.Popen(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    birth = _birth(child.pid)
    if birth is None:
        raise LocalError(f"{name} ended as soon as it was started:\n{tail(log)}")
    return Process(name=name, pid=child.pid, birth=birth)


def this(name: str) -> Process:
    """The process that runs this."""
    birth = _birth(os.getpid())
    assert birth is not None, "it runs"  # noqa: S101
    return Process(name=name, pid=os.getpid(), birth=birth)


def is_running(process: Process) -> bool:
    return _birth(process.pid) == process.birth


def stop(process: Process, patience_seconds: float = 1.0) -> bool:
    """Ends the process and its group: asked first, killed when ``patience_seconds`` have passed.

    Returns:
        Whether it was running.
    """
    if not is_running(process):
        return False
    os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        # Even if the leader went by itself: its children may not have.
        os.killpg(process.pid, signal.SIGKILL)
    while is_running(process):
        time.sleep(0.02)
    return True


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, and where it lies."""
    text = log.read_text(errors="replace") if log.exists() else ""
    last = "\n".join("    " + line for line in text.splitlines()[-lines:])
    return f"{last}\n  whole log: {log}" if last else f"  (its log {log} is empty)"


def _birth(pid: int) -> str | None:
    """When the process started, in the system's own words; None if it is gone or a zombie."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
        return None
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The second field is the name in parentheses and may hold blanks; state is 3rd, start time 22nd.
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        if fields[0] == "Z":
            if child is not None:
                child.wait()  # it ended since it was polled
                del _children[pid]
            return None
        return fields[19]
    listed = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "PATH": "/bin:/usr/bin"},
    ).stdout.split(maxsplit=1)
    return listed[1].strip() if len(listed) == 2 and not listed[0].startswith("Z") else None
