"""What is wrong with a trajectory, in kinds that can be counted and made again.

A kind is `edit part`, as the paper's three edits say it (arXiv 2506.00391): `add`, `delete` or
`substitute`, then the part of the query it touches, and for substitutions what was substituted
(`substitute where literal`). Kinds are measured on real drafts against gold, and `edits.py` makes each kind.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from share_sql.benchmarks.cases import read_bytes
from share_sql.errors import BenchmarkError, TrajectoryError
from share_sql.training.likeness import plain, same_trajectory
from share_sql.trajectory import nodes as n
from share_sql.trajectory.diff import Change, diff
from share_sql.trajectory.read import read

_FRAME = re.compile(r"\bdf\d+\b")
_PARTS: Mapping[type[n.Node], str] = {
    n.Where: "where",
    n.Having: "having",
    n.Select: "select",
    n.Agg: "select",
    n.Aggregate: "select",
    n.GroupBy: "groupby",
    n.OrderBy: "orderby",
    n.Limit: "limit",
    n.Distinct: "distinct",
    n.Join: "join",
    n.Combine: "combine",
}


@dataclass(frozen=True)
class ErrorProfile:
    """How often real drafts are wrong in which way."""

    kinds: Mapping[str, int]
    """Errors by kind."""
    sizes: Mapping[int, int]
    """Wrong drafts by their number of errors."""
    drafts: int = 0
    """Drafts that were compared with gold."""

    def to_json(self) -> dict[str, object]:
        """As plain JSON, most frequent kinds first."""
        kinds = dict(sorted(self.kinds.items(), key=lambda item: (-item[1], item[0])))
        return {
            "drafts": self.drafts,
            "sizes": {str(k): v for k, v in sorted(self.sizes.items())},
            "kinds": kinds,
        }

    @classmethod
    def read(cls, path: Path) -> ErrorProfile:
        """Read a profile's file. Raises BenchmarkError where it cannot be used."""
        try:
            return cls.from_json(json.loads(read_bytes(path, "an error profile")))
        except ValueError as error:
            raise BenchmarkError(f"{path} is not JSON: {error}") from error

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ErrorProfile:
        """The profile of a file. Raises BenchmarkError where it is none."""
        try:
            sizes = {int(size): int(count) for size, count in value["sizes"].items()}
            kinds = {str(kind): int(count) for kind, count in value["kinds"].items()}
            return cls(kinds, sizes, int(value.get("drafts", 0)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BenchmarkError(
                "an error profile has `kinds` and `sizes`, as error_profile.json in a folder of training data"
            ) from error


def measure(pairs: Iterable[tuple[n.Trajectory, n.Trajectory]]) -> ErrorProfile:
    """The errors of real drafts.

    Args:
        pairs: gold's trajectory and the draft's.
    """
    kinds: Counter[str] = Counter()
    sizes: Counter[int] = Counter()
    drafts = 0
    for gold, draft in pairs:
        drafts += 1
        found = error_kinds(gold, draft)
        kinds.update(found)
        if found:
            sizes[len(found)] += 1
    return ErrorProfile(dict(kinds), dict(sizes), drafts)


def error_kinds(gold: n.Trajectory, wrong: n.Trajectory) -> tuple[str, ...]:
    """The kinds of error that make `wrong` out of `gold`, one for each action that differs.

    Joins count only where the actions beside them agree: they mostly follow from the columns used.
    """
    if same_trajectory(gold, wrong):
        return ()
    changes = diff(plain(gold, joins=False), plain(wrong, joins=False))
    kinds = [kind for change in changes for kind in _kinds(change)]
    others = [kind for kind in kinds if not kind.endswith(" join")]
    return tuple(others or kinds)


def _kinds(change: Change) -> list[str]:
    before, after = _action(change.before), _action(change.after)
    if change.kind == "added":
        return [f"add {_part(after)}"]
    if change.kind == "removed":
        return [f"delete {_part(before)}"]
    part = _part(before)
    if part != _part(after):
        return [f"delete {part}", f"add {_part(after)}"]
    detail = _detail(before, after)
    return [f"substitute {part} {detail}".strip()]


def _action(text: str | None) -> n.Node | None:
    """An action from its text, as `diff` prints it."""
    if text is None:
        return None
    # Frames that the action speaks of must be known, or they are taken for names.
    frames = "".join(f"{name} = df.select(1)\n" for name in dict.fromkeys(_FRAME.findall(text)))
    try:
        step = read(f"{frames}res = df.{text}").trajectory.steps[-1]
    except TrajectoryError:
        return None
    if isinstance(step.value, n.Frame) and step.value.actions:
        return step.value.actions[0]
    return step.value


def _part(node: n.Node | None) -> str:
    return _PARTS.get(type(node), "step") if node is not None else "step"


def _detail(before: n.Node | None, after: n.Node | None) -> str:
    """What was substituted within an action."""
    if isinstance(before, n.Where | n.Having) and isinstance(after, n.Where | n.Having):
        return _condition_detail(before.condition, after.condition)
    if isinstance(before, n.Select) and isinstance(after, n.Select):
        return _select_detail(before, after)
    if isinstance(before, n.OrderBy) and isinstance(after, n.OrderBy):
        keys = [key.key for key in before.keys] == [key.key for key in after.keys]
        return "direction" if keys else "key"
    return ""


def _condition_detail(before: n.Expr, after: n.Expr) -> str:
    if isinstance(before, n.Binary) and isinstance(after, n.Binary):
        same = (before.left == after.left, before.op == after.op, before.right == after.right)
        if same == (False, True, True):
            return "column"
        if same == (True, False, True):
            return "operator"
        if same == (True, True, False):
            return "literal"
    return "condition"


def _select_detail(before: n.Select, after: n.Select) -> str:
    if before.items == after.items:
        return "distinct"
    old, new = Counter(before.items), Counter(after.items)
    if old == new:
        return "order"
    if not old - new:
        return "more"
    if not new - old:
        return "fewer"
    gone, come = list((old - new).elements()), list((new - old).elements())
    if len(gone) == len(come) == 1:
        return _item_detail(gone[0], come[0])
    return "items"


def _item_detail(before: n.Expr, after: n.Expr) -> str:
    if isinstance(before, n.Alias):
        return _item_detail(before.value, after)
    if isinstance(after, n.Alias):
        return _item_detail(before, after.value)
    if isinstance(before, n.ColumnRef) and isinstance(after, n.ColumnRef):
        return "column"
    if isinstance(before, n.Call) and isinstance(after, n.Call):
        if before.name != after.name:
            return "aggregate"
        return "count distinct" if before.distinct != after.distinct else "argument"
    if isinstance(before, n.Call) != isinstance(after, n.Call):
        return "aggregate"
    return "expression"
