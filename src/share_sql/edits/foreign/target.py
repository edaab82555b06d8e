"""What it takes to write a database's dialect: rules by clause, by node and by name of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlglot import exp

from share_sql.edits.foreign.nodes import Reading, Rule

Clause: TypeAlias = Callable[[exp.Query, Reading], "tuple[exp.Query, str]"]
"""Rewrites a query; gives the query and what was rewritten, in a word, empty where nothing was."""


PLAIN = "plain"
"""The way in which a text of the database's own dialect is only spelled as it should be."""


@dataclass(frozen=True)
class Target:
    """The rules that write one dialect."""

    clauses: tuple[Clause, ...]
    """In order, before the nodes."""
    by_node: Mapping[type[exp.Expr], tuple[Rule, ...]]
    """By node; the first rule that writes it is taken."""
    by_name: Mapping[str, Rule]
    """By the name, in capitals, of a call that sqlglot has no node for."""
    last: tuple[Clause, ...] = ()
    """Clauses that come after the nodes."""
    null_order: Clause | None = None
    """What comes before all others in a text that does not say where NULL is sorted."""
    ways: tuple[str, ...] = ("",)
    """Ways to write a text, in the order in which they are tried: `Reading.way`."""
    plain_by_node: Mapping[type[exp.Expr], tuple[Rule, ...]] = field(default_factory=dict)
    """By node, what is done in the plain way."""
    names_calls: bool = False
    """Whether the calls that the dialect lacks are named where no rule has a word for them."""


def in_families(*families: Mapping[type[exp.Expr], Rule]) -> Mapping[type[exp.Expr], tuple[Rule, ...]]:
    """Rules of several tables by node, those of the earlier table first."""
    kinds = {kind for family in families for kind in family}
    return {kind: tuple(family[kind] for family in families if kind in family) for kind in kinds}
