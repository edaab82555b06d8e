"""What other dialects write and SQLite does not know: their functions, and comparisons with NULL."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping

from sqlglot import exp

from share_sql.edits.edit import Edit, edited
from share_sql.errors import QueryError
from share_sql.query.examined import BoundQuery
from share_sql.stages.stage import Request, Response


def null_comparisons(draft: BoundQuery) -> Generator[Request, Response, Iterable[Edit]]:
    """`x = NULL` holds for no row in any dialect; `x IS NULL` is meant."""
    yield from ()
    edits = []
    for node in draft.tree.find_all(exp.EQ, exp.NEQ):
        if not isinstance(node.expression, exp.Null):
            continue
        negated = isinstance(node, exp.NEQ)

        def change(old: exp.Expr, negated: bool = negated) -> exp.Expr:
            test: exp.Expr = exp.Is(this=old.this.copy(), expression=exp.Null())
            return exp.Not(this=test) if negated else test

        tree = edited(draft, node, change)
        shown = node.this.sql(dialect="sqlite")
        word = "IS NOT NULL" if negated else "IS NULL"
        edits.append(
            Edit("null-comparison", f"no row is {'un' if negated else ''}equal to NULL; {shown} {word}", tree)
        )
    return edits


def functions(draft: BoundQuery) -> Generator[Request, Response, Iterable[Edit]]:
    """Functions of MySQL and others, for drafts that do not run."""
    yield from ()
    if not isinstance(draft.outcome, QueryError):
        return []
    edits = []
    for node in draft.tree.find_all(exp.Func):
        name = node.sql_name() if not isinstance(node, exp.Anonymous) else str(node.this)
        make = _FUNCTIONS.get(name.upper())
        if make is None:
            continue
        new = make(_arguments(node))
        if new is not None:
            tree = edited(draft, node, lambda _, new=new: new.copy())  # type: ignore[misc]
            shown = new.sql(dialect="sqlite")
            edits.append(Edit("unknown-function", f"SQLite has no {name.upper()}; written as {shown}", tree))
    return edits


def _arguments(node: exp.Func) -> list[exp.Expr]:
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    found = []
    for value in node.args.values():
        found += [
            item for item in (value if isinstance(value, list) else [value]) if isinstance(item, exp.Expr)
        ]
    return [item.this if isinstance(item, exp.TsOrDsToDate) else item for item in found]


def _part(form: str) -> Callable[[list[exp.Expr]], exp.Expr | None]:
    """A part of a date, as a number."""

    def make(arguments: list[exp.Expr]) -> exp.Expr | None:
        if len(arguments) != 1:
            return None
        text = exp.Anonymous(this="STRFTIME", expressions=[exp.Literal.string(form), arguments[0].copy()])
        return exp.Cast(this=text, to=exp.DataType.build("INTEGER"))

    return make


def _call(name: str, *more: exp.Expr, count: int) -> Callable[[list[exp.Expr]], exp.Expr | None]:
    def make(arguments: list[exp.Expr]) -> exp.Expr | None:
        if len(arguments) != count:
            return None
        return exp.Anonymous(
            this=name, expressions=[*(a.copy() for a in arguments), *(m.copy() for m in more)]
        )

    return make


def _days_between(arguments: list[exp.Expr]) -> exp.Expr | None:
    if len(arguments) != 2:
        return None
    first, second = (exp.Anonymous(this="JULIANDAY", expressions=[a.copy()]) for a in arguments)
    return exp.Paren(this=exp.Sub(this=first, expression=second))


def _left(arguments: list[exp.Expr]) -> exp.Expr | None:
    if len(arguments) != 2:
        return None
    return exp.Anonymous(
        this="SUBSTR", expressions=[arguments[0].copy(), exp.Literal.number(1), arguments[1].copy()]
    )


_NOW = exp.Literal.string("now")
_FUNCTIONS: Mapping[str, Callable[[list[exp.Expr]], exp.Expr | None]] = {
    "YEAR": _part("%Y"),
    "MONTH": _part("%m"),
    "DAY": _part("%d"),
    "DAYOFMONTH": _part("%d"),
    "HOUR": _part("%H"),
    "MINUTE": _part("%M"),
    "NOW": _call("DATETIME", _NOW, count=0),
    "CURDATE": _call("DATE", _NOW, count=0),
    "DATEDIFF": _days_between,
    "DATE_DIFF": _days_between,
    "IF": _call("IIF", count=3),
    "LEFT": _left,
    "LEN": _call("LENGTH", count=1),
    "CHAR_LENGTH": _call("LENGTH", count=1),
    "UCASE": _call("UPPER", count=1),
    "LCASE": _call("LOWER", count=1),
    "RAND": _call("RANDOM", count=0),
}
