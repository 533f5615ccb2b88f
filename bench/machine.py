"""The machine and the programs that figures come from, and which programs are missing."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

PROGRAMS: Mapping[str, str] = {"wrk": "wrk", "nginx": "nginx", "redis-server": "redis-server"}
"""What must be there, and its package in Debian."""
_VERSIONS = {
    "wrk": (["wrk", "-v"], r"wrk (\S+)"),
    "nginx": (["nginx", "-v"], r"nginx/(\S+)"),
    "redis": (["redis-server", "--version"], r"v=(\S+)"),
    "traefik": (["traefik", "version"], r"Version:\s+(\S+)"),
}


def missing_programs() -> str:
    """A sentence that says how to get them, or nothing."""
    packages = [package for name, package in PROGRAMS.items() if shutil.which(name) is None]
    if not packages:
        return ""
    names = " ".join(packages)
    return f"missing: {names}. On Debian or Ubuntu: apt-get install --no-install-recommends {names}"


def facts(root: Path) -> dict[str, str | int]:
    """What the figures hold for."""
    place = f"{root}/.venv-live/bin{os.pathsep}{os.environ['PATH']}"
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("uvicorn", "uvloop", "httptools")},
        **{name: _said(argv, pattern, place) for name, (argv, pattern) in _VERSIONS.items()},
    }


def _cpu() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _said(argv: list[str], pattern: str, place: str) -> str:
    """The version that a program tells of itself; wrk tells it with an exit code of its own."""
    program = shutil.which(argv[0], path=place)
    if program is None:
        return "absent"
    done = subprocess.run([program, *argv[1:]], capture_output=True, text=True, check=False, timeout=20)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "unknown"
