"""No module imports itself by way of others, be it in a function or for types alone."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import share_sql

ROOT = Path(share_sql.__file__).parent


def _imports() -> dict[str, set[str]]:
    files = {
        ".".join(file.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): file
        for file in ROOT.rglob("*.py")
    }
    found: dict[str, set[str]] = {}
    for name, file in files.items():
        found[name] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in files:
                below = (f"{node.module}.{each.name}" for each in node.names)
                found[name] |= {each if each in files else node.module for each in below} - {name}
    return found


def test_no_circle() -> None:
    try:
        TopologicalSorter(_imports()).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None
