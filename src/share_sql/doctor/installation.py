"""Python, the packages SHARE needs, and the extras."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata

from share_sql import __version__
from share_sql.doctor.check import Check

GROUP = "installation"
PACKAGE = "share-sql"
LEAST_PYTHON = (3, 11)
EXTRAS = {
    "postgres": ("psycopg", "PostgreSQL databases"),
    "mysql": ("pymysql", "MySQL and MariaDB databases"),
    "duckdb": ("duckdb", "DuckDB files"),
    "report": ("matplotlib", "share eval --html"),
    "calibrate": ("scikit-learn", "share calibrate"),
    "serve": ("fastapi", "share serve"),
    "mcp": ("mcp", "share mcp, and the tools at /mcp of share serve,"),
    "telemetry": ("opentelemetry-api", "spans of OpenTelemetry"),
    "ray": ("ray", "share run --engine ray"),
}
"""By extra: the package that it brings, and what needs it."""

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)")
_BOUND = re.compile(r"(>=|<)\s*([0-9.]+)")


def check_installation() -> Iterator[Check]:
    """Yield the checks of what is installed."""
    python = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= LEAST_PYTHON:
        yield Check(GROUP, "python", "ok", python)
    else:
        least = ".".join(map(str, LEAST_PYTHON))
        yield Check(GROUP, "python", "failed", python, f"use Python {least} or later")
    yield Check(GROUP, PACKAGE, "ok", __version__)
    try:
        needs = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        yield Check(GROUP, "packages", "warning", "not installed, run from its files", "pip install .")
        needs = []
    for need in needs:
        if "extra ==" not in need and (found := _REQUIREMENT.match(need)):
            yield _package(found[1], found[2])
    for extra, (package, purpose) in EXTRAS.items():
        installed = _version(package)
        if installed is not None:
            yield Check(GROUP, f"extra {extra}", "ok", f"{package} {installed}")
        else:
            # Nobody needs them all.
            yield Check(
                GROUP, f"extra {extra}", "ok", f"not installed; {purpose} need it: {install_command(extra)}"
            )


def install_command(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'share-sql[{extra}]'"


def _package(name: str, bounds: str) -> Check:
    installed = _version(name)
    if installed is None:
        return Check(GROUP, name, "failed", "is not installed", f"pip install '{name}{bounds.strip()}'")
    for sign, bound in _BOUND.findall(bounds):
        reached = _numbers(installed) >= _numbers(bound)
        if reached != (sign == ">="):
            told = f"{installed}, which is {'too old' if sign == '>=' else 'too new'}"
            return Check(GROUP, name, "failed", told, f"pip install '{name}{bounds.strip()}'")
    return Check(GROUP, name, "ok", installed)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, without zeros at the end: 2 and 2.0 are the same."""
    found = [int(part) for part in re.findall(r"\d+", version.split("+")[0])[:4]]
    while found and not found[-1]:
        found.pop()
    return tuple(found)
