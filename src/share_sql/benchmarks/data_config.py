"""The reference implementation's data_config.json: where a benchmark's files lie.

A flat JSON object of paths, taken relative to the folder it is used in (the reference runs from its own
root). Each benchmark names its own parts; entries of other uses are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from share_sql.benchmarks.cases import read_json
from share_sql.benchmarks.files import BenchmarkFiles
from share_sql.benchmarks.registry import BENCHMARKS
from share_sql.errors import BenchmarkError

PARTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    part: (benchmark.name, keys)
    for benchmark in BENCHMARKS.values()
    for part, keys in benchmark.config.items()
}
"""By part, its benchmark and the file's key of each use. Drafts are optional; the reference gives dev's on
the command line."""


def read_data_config(path: Path, part: str = "dev", root: Path | None = None) -> BenchmarkFiles:
    """Read a data_config.json.

    Args:
        path: the file.
        part: one of PARTS.
        root: folder that the paths in it are relative to; None for the current one.

    Returns:
        The part's files. Whether they exist is found out when they are loaded.

    Raises:
        BenchmarkError: the file is missing or no JSON object, or lacks a key of the part.
    """
    if part not in PARTS:
        raise BenchmarkError(f"{part!r} is no part of a data_config.json; there are {', '.join(PARTS)}")
    config = read_json(path, "a data_config.json")
    if not isinstance(config, dict):
        raise BenchmarkError(f"{path}: expected a JSON object of paths")
    base = root or Path.cwd()
    benchmark, keys = PARTS[part]
    found: dict[str, Path | None] = {}
    for use in ("questions", "tables", "databases", "meanings", "drafts"):
        value = config.get(keys[use])
        if value is None and use in ("questions", "databases"):
            raise BenchmarkError(f"{path} lacks {keys[use]!r}, the path of the {part} {use}")
        if value is not None and not isinstance(value, str):
            raise BenchmarkError(f"{path}: {keys[use]!r} is not a path")
        found[use] = base / value if value else None
    questions, databases = found["questions"], found["databases"]
    if questions is None or databases is None:
        raise BenchmarkError(f"{path}: {keys['questions']!r} or {keys['databases']!r} is empty")
    return BenchmarkFiles(
        benchmark, questions, databases, found["tables"], found["meanings"], found["drafts"]
    )
