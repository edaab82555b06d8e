"""COUNT of a condition: it counts the rows where the condition is false, too.

COUNT leaves out NULL alone (sqlite.org/lang_aggfunc.html), so `COUNT(CASE WHEN c THEN 1 ELSE 0 END)` and
`COUNT(c)` count every row, whatever c says.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.edit import Edit, changed, put
from share_sql.query.examined import Examined

_CONDITIONS = (exp.Predicate, exp.And, exp.Or, exp.Not, exp.In, exp.Between, exp.Is)


def condition_counts(draft: Examined) -> Iterator[Edit]:
    """Propose `COUNT(CASE WHEN c THEN 1 END)` for each COUNT of a condition."""
    for count in draft.tree.find_all(exp.Count):
        inner = count.this
        new = _of_distinct(inner) if isinstance(inner, exp.Distinct) else _counted(inner)
        if new is not None:
            message = f"{draft.text(count)} counts every row; only those are counted that meet the condition"
            yield Edit("count-condition", message, put(draft, inner, new), certain=True)


def _of_distinct(distinct: exp.Distinct) -> exp.Expr | None:
    """`COUNT(DISTINCT CASE WHEN c THEN id ELSE 0 END)` counts the 0 as one more."""
    values = distinct.expressions
    inner = values[0] if len(values) == 1 else None
    new = _counted(inner) if isinstance(inner, exp.Case | exp.If) else None
    if new is None or all(isinstance(result, exp.Literal) for result in _results(inner)):
        return None
    return exp.Distinct(expressions=[new])


def _counted(inner: exp.Expr | None) -> exp.Expr | None:
    """What COUNT is to count; None where it counts as it should."""
    inner = inner.unnest() if inner is not None else None
    if isinstance(inner, exp.Case | exp.If):
        return _without_zeros(inner)
    if isinstance(inner, _CONDITIONS) and not isinstance(inner, exp.SubqueryPredicate):
        # `x = 'a' OR NULL` is NULL where it does not hold: an idiom that counts what it should.
        nulls = [null for null in inner.find_all(exp.Null) if not isinstance(null.parent, exp.Is)]
        return None if nulls else _case([(inner, exp.Literal.number(1))])
    return None


def _results(case: exp.Expr | None) -> list[exp.Expr]:
    branches: list[exp.Expr | None] = []
    if isinstance(case, exp.Case):
        branches = [branch.args.get("true") for branch in case.args["ifs"]] + [case.args.get("default")]
    elif isinstance(case, exp.If):
        branches = [case.args.get("true"), case.args.get("false")]
    return [branch for branch in branches if branch is not None]


def _without_zeros(case: exp.Case | exp.If) -> exp.Expr | None:
    """A CASE or IF whose zeros are NULL; None where it has no zero, or nothing else."""
    results = _results(case)
    if any(isinstance(result, exp.Null) for result in results):
        return None
    if not any(map(_is_zero, results)) or all(map(_is_zero, results)):
        return None
    if isinstance(case, exp.If):
        last = case.args.get("false")
        pairs = [(case.this, case.args["true"])]
        operand = None
    else:
        last = case.args.get("default")
        pairs = [(branch.this, branch.args["true"]) for branch in case.args["ifs"]]
        operand = case.this
    kept = [(test, exp.Null() if _is_zero(result) else result) for test, result in pairs]
    return _case(kept, operand, None if last is None or _is_zero(last) else last)


def _case(
    pairs: list[tuple[exp.Expr, exp.Expr]], operand: exp.Expr | None = None, default: exp.Expr | None = None
) -> exp.Expr:
    branches = [exp.If(this=test.copy(), true=result.copy()) for test, result in pairs]
    return changed(exp.Case(ifs=branches), this=operand, default=default)


def _is_zero(node: exp.Expr) -> bool:
    if isinstance(node, exp.Literal):
        return node.this in ("0", "0.0", "")
    return isinstance(node, exp.Boolean) and not node.this
