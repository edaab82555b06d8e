"""Figures of the trajectory language, over every recorded trajectory.

    python runs/trajectory_figures.py [DATA]

DATA is the folder with the public data (default: $SHARE_DATA, else ../shared/data). Read from it are
`recorded/*/*_traj.jsonl` (a model's answers, field `response`) and `bird/dev` (questions and schemas).

Printed are, for each file: answers; read with no part unread (typed), read with raw parts (raw), refused
(failed); masked; masked with a schema's name left in it (leaks); typed answers that the extended dialect
gives back unchanged (round trip). Then the causes of what is not typed, and mean times.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

from share_sql.errors import TrajectoryError
from share_sql.schema.model import ColumnName
from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import tokenize
from share_sql.trajectory.mask import mask
from share_sql.trajectory.read import read
from share_sql.trajectory.words import METHODS
from share_sql.trajectory.write import write


def schemas(data: Path) -> dict[str, frozenset[ColumnName]]:
    """Columns of each of BIRD's dev databases."""
    tables = json.loads((data / "bird/dev/dev_tables.json").read_text(encoding="utf-8"))
    return {
        entry["db_id"]: frozenset(
            ColumnName(entry["table_names_original"][table], column)
            for table, column in entry["column_names_original"]
            if table >= 0
        )
        for entry in tables
    }


def databases(data: Path, run: Path) -> dict[int, str]:
    """The database of each case of a run, by idx."""
    own = run / "dev.json"
    path = own if own.exists() else data / "bird/dev/dev.json"
    cases = json.loads(path.read_text(encoding="utf-8"))
    return {case.get("idx", case["question_id"]): case["db_id"] for case in cases}


def leaks(masked: n.Trajectory, columns: frozenset[ColumnName]) -> bool:
    """Whether a name of the schema stands anywhere in a masked trajectory, its constants left aside."""
    names = {name.table.lower() for name in columns} | {name.column.lower() for name in columns}
    for node in masked.walk():
        found: list[str | None] = []
        if isinstance(node, n.ColumnRef):
            found = [node.table, node.name]
        elif isinstance(node, n.Alias | n.Step):
            found = [node.name]
        elif isinstance(node, n.Frame):
            found = [node.source]
        elif isinstance(node, n.FrameColumn):
            found = [node.frame]
        elif isinstance(node, n.Star):
            found = [node.table]
        elif isinstance(node, n.Join):
            found = [node.alias, *node.using]
        elif isinstance(node, n.Named):
            found = [node.name, *node.columns]
        elif isinstance(node, n.Raw | n.RawAction):
            tokens = tokenize(node.text)
            # A word before a bracket is a function or a method (`year(`), whatever columns there are.
            found = [
                low
                for low, kind, behind in zip(tokens.lowers, tokens.kinds, tokens.texts[1:], strict=False)
                if kind == "w" and behind != "("
            ]
        if any(name is not None and name.lower() in names for name in found):
            return True
    return False


def cause(node: n.Node) -> str:
    """Why a part could not be read, in a few words."""
    if isinstance(node, n.RawAction):
        method = node.text.split("(")[0].strip()
        known = method.lower() in METHODS
        return f"arguments of {method} not understood" if known else f"no such method: {method}"
    text = node.text if isinstance(node, n.Raw) else ""
    bare = "".join(tokenize(text).texts)
    if any(bare.count(a) != bare.count(b) for a, b in ("()", "[]")):
        return "brackets do not close"
    if text.count("'") % 2 or text.count("`") % 2:
        return "quotes do not close"
    words = ("pivot(", "calculate(", "combine(", "convert(")
    if text.startswith(words):
        return f"no such function with these arguments: {text.split('(')[0]}"
    if "cast(" in text:
        return "a cast to what is no type"
    if "case(" in text:
        return "a case without its parts"
    return "an expression that is none"


def main() -> None:
    """Print the figures."""
    default = os.environ.get("SHARE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
    data = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    known = schemas(data)
    totals: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    times: Counter[str] = Counter()
    heads = ("total", "typed", "raw", "failed", "masked", "leaks", "roundtrip")
    print(f"{'file':44}" + "".join(f"{head:>10}" for head in heads))
    for path in sorted((data / "recorded").glob("*/*_traj.jsonl")):
        counts: Counter[str] = Counter()
        where = databases(data, path.parent)
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            counts["total"] += 1
            start = perf_counter()
            try:
                tree = read(case["response"]).trajectory
            except TrajectoryError as error:
                counts["failed"] += 1
                causes[f"refused: {error}"] += 1
                continue
            times["read"] += perf_counter() - start  # type: ignore[assignment]
            counts["typed" if tree.is_typed else "raw"] += 1
            for part in {cause(node) for node in tree.walk() if isinstance(node, n.Raw | n.RawAction)}:
                causes[part] += 1
            start = perf_counter()
            masked = mask(tree)
            times["mask"] += perf_counter() - start  # type: ignore[assignment]
            counts["masked"] += 1
            counts["leaks"] += leaks(masked, known[where[case["idx"]]])
            start = perf_counter()
            text = write(tree)
            times["write"] += perf_counter() - start  # type: ignore[assignment]
            counts["roundtrip"] += tree.is_typed and read(text).trajectory == tree
        name = f"{path.parent.name}/{path.name}"
        print(f"{name:44}" + "".join(f"{counts[head]:>10}" for head in heads))
        totals.update(counts)
    print(f"{'all':44}" + "".join(f"{totals[head]:>10}" for head in heads))
    total = totals["total"]
    print(f"\ntyped {totals['typed'] / total:.2%}, masked {totals['masked'] / total:.2%}")
    print("mean time: " + ", ".join(f"{verb} {spent / total * 1e6:.0f} µs" for verb, spent in times.items()))
    print("\nanswers by cause of what could not be read:")
    for text, count in causes.most_common():
        print(f"{count:6}  {text}")


if __name__ == "__main__":
    main()
