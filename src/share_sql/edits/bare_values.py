"""Stored values whose quotes were forgotten: `country = Norway`, `city = New York`, `name LIKE Bo%`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from sqlglot import exp

from share_sql.edits.edit import Edit, edited
from share_sql.errors import QueryError
from share_sql.query.examined import Examined
from share_sql.query.named import column_node, table_node
from share_sql.requests import Steps, look_up, query
from share_sql.schema.model import ColumnName
from share_sql.schema.value_text import squashed
from share_sql.sql.tokens import Token, joined, neighbours, tokens

_COMPARED = (exp.EQ, exp.NEQ, exp.In, exp.Like)
_MOST_WORDS = 8


def bare_values(draft: Examined) -> Steps[list[Edit]]:
    """For each unknown plain name that a column is compared with: the value of that spelling which the column
    stores, in quotes. Only for drafts that do not run."""
    found: list[Edit] = []
    if draft.runs:
        return found
    for parent in draft.tree.find_all(*_COMPARED):
        for left, others in _sides(parent):
            bound = draft.binding.names.get(id(left))
            if bound is None or bound.key is None:
                continue
            column = ColumnName(*bound.key)
            put: list[tuple[exp.Expr, str]] = []
            for other in others:
                written = _written(draft, other)
                if written is None:
                    continue
                for match in (yield from look_up(written, frozenset({column}), 5)):
                    if squashed(match.value) == squashed(written):
                        put.append((other, match.value))
                        break
            if put:
                found.append(_edit(draft, parent, column, put))
    return found


def _sides(parent: exp.Expr) -> Iterator[tuple[exp.Expr, list[exp.Expr]]]:
    if isinstance(parent, exp.In):
        yield parent.this, list(parent.expressions)
        return
    yield parent.this, [parent.expression]
    if isinstance(parent, exp.EQ | exp.NEQ):
        yield parent.expression, [parent.this]


def _written(draft: Examined, node: exp.Expr) -> str | None:
    """The text of an expression that is made of unknown plain names alone, such as `Norway` or `AB-12`."""
    columns = list(node.find_all(exp.Column))
    if not columns or node.find(exp.Func, exp.Subquery, exp.Select) is not None:
        return None
    for column in columns:
        bound = draft.binding.names.get(id(column))
        unknown = bound is not None and bound.status in ("unknown", "unknown-source")
        if not unknown or column.this.args.get("quoted") or draft.schema.tables_with(column.name):
            return None
    return re.sub(r"(?<!\s)\s*([-.&/])\s*", r"\1", draft.text(node))


def _edit(draft: Examined, parent: exp.Expr, column: ColumnName, put: list[tuple[exp.Expr, str]]) -> Edit:
    places = {id(node): value for node, value in put}

    def change(copy: exp.Expr) -> None:
        for old, new in zip(list(parent.walk()), list(copy.walk()), strict=True):
            if id(old) in places:
                new.replace(exp.Literal.string(places[id(old)]))

    shown = ", ".join(f"'{value}'" for _, value in put)
    message = f"{column} stores {shown}, which must be in quotes"
    return Edit("unquoted-value", message, edited(draft, parent, change))


# -- words that no parser takes ------------------------------------------------------------------------

_STOPS = frozenset((
    "AND", "OR", "GROUP", "ORDER", "LIMIT", "HAVING", "UNION", "INTERSECT", "EXCEPT", "THEN", "ELSE", "END",
    "WHEN", ")", ";", ",", "(", "=", "<", ">", "<=", ">=", "<>", "!=", "||", "BETWEEN", "LIKE", "IN", "IS",
    "NOT", "FROM", "SELECT", "WHERE", "JOIN", "ON", "COLLATE", "ESCAPE", "INNER", "LEFT", "RIGHT", "FULL",
    "CROSS", "NATURAL", "OUTER", "USING", "AS", "ASC", "DESC", "CASE", "OFFSET", "EXISTS",
))  # fmt: skip


def unquoted_runs(sql: str) -> tuple[str, tuple[str, ...]]:
    """The text with quotes round runs of words that stand where one value does, and the texts in them."""
    parts = tokens(sql)
    done: list[str] = []
    values: list[str] = []
    at, inside_in = 0, 0
    while at < len(parts):
        part = parts[at]
        done.append(part.text)
        at += 1
        if part.text == "(":
            inside_in = inside_in + 1 if inside_in or _last_word(parts, at - 2) == "IN" else 0
        elif part.text == ")":
            inside_in = max(0, inside_in - 1)
        opens = part.upper in ("=", "==", "!=", "<>", "LIKE") or (inside_in and part.text in ("(", ","))
        if not opens:
            continue
        end, solid = at, 0
        while end < len(parts) and solid <= _MOST_WORDS and parts[end].upper not in _STOPS and parts[
            end
        ].kind in ("word", "number", "sign", "space"):  # fmt: skip
            solid += parts[end].solid
            end += 1
        run = parts[at:end]
        text = joined(run)
        if _is_value(run):
            lead = text[: len(text) - len(text.lstrip())]
            value = text.strip()
            values.append(value)
            quoted = value.replace("'", "''")
            done.append(f"{lead}'{quoted}'{text[len(text.rstrip()) :]}")
            at = end
    return "".join(done), tuple(values)


_COMPARES = frozenset(("=", "==", "!=", "<>", "<", ">", "<=", ">=", "LIKE", "ILIKE", "GLOB", "BETWEEN"))


def values_in_names(sql: str, names: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """The text with values in single quotes that stand in a name's quotes: ``city = `New York` ``.

    Args:
        sql: the text.
        names: tables and columns of the schema, in lower case; these are names.

    Returns:
        The text, and those of the values that might be names: they must be stored where they are compared.
    """
    parts = tokens(sql)
    around = neighbours(parts)
    done: list[str] = []
    unsure: list[str] = []
    inside_in, converted = 0, False
    for at, (part, (before, after)) in enumerate(zip(parts, around, strict=True)):
        if part.text == "(":
            inside_in = inside_in + 1 if inside_in or before.upper == "IN" else 0
        elif part.text == ")":
            inside_in = max(0, inside_in - 1)
        text = part.text[1:-1]
        is_compared = (
            before.upper in _COMPARES
            or (bool(inside_in) and before.text in ("(", ","))
            or (before.upper == "AND" and converted and _is_range(parts, at))
        )
        is_name = part.text[:1] not in ("`", "[") or text.lower() in names or after.text in (".", "(")
        if part.kind != "name" or is_name or not is_compared:
            done.append(part.text)
            continue
        converted = True
        quoted = text.replace("'", "''")
        done.append(f"'{quoted}'")
        if re.fullmatch(r"[^\W\d][\w ]*", text):
            unsure.append(text)
    return "".join(done), tuple(unsure)


def _is_range(parts: list[Token], at: int) -> bool:
    """Whether the AND before a token is that of BETWEEN: BETWEEN stands two tokens before it."""
    solid = [part.upper for part in reversed(parts[max(0, at - 12) : at]) if part.solid]
    return solid[2:3] == ["BETWEEN"]


def _last_word(parts: list[Token], at: int) -> str:
    while at >= 0 and not parts[at].solid:
        at -= 1
    return parts[at].upper if at >= 0 else ""


def _is_value(run: list[Token]) -> bool:
    """Whether tokens are a text without quotes: several words in a row, or a pattern."""
    solid = [part for part in run if part.solid]
    if not solid or len(solid) > _MOST_WORDS or not any(part.kind == "word" for part in solid):
        return False
    if any(part.kind == "sign" and part.text not in ".-&%_/:!+" for part in solid):
        return False
    if re.match(r"\s*[^\W\d]\w*\.[^\W\d]", joined(run)):
        return False
    # `a.b` and `a - b` are names; so is a single word.
    pattern = solid[0].text == "%" or solid[-1].text == "%"
    row = any(
        left.kind in ("word", "number") and right.kind in ("word", "number")
        for left, right in pairwise(solid)
    )
    return pattern or row


def are_stored(draft: Examined, values: tuple[str, ...]) -> Steps[bool]:
    """Whether each text is stored in the column that it is compared with; capitals and signs do not count."""
    left = list(values)
    for parent in draft.tree.find_all(*_COMPARED):
        bound = draft.binding.names.get(id(parent.this))
        options = parent.expressions if isinstance(parent, exp.In) else [parent.expression]
        for option in options:
            if not (isinstance(option, exp.Literal) and option.this in left):
                continue
            if bound is None or bound.key is None:
                return False
            column, text = ColumnName(*bound.key), str(option.this)
            if isinstance(parent, exp.Like) and re.search(r"[%_]", text):
                held = yield from _matches(draft, column, text)
            else:
                matches = yield from look_up(text, frozenset({column}), 5)
                held = any(squashed(match.value) == squashed(text) for match in matches)
            if not held:
                return False
            left.remove(text)
    return not left


def _matches(draft: Examined, column: ColumnName, pattern: str) -> Steps[bool]:
    """Whether a stored value is like a pattern. The query is built as a tree: no text is pasted into SQL."""
    like = exp.Like(
        this=column_node(column.column),
        expression=exp.Literal.string(pattern),
    )
    table = table_node(draft.schema, column.table)
    outcome = yield from query(draft.text(exp.select("1").from_(table).where(like).limit(1)))
    return not isinstance(outcome, QueryError) and bool(outcome.rows)
