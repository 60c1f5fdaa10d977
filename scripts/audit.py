"""Says which packages of the locks have known vulnerabilities: what the layers ship, and what development uses.

pip-audit asks a vulnerability service about each package, and its exit status cannot be relied on: behind a package
index that mirrors files only, PyPI's own service knows no package, and pip-audit reports "no known vulnerabilities";
if no service can be reached, it fails as if it had found some. So a service must first tell of a package that is
known to be vulnerable. If none does, nothing was audited, which is said and is no failure.

Exit status 0: nothing was found, or nothing could be asked. 1: there are findings, which are printed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PIP_AUDIT: Final = ROOT / ".venv-lint" / "bin" / "pip-audit"
SERVICES: Final = ("pypi", "osv")
KNOWN_VULNERABLE: Final = "jinja2==2.4.1"
"""Has been known to be for years (CVE-2014-1402 and later ones)."""

type Audit = Callable[[Path, str], list[dict[str, Any]] | None]
"""Asks a service about a requirements file: pip-audit's list of packages, or None if it got no answer."""


def main() -> int:
    return report(locks(), ask_pip_audit)


def locks() -> list[Path]:
    """All that is locked, but for what only CI installs: the SageMaker SDK and the runtime of `sam local invoke`."""
    return [
        *sorted(ROOT.glob("layers/*/requirements.txt")),
        ROOT / "requirements-dev.txt",
        ROOT / "requirements-lint.txt",
    ]


def report(files: list[Path], audit: Audit) -> int:
    """Prints what is known of the files' packages. Returns the exit status."""
    service = next((name for name in SERVICES if tells(name, audit)), None)
    if service is None:
        print(
            f"NOT AUDITED: no vulnerability service ({', '.join(SERVICES)}) answers here, or what answers does not "
            f"know that even {KNOWN_VULNERABLE} is vulnerable. This says nothing about the packages. Run `make audit` "
            "on a machine that reaches pypi.org or api.osv.dev."
        )
        return 0
    found = [print_findings(file, audit(file, service), service) for file in files]
    return 1 if any(found) else 0


def tells(service: str, audit: Audit) -> bool:
    """Whether the service answers, and with what it should know."""
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder, "requirements.txt")
        known.write_text(KNOWN_VULNERABLE + "\n", encoding="utf-8")
        return any(package.get("vulns") for package in audit(known, service) or [])


def print_findings(file: Path, packages: list[dict[str, Any]] | None, service: str) -> bool:
    """Whether there are any."""
    name = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    if packages is None:
        print(f"{name}: NOT AUDITED, {service} gave no answer")
        return False
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    vulnerable = [package for package in packages if package.get("vulns")]
    print(f"{name}: {len(packages) - len(unknown)} packages audited by {service}, {len(vulnerable)} with findings")
    if unknown:
        print(f"  not audited, {service} does not know them: {', '.join(unknown)}")
    for package in vulnerable:
        for finding in package["vulns"]:
            fixed = ", ".join(finding["fix_versions"]) or "no version yet"
            known_as = ", ".join([finding["id"], *finding.get("aliases", [])])
            print(f"  {package['name']} {package['version']}: {known_as}; fixed in {fixed}")
    return bool(vulnerable)


def ask_pip_audit(file: Path, service: str) -> list[dict[str, Any]] | None:
    command = [str(PIP_AUDIT), "--requirement", str(file), "--disable-pip", "--no-deps", "--format", "json"]
    command += ["--vulnerability-service", service, "--progress-spinner", "off", "--aliases", "on", "--desc", "off"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    except subprocess.TimeoutExpired:
        return None
    try:
        return list(json.loads(answer.stdout)["dependencies"])
    except json.JSONDecodeError:
        *_, said = ["nothing", *answer.stderr.splitlines()]
        print(f"pip-audit gave no report about {file.name} by {service}; it said: {said}", file=sys.stderr)
        return None


if __name__ == "__main__":
    sys.exit(main())
