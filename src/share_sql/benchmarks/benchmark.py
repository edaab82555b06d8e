"""What a benchmark is: everything that differs from one to the next, in one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from share_sql.database.base import Row

Match: TypeAlias = Callable[[Sequence[Row], Sequence[Row], str], bool]
"""Predicted rows, gold's rows and gold's SQL: whether the prediction is right."""

Prepare: TypeAlias = Callable[[str, bool, bool], str]
"""An SQL text, whether DISTINCT is kept, whether it is a prediction: the text that is executed."""


def as_it_stands(sql: str, keep_distinct: bool, is_prediction: bool) -> str:
    """The SQL itself, for benchmarks that execute texts as they are."""
    return sql


def config_keys(prefix: str, **others: str) -> dict[str, str]:
    """The keys of one part of the reference's data_config.json, by use.

    Args:
        prefix: what the part's keys begin with.
        others: keys that do not follow the rule, by use.
    """
    kinds = {"questions": "data", "tables": "tables", "databases": "db_dir", "meanings": "column_meaning"}
    return {use: f"{prefix}_{kind}" for use, kind in {**kinds, "drafts": "baseline"}.items()} | others


@dataclass(frozen=True)
class Benchmark:
    """A benchmark's conventions. Each stands in a file of its own; `registry.BENCHMARKS` lists them."""

    name: str
    """As `--benchmark` and `--rule` take it."""
    title: str
    """As people write it."""
    about: str
    """The rule of its `ex`, in one line of Markdown for docs/evaluation.md."""
    after: str
    """The official script that the rule is taken from."""
    gold: str
    """Key of the right SQL in its questions file."""
    levels: tuple[str, ...]
    """Its difficulties, easiest first."""
    match: Match
    """Its rule of execution match."""
    prepare: Prepare = as_it_stands
    """What its evaluator does to a text before it executes it."""
    seconds: float = 30.0
    """Time that a query may take."""
    seconds_together: bool = False
    """True: prediction and gold share that time. False: each has it."""
    drops_distinct: bool = False
    """Its evaluator takes DISTINCT out unless it is told to keep it."""
    plugs_values: bool = False
    """Its evaluator can try gold's values in a prediction."""
    rates_gold: bool = False
    """Its questions have no difficulty: its evaluator works it out from gold."""
    metrics: tuple[str, ...] = ("ex", "strict")
    """What `share eval` scores where nothing else is said."""
    descriptions: str = ""
    """Folder beside each database with the columns' meanings; empty where there is none."""
    config: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Its parts of the reference's data_config.json: by part, the file's key of each use."""
