"""SQL text with holes: made of a syntax tree, and checked before it is filled.

What the language has no word for keeps its dialect's own words: the tree is written by the dialect's
generator with placeholders in place of its sub-expressions. Where that reads `NAME(a, b, c)` it is a plain
call, which the language has; else the text between the placeholders becomes an Sql node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from sqlglot import exp
from sqlglot.errors import SqlglotError

from share_sql.dialects import dialect_of
from share_sql.errors import CompileError, SqlUnreadable
from share_sql.sql.written import UNFORESEEN, write_sql
from share_sql.sqlglot_dialects import sqlglot_dialect
from share_sql.trajectory import nodes as n
from share_sql.trajectory.functions import in_dialect
from share_sql.trajectory.template_text import pieces, with_holes
from share_sql.trajectory.words import BARE_CALLS, word_set

_HOLE: Final = "__hole_"
_HOLES: Final = re.compile(_HOLE + r"(\d+)")
_QUERY_HOLES: Final = re.compile(rf"SELECT ({_HOLE}\d+)")
_BARE_HOLES: Final = re.compile(rf"\b(ANY|ALL|SOME) ({_HOLE}\d+)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_READ_OTHERWISE: Final = word_set(
    "cast try_cast convert case if when case_when exists not extract distinct interval sql in array any all"
    " some and or"
)
"""Calls of these names mean something else in the language, or are no calls."""
_INLINE: Final = (
    exp.Literal, exp.Null, exp.Boolean, exp.Identifier, exp.Var, exp.DataType, exp.Star, exp.Placeholder,
    exp.Parameter, exp.Interval, exp.JSONPath, exp.HexString, exp.ByteString, exp.BitString, exp.RawString,
    exp.National, exp.Cast, exp.Neg,
)  # fmt: skip
"""What stays in the text where no column is in it."""
_SHELLS: Final = (
    exp.Order, exp.Ordered, exp.Distinct, exp.Where, exp.WindowSpec, exp.Interval, exp.JSONPath, exp.Lambda,
    exp.Comprehension, exp.PropertyEQ, exp.Kwarg, exp.Slice, exp.DataType, exp.Var, exp.Star, exp.Identifier,
    exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Having, exp.HavingMax, exp.JSONKeyValue,
    exp.Limit, exp.JSONPathPart, exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TsOrDsToTime,
    exp.TsOrDsToDatetime, exp.Any, exp.All, exp.From, exp.Tuple, exp.ColumnDef, exp.Schema, exp.PivotAny,
)  # fmt: skip
"""What is no expression of its own: it stays in the text, and what is in it is looked at."""
_AROUND: Final = (exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Filter, exp.Window)
"""What stands around a function that is no expression without it."""
_SPELLED: Final[Mapping[tuple[str, type], str]] = {
    # sqlglot would write REGEXP_LIKE(a, b), which MariaDB has not.
    ("mysql", exp.RegexpLike): "{} REGEXP {}",
    # DuckDB's operator wants the whole text to match, the function that sqlglot would write a part of it.
    ("duckdb", exp.RegexpLike): "{} ~ {}",
}
Filler = Callable[[Any], n.Expr]


def spelled(tree: Any, dialect: str, expr: Filler, variables: frozenset[str] = frozenset()) -> n.Expr:
    """An expression in its dialect's own words.

    Args:
        tree: the expression; it is left as it is.
        dialect: sqlglot's name of the dialect.
        expr: turns a sub-expression.
        variables: names, in lower case, of the lambdas' variables around it.

    Returns:
        A Call where the dialect writes it as a plain call, else an Sql node.

    Raises:
        SqlUnreadable: the dialect's generator cannot write it with holes.
    """
    own = _SPELLED.get((dialect, type(tree)))
    if own is not None and not tree.meta:  # a call has its place there
        return n.Sql(own, (expr(tree.this), expr(tree.expression)))
    text, originals = _text(tree, dialect, variables)
    order = [int(number) for number in _HOLES.findall(text)]
    if sorted(set(order)) != list(range(len(originals))):
        raise SqlUnreadable(f"{type(tree).__name__} cannot be taken apart: {write_sql(tree, dialect)[:80]}")
    holes = [expr(original) for original in originals]
    call = _plain_call(text, dialect, holes)
    # A name that models use in another sense stays SQL text: DuckDB's divide(a, b) is no ratio.
    if call is not None and in_dialect(call, dialect) is call:
        return call
    parts = _HOLES.split(text)[::2]
    return n.Sql(with_holes(parts), tuple(holes[at] for at in order))


def _text(tree: Any, dialect: str, variables: frozenset[str]) -> tuple[str, list[Any]]:
    """The tree's SQL with placeholders, and the sub-expressions that they stand for."""
    copy = tree.copy()
    originals = {id(new): old for old, new in zip(tree.walk(), copy.walk(), strict=True)}
    holes: list[Any] = []
    for node in list(_cut(copy, variables)):
        old = originals[id(node)]
        mark: exp.Expr = exp.column(f"{_HOLE}{len(holes)}")
        if isinstance(node, exp.Query) and not isinstance(node, exp.Subquery):
            mark = exp.select(mark)  # ARRAY(SELECT …) is written otherwise than ARRAY[…]
        node.replace(mark)
        holes.append(old)
    text = _QUERY_HOLES.sub(r"\1", write_sql(copy, dialect))
    return _BARE_HOLES.sub(r"\1 (\2)", text), holes


