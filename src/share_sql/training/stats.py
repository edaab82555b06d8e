"""What is in a folder of training data: counts by source, database, kind and error, and lengths."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from share_sql.errors import BenchmarkError
from share_sql.models.roles import ROLES
from share_sql.training.llamafactory import load

QUANTILES = (0.5, 0.9, 0.99, 1.0)
COUNTED = ("source", "kind", "proof", "wrong_by", "dialect")


def data_stats(folder: Path) -> dict[str, Any]:
    """The mix of every dataset in a folder.

    Args:
        folder: what `share data bam|sam|lom` wrote to.

    Returns:
        By model: number of examples, counts, quantiles of the lengths in characters (of the question put,
        the answer, and both with the system message), and why cases were left out.

    Raises:
        BenchmarkError: the folder holds no data.
    """
    roles = [role.name for role in ROLES.values() if role.examples]
    found = {role: rows for role in roles if (rows := load(folder, role)) is not None}
    if not found:
        raise BenchmarkError(f"{folder} holds no training data; make some by `share data bam|sam|lom`")
    return {role: {**_stats(rows), "left_out": _left_out(folder, role)} for role, rows in found.items()}


def _stats(rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    counts = {key: _counted(row.get(key, "") for row in rows) for key in COUNTED}
    parts = {
        key: _counted(part for row in rows for part in row.get(key, "").split("; "))
        for key in ("errors", "edits")
    }
    return {
        "examples": len(rows),
        **counts,
        **parts,
        "databases": _counted(f"{row.get('source', '')}/{row.get('database', '')}" for row in rows),
        "characters": {
            "instruction": _quantiles([len(row["instruction"]) for row in rows]),
            "output": _quantiles([len(row["output"]) for row in rows]),
            "all": _quantiles(
                [len(row["system"]) + len(row["instruction"]) + len(row["output"]) for row in rows]
            ),
        },
    }


def _counted(values: Any) -> dict[str, int]:
    counts = Counter(value for value in values if value)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _quantiles(lengths: list[int]) -> dict[str, int]:
    """Nearest-rank quantiles."""
    ordered = sorted(lengths)
    if not ordered:
        return {}
    return {f"{q:g}": ordered[max(0, round(q * len(ordered) + 0.4999) - 1)] for q in QUANTILES}


def _left_out(folder: Path, role: str) -> dict[str, int]:
    path = folder / f"{role}_left_out.jsonl"
    if not path.exists():
        return {}
    return _counted(json.loads(line)["cause"] for line in path.read_text(encoding="utf-8").splitlines())


def drawn(stats: dict[str, Any], width: int = 80, rows: int = 12) -> str:
    """The mix as text: a bar for each count.

    Args:
        stats: from `data_stats`.
        width: of the lines, in characters.
        rows: of each list at most; the rest is added up.
    """
    lines: list[str] = []
    for role, found in stats.items():
        lines.append(f"{role}: {found['examples']} examples")
        for name, counts in found.items():
            if name != "characters" and isinstance(counts, dict) and counts:
                lines += ["", f"  {name}", *_bars(counts, width, rows)]
        lines += ["", "  characters       " + "".join(f"{q:>9}" for q in QUANTILES)]
        for part, quantiles in found["characters"].items():
            lines.append(f"    {part:<15}" + "".join(f"{value:>9,}" for value in quantiles.values()))
        lines.append("")
    return "\n".join(lines)


def _bars(counts: dict[str, int], width: int, rows: int) -> list[str]:
    shown = list(counts.items())[:rows]
    rest = list(counts.items())[rows:]
    if rest:
        shown.append((f"({len(rest)} more)", sum(count for _, count in rest)))
    label = min(44, max(len(name) for name, _ in shown))
    room = max(8, width - label - 16)
    most = max(count for _, count in shown)
    return [
        f"    {name[:label]:<{label}} {count:>7} {'█' * max(1, round(room * count / most))}"
        for name, count in shown
    ]
