"""What kind of value an expression gives: found once for each column, then told from the tree.

The kinds are `int`, `exact` (decimal), `real`, `text`, `date`, `time` (a date with a time), `clock` (a time
of the day), `span` (an interval) and `bool`; empty where nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlglot import exp

from share_sql.edits.foreign.nodes import Reading
from share_sql.schema.model import Schema, Table

NUMBERS = frozenset({"int", "exact", "real"})
MOMENTS = frozenset({"date", "time"})
_KIND = "kind"
_NOT_NULL = "filled"
_WHO = "who"
DIGITS = "digits"
"""Notes on a text that it holds digits alone."""
_DEEPEST = 12

_TYPES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"bool|bit\(1\)|bit$", "bool"),
        (r"interval", "span"),
        (r"timestamp|datetime", "time"),
        (r"date", "date"),
        (r"time", "clock"),
        (r".*int|serial|year|bigserial|ubigint", "int"),
        (r"numeric|decimal|money|number", "exact"),
        (r"real|double|float", "real"),
        (r".*char|.*text|string|enum|clob|uuid|citext|name$", "text"),
    )
)


def kind_of_type(name: str) -> str:
    """The kind of a declared type."""
    return next((kind for pattern, kind in _TYPES if pattern.match(name)), "")


def mark_columns(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Note on each column what it holds, so that a copy outside its query still tells."""
    owners = Owners(reading.schema)
    for column in tree.find_all(exp.Column):
        kind, filled = _of_column(column, owners, 0)
        column.meta[_KIND] = kind
        owner = owners.of(column)
        column.meta[_WHO] = f"{owner[0].alias_or_name}.{column.name}".lower() if owner is not None else ""
        column.meta[_NOT_NULL] = filled
    return tree, ""


def same_text(node: exp.Expr) -> str:
    """An expression as a text that two have where they mean the same: columns by the item of FROM."""
    bare = node.unalias()
    if isinstance(bare, exp.Column) and bare.meta.get(_WHO):
        return str(bare.meta[_WHO])
    copy = bare.copy()
    while isinstance(copy, exp.Paren):
        copy = copy.this
    for column in [copy] if isinstance(copy, exp.Column) else list(copy.find_all(exp.Column)):
        who = column.meta.get(_WHO)
        if who:
            if column is copy:
                return str(who)
            column.replace(exp.to_identifier(who, quoted=False))
    return copy.sql().lower()


def is_filled(node: exp.Expr) -> bool:
    """Whether a value is known never to be NULL."""
    if isinstance(node, exp.Paren | exp.Alias):
        return is_filled(node.this)
    if isinstance(node, exp.Column):
        return bool(node.meta.get(_NOT_NULL))
    if isinstance(node, exp.Coalesce):
        return any(is_filled(part) for part in (node.this, *node.expressions))
    if isinstance(node, exp.Neg | exp.Abs):
        return is_filled(node.this)
    return isinstance(node, exp.Count | exp.Literal | exp.CountIf)


def marked(node: exp.Expr, kind: str) -> exp.Expr:
    """A node with its kind noted on it, where the tree does not tell."""
    node.meta[_KIND] = kind
    return node


def sources_of(select: exp.Expr) -> Iterator[exp.Expr]:
    """The tables and queries that a SELECT reads."""
    source = select.args.get("from_")
    items = [source.this] if source is not None else []
    items += [join.this for join in select.args.get("joins") or ()]
    while items:
        item = items.pop(0)
        if isinstance(item, exp.Paren) or (
            isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table)
        ):
            items.append(item.this)
            continue
        items += [join.this for join in item.args.get("joins") or ()] if isinstance(item, exp.Table) else []
        yield item


def query_of(table: exp.Table) -> exp.Query | None:
    """The common table expression that a name in FROM stands for; None where it is a table."""
    node: exp.Expr | None = table
    while node is not None:
        held = node.args.get("with_")
        for cte in held.expressions if held is not None else ():
            if cte.alias.lower() == table.name.lower() and not table.args.get("db"):
                return cte.this if isinstance(cte.this, exp.Query) else None
        node = node.parent
    return None


def table_of(source: exp.Expr, schema: Schema) -> Table | None:
    """The schema's table that an item of FROM is; None for queries and unknown names."""
    if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
        return None
    if query_of(source) is not None:
        return None
    if source.args.get("db"):
        found = schema.table(f"{source.text('db')}.{source.name}")
        if found is not None:
            return found
    return schema.table(source.name)