def _cut(root: Any, variables: frozenset[str]) -> Iterator[Any]:
    """The sub-expressions of a tree that become holes."""
    todo = [(child, root, variables | _own_variables(root)) for child in root.iter_expressions()]
    todo.reverse()
    while todo:
        node, parent, known = todo.pop()
        known = known | _own_variables(node)
        if known and _names_any(node, known):
            pass
        elif isinstance(node, exp.Column | exp.Query):
            yield node
            continue
        elif (isinstance(parent, _AROUND) and node is parent.this) or (
            isinstance(node, exp.Paren) and isinstance(parent, exp.Any | exp.All | exp.Dot)
        ):
            pass
        elif isinstance(node, _INLINE) and not any(_is_open(part) for part in node.walk()):
            continue
        elif not isinstance(node, _SHELLS) and isinstance(node, exp.Condition | exp.Func | exp.Paren):
            yield node
            continue
        todo += [(child, node, known) for child in node.iter_expressions()][::-1]


def _is_open(node: Any) -> bool:
    return isinstance(node, exp.Column | exp.Query)


def _own_variables(node: Any) -> frozenset[str]:
    if isinstance(node, exp.Lambda):
        return frozenset(name.name.lower() for name in node.expressions)
    if isinstance(node, exp.Comprehension):
        return frozenset((node.expression.name.lower(),))
    return frozenset()


def _names_any(node: Any, names: frozenset[str]) -> bool:
    for part in node.find_all(exp.Column, exp.Identifier):
        first = part.parts[0] if isinstance(part, exp.Column) else part
        if first.name.lower() in names:
            return True
    return False


def _plain_call(text: str, dialect: str, holes: list[n.Expr]) -> n.Call | None:
    """The call that a text is: `NAME(x, 'y', 3)`; None where it is none."""
    if text.lower() in BARE_CALLS:
        return n.Call(text.lower())
    name, bracket, _ = text.partition("(")
    if not bracket or not _NAME.match(name) or name.lower() in _READ_OTHERWISE:
        return None
    tokens = sqlglot_dialect(dialect).tokenize(text)[2:]
    kinds = [token.token_type.name for token in tokens]
    distinct = kinds[:1] == ["DISTINCT"]
    if distinct:
        tokens, kinds = tokens[1:], kinds[1:]
    args: list[n.Expr] = []
    if kinds == ["R_PAREN"]:
        return n.Call(name.lower())
    at = 0
    while True:
        minus = kinds[at : at + 1] == ["DASH"]
        at += minus
        if at + 1 >= len(kinds):
            return None
        token, kind = tokens[at], kinds[at]
        hole = _HOLES.fullmatch(token.text)
        if kind == "NUMBER":
            args.append(n.Literal.number("-" * minus + token.text))
        elif minus:
            return None
        elif kind == "STRING":
            args.append(n.Literal(token.text))
        elif kind == "NULL":
            args.append(n.Literal(None))
        elif kind in ("TRUE", "FALSE"):
            args.append(n.Literal(kind == "TRUE"))
        elif hole:
            if isinstance(holes[int(hole[1])], n.Star):
                return None
            args.append(holes[int(hole[1])])
        elif kind == "STAR":
            args.append(n.Star())
        else:
            return None
        if kinds[at + 1 :] == ["R_PAREN"]:
            return n.Call(name.lower(), tuple(args), distinct)
        if kinds[at + 1] != "COMMA":
            return None
        at += 2


# ------------------------------------------------------------------ the way back


Place = Literal["expression", "source", "key"]


