"""How often real drafts are wrong in which way, measured against gold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from share_sql.benchmarks.cases import read_bytes
from share_sql.edits.name import NAMED, differences
from share_sql.errors import BenchmarkError
from share_sql.trajectory.nodes import Trajectory


@dataclass(frozen=True)
class ErrorProfile:
    """How often real drafts are wrong in which way."""

    kinds: Mapping[str, int]
    """Errors by kind, named by the change that mends (`edits/name.py`)."""
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
        """The profile of a file. Raises BenchmarkError where it is none, or has kinds that nobody names."""
        try:
            sizes = {int(size): int(count) for size, count in value["sizes"].items()}
            kinds = {str(kind): int(count) for kind, count in value["kinds"].items()}
            drafts = int(value.get("drafts", 0))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BenchmarkError(
                "an error profile has `kinds` and `sizes`, as error_profile.json in a folder of training data"
            ) from error
        if unknown := sorted(kinds.keys() - NAMED):
            raise BenchmarkError(
                f"{unknown[0]!r} is no kind of error; measure the profile anew without --profile"
            )
        return cls(kinds, sizes, drafts)


def measure(pairs: Iterable[tuple[Trajectory, Trajectory]]) -> ErrorProfile:
    """The errors of real drafts.

    Args:
        pairs: gold's trajectory and the draft's.
    """
    kinds: Counter[str] = Counter()
    sizes: Counter[int] = Counter()
    drafts = 0
    for gold, draft in pairs:
        drafts += 1
        found = [difference.kind for difference in differences(gold, draft)]
        kinds.update(found)
        if found:
            sizes[len(found)] += 1
    return ErrorProfile(dict(kinds), dict(sizes), drafts)
