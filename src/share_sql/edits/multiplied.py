"""Rows that a join repeats before they are added up: the joined table only has conditions to meet.

`SUM(f.v) … JOIN child c ON c.parent_id = f.parent_id WHERE c.tag = 'a'` adds v once for each such child.
Where nothing of the joined table is asked for, the condition is whether there is one: EXISTS.
"""

from __future__ import annotations

import re

from sqlglot import exp

from share_sql.edits.aggregates import clause_of, conjuncts, own_aggregates
from share_sql.edits.edit import Edit, changed, plain_item
from share_sql.errors import QueryError
from share_sql.query.asked import words
from share_sql.query.examined import Examined
from share_sql.requests import Steps, query
from share_sql.sql.scopes import Scope, Source

_TOTAL = re.compile(r"\b(?:total|sum|altogether|overall|in all|combined)\b", re.IGNORECASE)

_EACH = re.compile(
    r"\b(?:over|across|per|each|every|by|times)\s+(?:(?:all|the|each|every|single)\s+)*"
    r"(?P<what>\w+(?:\s\w+)?)",
    re.IGNORECASE,
)
"""Words that make each row of a table count, and the two words after."""


def multiplied_sums(draft: Examined) -> Steps[list[Edit]]:
    """Propose EXISTS for a table that is joined for its conditions alone and changes a sum."""
    tree = draft.tree
    if not isinstance(tree, exp.Select) or not draft.runs or not _TOTAL.search(draft.question):
        return []
    if (
        tree.args.get("group") is not None
        or tree.args.get("having") is not None
        or len(tree.expressions) != 1
    ):
        return []
    found = own_aggregates(plain_item(tree.expressions[0]))
    if len(found) != 1 or not isinstance(found[0], exp.Sum) or found[0].find(exp.Distinct):
        return []
    scope = draft.binding.scopes[0]
    edits = []
    for join in tree.args.get("joins") or ():
        new = None if _is_counted(draft, join) else _semijoined(draft, tree, scope, join)
        if new is None:
            continue
        after = yield from query(draft.text(new))
        if isinstance(after, QueryError) or after.rows == draft.rows:
            continue
        message = (
            f"{draft.text(join.this)} repeats the rows that are added up; it is asked whether there is one"
        )
        edits.append(Edit("multiplied-sum", message, new))
    return edits


def _is_counted(draft: Examined, join: exp.Join) -> bool:
    """Whether the question wants each row of the joined table to count: "over all tasks", "for each task"."""
    named = words(join.this.name)
    return any(words(match["what"]) & named for match in _EACH.finditer(draft.question))


def _semijoined(draft: Examined, tree: exp.Select, scope: Scope, join: exp.Join) -> exp.Select | None:
    """The query with one joined table in EXISTS; None where more of it is used than conditions."""
    source = next((each for each in scope.sources if each.node is join.this), None)
    on = join.args.get("on")
    if source is None or source.table is None or on is None or join.side or not _refers(draft, source, on):
        return None
    where = conjuncts(tree.args.get("where"))
    mine = [part for part in where if _uses(draft, part, source)]
    inside = {id(column) for part in (on, *mine) for column in part.find_all(exp.Column)}
    used = [bound.node for bound in draft.binding.names.values() if bound.source is source]
    if (
        not mine
        or any(id(column) not in inside for column in used)
        or any(part.find(exp.Query) for part in mine)
    ):
        return None
    if any(not column.table for part in (on, *mine) for column in part.find_all(exp.Column)):
        return None  # a bare name could stand for another table's column inside EXISTS
    inner = exp.Select(
        expressions=[exp.Literal.number(1)],
        from_=exp.From(this=join.this.copy()),
        where=clause_of(exp.Where, [*conjuncts(exp.Where(this=on.copy())), *mine]),
    )
    rest = [part for part in where if part not in mine]
    joins = [other for other in tree.args["joins"] if other is not join]
    exists = exp.Exists(this=inner)
    return changed(tree, joins=joins, where=clause_of(exp.Where, [*rest, exists]))


def _uses(draft: Examined, part: exp.Expr, source: Source) -> bool:
    names = draft.binding.names
    return any(
        (bound := names.get(id(column))) and bound.source is source for column in part.find_all(exp.Column)
    )


def _refers(draft: Examined, source: Source, on: exp.Expr) -> bool:
    """Whether the table's own column refers to a key of another: one row there may have many here."""
    names = draft.binding.names
    for node in on.find_all(exp.EQ):
        for one, other in ((node.this, node.expression), (node.expression, node.this)):
            mine, theirs = names.get(id(one)), names.get(id(other))
            if mine is None or theirs is None or mine.source is not source or theirs.source is source:
                continue
            key, table = mine.key, source.table
            if key is not None and table is not None and table.primary_key != (key[1],):
                return True
    return False