@dataclass(frozen=True)
class Template:
    """A text that was checked."""

    parts: tuple[str, ...]
    """What stands between the holes."""
    atomic: bool
    """Whether it needs no parentheses wherever it stands."""


_FRAMES: Final = {
    "expression": "SELECT {}",
    "source": "SELECT 1 FROM {} AS _part",
    "key": "SELECT 1 FROM _part GROUP BY {}",
}
_NO_EXPRESSIONS: Final = (exp.Command, exp.DML, exp.DDL, exp.Alias, exp.Into)
_GROUP_ENDS: Final = frozenset(("WITH ROLLUP", "ALL"))


@lru_cache(maxsize=2048)
def checked(text: str, dialect: str, place: Place) -> Template:
    """The text of an Sql node, parsed: exactly one expression, or one source, can come of it.

    Raises:
        CompileError: it is none in this dialect; or it holds a query of its own, which belongs in a hole.
    """
    parts = tuple(pieces(text))
    if place == "key" and text in _GROUP_ENDS:
        return Template(parts, True)
    if any(part.rstrip().endswith(".") for part in parts[:-1]):
        parts = ("",)  # a hole is no field's name
    # A hole before `.field` or in a query's place is only read in parentheses.
    for mark in ("{}", "({})") if _HOLE not in text else ():
        marks = [mark.format(f"{_HOLE}{at}") for at in range(len(parts) - 1)]
        filled = parts[0] + "".join(map(str.__add__, marks, parts[1:]))
        inner = _read(filled, dialect, place)
        if inner is not None and _fits(inner, len(marks)):
            return Template(parts, isinstance(inner, exp.Interval) or _is_atom(inner, filled))
    raise CompileError(f"no {_of(place)} can be made of the SQL {text[:80]!r} in {dialect_of(dialect).title}")


def _read(filled: str, dialect: str, place: Place) -> Any:
    """What the database would read of a text at a place; None where that is not exactly one thing."""
    statement = _FRAMES[place].replace("{}", filled)
    reader = sqlglot_dialect(dialect)
    try:
        tokens = reader.tokenize(statement)
        trees = reader.parser().parse(tokens, statement)
    except (SqlglotError, RecursionError, *UNFORESEEN):
        return None
    tree = trees[0] if len(trees) == 1 else None
    whole = not any(token.comments for token in tokens)
    return _only(tree, place) if whole and isinstance(tree, exp.Select) else None


def _fits(inner: Any, holes: int) -> bool:
    """Whether each hole is one operand, and there is no query beside the holes."""
    columns = [node for node in inner.find_all(exp.Column) if _HOLES.fullmatch(node.name)]
    if any(node.args.get("table") or node.this.args.get("quoted") for node in columns):
        return False
    found = [node.name for node in columns]
    wanted = [f"{_HOLE}{at}" for at in range(holes)]
    return sorted(found) == sorted(wanted) and inner.find(exp.Query, *_NO_EXPRESSIONS) is None


def _is_atom(inner: Any, filled: str) -> bool:
    return isinstance(inner, _ATOMS) and _closed(filled)


_ATOMS: Final = (exp.Func, exp.Column, exp.Paren, exp.Literal, exp.Any, exp.All, exp.Bracket, exp.Cast)


def _closed(text: str) -> bool:
    """Whether a text is a name with one pair of brackets: `EXTRACT(…)`, `ARRAY[…]`; or has no space."""
    match = re.match(r"[\w.]* ?([(\[{])", text)
    if match is None:
        return re.fullmatch(r"[\w.]+", text) is not None
    depth = 0
    quoted = ""
    for at, sign in enumerate(text):
        if quoted:
            quoted = "" if sign == quoted else quoted
        elif sign in "'\"":
            quoted = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth == 0 and at < len(text) - 1:
                return False
    return True


def _only(tree: exp.Select, place: Place) -> Any:
    """What stands at the place that is to be filled; None where more than that was read."""
    read = {key for key, value in tree.args.items() if value}
    if place == "expression":
        return tree.expressions[0] if read == {"expressions"} and len(tree.expressions) == 1 else None
    if place == "source":
        source = tree.args["from_"].this if read == {"expressions", "from_"} else None
        if source is None or source.args.get("joins") or source.alias != "_part":
            return None
        name = source.this
        return None if isinstance(source, exp.Table) and isinstance(name, exp.Identifier) else source
    return tree.args["group"] if read == {"expressions", "from_", "group"} else None


def _of(place: Place) -> str:
    return {"expression": "one expression", "source": "one source", "key": "one key of groups"}[place]
