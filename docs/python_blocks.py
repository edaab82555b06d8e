"""The Python of the docs, run as a reader would run it: blocks marked `python run`, and the notebook.

What a page's blocks, or a notebook's cells, say one after another runs in one process, in a folder with the
demo's `shop.sqlite`, offline. A `python run` block prints what the `text output` block after it shows; where
none follows, it prints nothing.

As a script it is that process: sources as JSON on standard input, what came of them on standard output.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = Path("docs") / "notebook.ipynb"
"""The notebook, from the root."""
_FENCE = re.compile(r"^```(\w*)[ \t]*(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A `python run` block of a page."""

    source: str
    line: int
    """Where its first line stands."""
    expected: str
    """The output that the page shows below it."""


def blocks(page: str) -> Iterator[Block]:
    """Yield the `python run` blocks of a page."""
    fences = list(_FENCE.finditer(page))
    for at, match in enumerate(fences):
        if (match[1], match[2]) != ("python", "run"):
            continue
        after = fences[at + 1] if at + 1 < len(fences) else None
        shown = after is not None and (after[1], after[2]) == ("text", "output")
        line = page.count("\n", 0, match.start(3)) + 1
        yield Block(match[3], line, after[3] if after is not None and shown else "")


def run(sources: Sequence[str]) -> list[dict[str, Any]]:
    """Run sources one after another in one process.

    Returns:
        For each what it printed (`printed`), what its last expression shows (`shown`: texts by MIME type, as
        a notebook has them; empty for none) and its `error` in one line, after which no other is run.
    """
    from share_sql.demo.database import write_database

    with tempfile.TemporaryDirectory(prefix="share-docs-") as folder:
        write_database(Path(folder) / "shop.sqlite")
        environment = {"PATH": os.defpath, "HOME": folder, "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
        done = subprocess.run(
            [sys.executable, "-W", "error", __file__],
            input=json.dumps(list(sources)),
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        return [{"printed": "", "shown": {}, "error": said[0]}]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def check_python(page: Path, name: str) -> Iterator[str]:
    """Yield a line for each `python run` block of a page that fails or prints something else."""
    from docs.check import matches

    found = list(blocks(page.read_text(encoding="utf-8")))
    for block, done in zip(found, run([block.source for block in found]) if found else (), strict=False):
        if done["error"]:
            yield f"{name}:{block.line}: {done['error']}"
        elif not matches(block.expected, done["printed"]):
            yield f"{name}:{block.line}: prints something else:\n{done['printed'].rstrip()}"


def check_notebook(root: Path) -> Iterator[str]:
    """Yield a line where the notebook's outputs are not those of its code."""
    file = root / NOTEBOOK
    if file.is_file():
        held = json.loads(file.read_text(encoding="utf-8"))
        try:
            same = executed(held) == held
        except ValueError as error:
            yield f"{NOTEBOOK}: {error}"
        else:
            if not same:
                yield f"{NOTEBOOK}: its outputs are not the code's; run python docs/check.py --fix"


def fix_notebook(root: Path) -> None:
    """Write the notebook's outputs anew. Raises ValueError where a cell fails."""
    file = root / NOTEBOOK
    if file.is_file():
        made = executed(json.loads(file.read_text(encoding="utf-8")))
        file.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """A notebook with the outputs that its code cells give. Raises ValueError where a cell fails."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    done = run(["".join(cell["source"]) for cell in code])
    failed = next((each["error"] for each in done if each["error"]), None)
    if failed:
        raise ValueError(f"cell {len(done)}: {failed}")
    outputs = iter(enumerate(done, 1))
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count, each = next(outputs)
            cell = {**cell, "execution_count": count, "outputs": list(_outputs(count, each))}
        cells.append(cell)
    return {**notebook, "cells": cells}


def _outputs(count: int, done: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if done["printed"]:
        yield {"name": "stdout", "output_type": "stream", "text": _lines(done["printed"])}
    if done["shown"]:
        data = {kind: _lines(text) for kind, text in done["shown"].items()}
        yield {"data": data, "execution_count": count, "metadata": {}, "output_type": "execute_result"}


def _lines(text: str) -> list[str]:
    """A text as a notebook has it."""
    return text.splitlines(keepends=True)


# -------------------------------------------------------------------- the process


def main() -> None:
    """Run the sources of standard input and print what came of them."""
    names: dict[str, Any] = {"__name__": "__main__"}
    found = []
    with asyncio.Runner() as runner:
        for source in json.load(sys.stdin):
            found.append(_once(source, names, runner))
            if found[-1]["error"]:
                break
    json.dump(found, sys.stdout)


def _once(source: str, names: dict[str, Any], runner: asyncio.Runner) -> dict[str, Any]:
    printed = io.StringIO()
    shown: dict[str, str] = {}
    error = None
    try:
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(printed):
            _evaluate(tree, names, runner)
            if isinstance(last, ast.Expr):
                shown = _shown(_evaluate(ast.Expression(last.value), names, runner))
    except Exception as failure:
        error = traceback.format_exception_only(failure)[-1].strip()
    return {"printed": printed.getvalue(), "shown": shown, "error": error}


def _evaluate(tree: ast.Module | ast.Expression, names: dict[str, Any], runner: asyncio.Runner) -> Any:
    mode = "eval" if isinstance(tree, ast.Expression) else "exec"
    value = eval(compile(tree, "docs", mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307
    return runner.run(value) if inspect.iscoroutine(value) else value


def _shown(value: Any) -> dict[str, str]:
    """What a notebook shows of a value, without IPython."""
    if value is None:
        return {}
    pretty = getattr(value, "_repr_pretty_", None)
    plain = io.StringIO()
    if pretty is not None:
        pretty(_Printer(plain), False)
    else:
        plain.write(repr(value))
    html = getattr(value, "_repr_html_", None)
    return {**({"text/html": html()} if html is not None else {}), "text/plain": plain.getvalue()}


class _Printer:
    """As much of IPython's printer as is used."""

    def __init__(self, out: io.StringIO) -> None:
        self.text = out.write


if __name__ == "__main__":
    main()