class Owners:
    """Which item of FROM each column of a query is of; what a SELECT reads is looked up once."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._read: dict[int, tuple[exp.Expr, _Read]] = {}

    def of(self, column: exp.Column) -> tuple[exp.Expr, Table | exp.Query] | None:
        """The item of FROM that a column is of, with its table or query; None where it is not found."""
        name, wanted = column.name.lower(), column.table.lower()
        select = column.find_ancestor(exp.Select)
        while select is not None:
            read = self._of_select(select)
            if wanted:
                for source, owner in read.by_alias.get(wanted, ()):
                    if _gives(owner, name):
                        return source, owner
            elif name in read.by_name:
                return read.by_name[name]
            elif read.starred:
                return read.starred[0]
            select = select.find_ancestor(exp.Select)
        return None

    def _of_select(self, select: exp.Expr) -> _Read:
        known = self._read.get(id(select))
        if known is not None:
            return known[1]
        read = _Read({}, {}, [])
        for source in sources_of(select):
            table = table_of(source, self.schema)
            query = query_of(source) if isinstance(source, exp.Table) else source.this
            owner = table if table is not None else query if isinstance(query, exp.Query) else None
            if owner is None:
                continue
            pair = source, owner
            read.by_alias.setdefault(source.alias_or_name.lower(), []).append(pair)
            if isinstance(owner, Table):
                names = [column.name.lower() for column in owner.columns]
            else:
                names = [item.alias_or_name.lower() for item in owner.selects]
                if any(item.is_star for item in owner.selects):
                    read.starred.append(pair)
            for name in names:
                read.by_name.setdefault(name, pair)
        self._read[id(select)] = select, read
        return read


@dataclass(frozen=True)
class _Read:
    """What a SELECT reads."""

    by_alias: dict[str, list[tuple[exp.Expr, Table | exp.Query]]]
    by_name: dict[str, tuple[exp.Expr, Table | exp.Query]]
    starred: list[tuple[exp.Expr, Table | exp.Query]]
    """Queries whose columns are not all named."""


def _gives(owner: Table | exp.Query, name: str) -> bool:
    if isinstance(owner, Table):
        return owner.column(name) is not None
    return any(item.alias_or_name.lower() == name or item.is_star for item in owner.selects)


def _of_column(column: exp.Column, owners: Owners, depth: int) -> tuple[str, bool]:
    if _KIND in column.meta:
        return column.meta[_KIND], bool(column.meta.get(_NOT_NULL))
    if depth > _DEEPEST:
        return "", False
    found = owners.of(column)
    if found is None:
        item = _aliased(column)
        if item is not None and item.find(exp.Column) is not column:
            return _kind(item, owners, depth + 1), False
        return "", False
    _, owner = found
    if isinstance(owner, Table):
        declared = owner.column(column.name)
        if declared is None:
            return "", False
        filled = (not declared.nullable or declared.primary_key) and column.find_ancestor(exp.Join) is None
        return kind_of_type(declared.type), filled and not _is_outer(column)
    for item in owner.selects:
        if item.alias_or_name.lower() == column.name.lower():
            return _kind(item, owners, depth + 1), False
    for source in sources_of(owner):
        table = table_of(source, owners.schema)
        starred = table.column(column.name) if table is not None else None
        if starred is not None:
            return kind_of_type(starred.type), False
    return "", False


def _is_outer(column: exp.Column) -> bool:
    select = column.find_ancestor(exp.Select)
    joins = select.args.get("joins") or () if select is not None else ()
    return any(join.side for join in joins)


def _aliased(column: exp.Column) -> exp.Expr | None:
    """What an alias of its own SELECT stands for."""
    select = column.find_ancestor(exp.Select)
    if select is None or column.table:
        return None
    name = column.name.lower()
    return next(
        (item.this for item in select.selects if isinstance(item, exp.Alias) and item.alias.lower() == name),
        None,
    )


def kind(node: exp.Expr | None) -> str:
    """What an expression gives; its columns have been marked."""
    return _kind(node, _NONE, 0)


_NONE = Owners(Schema("", ()))
_TEXTS = (
    exp.Lower, exp.Upper, exp.Substring, exp.Trim, exp.Concat, exp.ConcatWs, exp.DPipe, exp.GroupConcat,
    exp.TimeToStr, exp.Replace, exp.Left, exp.Right, exp.Pad, exp.SplitPart, exp.ToChar, exp.Initcap,
    exp.RegexpReplace, exp.Chr, exp.NumberToStr, exp.Monthname, exp.Dayname, exp.SubstringIndex, exp.Repeat,
    exp.Reverse, exp.ArrayToString, exp.Hex, exp.Typeof,
)  # fmt: skip
_TRUTHS = (
    exp.Boolean, exp.Predicate, exp.Connector, exp.Not, exp.RegexpLike, exp.RegexpILike, exp.NullSafeEQ,
    exp.NullSafeNEQ, exp.Xor,
)  # fmt: skip
_INTS = (
    exp.Count, exp.Length, exp.StrPosition, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.Year,
    exp.Month, exp.Day, exp.Hour, exp.Minute, exp.Second, exp.Quarter, exp.Week, exp.DateDiff, exp.IntDiv,
    exp.TimestampDiff, exp.CountIf, exp.DayOfWeek, exp.DayOfYear, exp.DayOfMonth, exp.Unicode, exp.Sign,
)  # fmt: skip
_SAME = (
    exp.Paren, exp.Alias, exp.Max, exp.Min, exp.Window, exp.Filter, exp.AnyValue, exp.Nullif,
    exp.Neg, exp.Abs, exp.Order, exp.FirstValue, exp.LastValue, exp.Lag, exp.Lead, exp.Collate, exp.First,
    exp.ArgMax, exp.ArgMin, exp.Ordered, exp.IgnoreNulls, exp.Bracket, exp.ArrayAgg, exp.WithinGroup,
)  # fmt: skip
_CALLS: Mapping[str, str] = MappingProxyType({
    "DATE": "date", "DATETIME": "time", "TIME": "clock", "NOW": "time", "PRINTF": "text", "FORMAT": "text",
    "TOTAL": "real", "JULIANDAY": "real", "UNIXEPOCH": "int", "TO_CHAR": "text", "DATE_FORMAT": "text",
    "AGE": "span", "TRUNC": "exact", "STRFTIME": "text", "RPAD": "text", "LPAD": "text", "IFNULL": "",
})  # fmt: skip


def _kind(node: exp.Expr | None, owners: Owners, depth: int) -> str:
    if node is None or depth > _DEEPEST * 4:
        return ""
    noted = node.meta.get(_KIND)
    if noted is not None:
        return str(noted)
    if isinstance(node, exp.Column):
        return _of_column(node, owners, depth)[0]
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "int" if node.name.isdigit() else "exact"
    if isinstance(node, exp.Cast):
        return kind_of_type(node.to.sql())
    if isinstance(node, _TRUTHS):
        return "bool"
    if isinstance(node, exp.CurrentDate | exp.TsOrDsToDate | exp.StrToDate | exp.DateFromParts | exp.LastDay):
        return "date"
    if isinstance(node, exp.CurrentTimestamp | exp.StrToTime | exp.TimestampTrunc | exp.UnixToTime):
        return "time"
    if isinstance(node, exp.TsOrDsToTimestamp):
        return _kind(node.this, owners, depth + 1)
    if isinstance(node, exp.Interval):
        return "span"
    if isinstance(node, _TEXTS):
        return "text"
    if isinstance(node, exp.Extract):
        return "int"
    if isinstance(node, _INTS):
        return "int"
    if isinstance(
        node, exp.Avg | exp.Sqrt | exp.Pow | exp.Ln | exp.Log | exp.Exp | exp.Stddev | exp.Variance
    ):
        return "real"
    if isinstance(node, exp.Floor | exp.Ceil | exp.Trunc):
        return _kind(node.this, owners, depth + 1)
    if isinstance(node, exp.Round):
        inner = _kind(node.this, owners, depth + 1)
        return inner if inner in NUMBERS else "real"
    if isinstance(node, exp.Sum):
        inner = _kind(node.this, owners, depth + 1)
        return "int" if inner == "bool" else inner
    if isinstance(node, exp.Distinct):
        return _kind(node.expressions[0], owners, depth + 1) if len(node.expressions) == 1 else ""
    if isinstance(node, _SAME):
        return _kind(node.this, owners, depth + 1)
    if isinstance(node, exp.Coalesce | exp.Greatest | exp.Least):
        return _of_several([node.this, *node.expressions], owners, depth)
    if isinstance(node, exp.If):
        return _of_several([node.args.get("true"), node.args.get("false")], owners, depth)
    if isinstance(node, exp.Case):
        return _of_several(branches(node), owners, depth)
    if isinstance(node, exp.Binary):
        return _of_operation(node, owners, depth)
    if isinstance(node, exp.Subquery | exp.Query):
        selects = node.selects
        return _kind(selects[0], owners, depth + 1) if len(selects) == 1 else ""
    if isinstance(node, exp.Anonymous):
        return _CALLS.get(str(node.this).upper(), "")
    return ""


def branches(case: exp.Case) -> list[exp.Expr | None]:
    """The results of a CASE."""
    return [*(part.args.get("true") for part in case.args.get("ifs") or ()), case.args.get("default")]


def _of_several(values: list[exp.Expr | None], owners: Owners, depth: int) -> str:
    found = {
        _kind(value, owners, depth + 1)
        for value in values
        if value is not None and not isinstance(value, exp.Null)
    }
    if found <= NUMBERS and found:
        return next(name for name in ("real", "exact", "int") if name in found)
    if found <= MOMENTS and found:
        return "time" if "time" in found else "date"
    return found.pop() if len(found) == 1 else ""


def _of_operation(node: exp.Binary, owners: Owners, depth: int) -> str:
    left, right = _kind(node.this, owners, depth + 1), _kind(node.expression, owners, depth + 1)
    if isinstance(node, exp.Add | exp.Sub) and left in MOMENTS | {"clock"}:
        if right == "span":
            return "time"
        if right in NUMBERS:
            return left
        return "int" if left == right == "date" else "span"
    if isinstance(node, exp.Div) and {left, right} == {"int"}:
        return "int" if node.args.get("typed") else "exact"
    kinds = {left, right}
    if "real" in kinds or kinds & {"text", ""}:
        return "real"
    return "exact" if "exact" in kinds else "int"
