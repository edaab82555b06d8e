"""Words of a draft that no parser takes: keywords glued or misspelt, names that must be quoted, commas and
parentheses too many or too few."""

from __future__ import annotations

import re
from collections.abc import Iterator

from share_sql.query.named import keywords
from share_sql.schema.model import Schema
from share_sql.schema.quote import quoted_name
from share_sql.sql.tokens import Token, joined, neighbours, tokens

_QUOTED = re.compile(r"'[^']*(?:''[^']*)*'|\"[^\"]*(?:\"\"[^\"]*)*\"|`[^`]*`|\[[^\]]{0,200}\]")
# Of these no word is told from the keyword by its place.
_NEVER_NAMES = frozenset(("AND", "OR", "NOT", "IN", "IS", "NULL", "AS", "SELECT", "ISNULL", "NOTNULL"))
_OPERATORS = frozenset(("=", "==", "<", ">", "<=", ">=", "<>", "!=", "+", "-", "*", "/", "%", "||"))
_BEFORE_NAMES = _OPERATORS | frozenset((
    "SELECT", "DISTINCT", ",", "(", "WHERE", "AND", "OR", "NOT", "BY", "ON", "HAVING", "WHEN", "THEN", "ELSE",
    "BETWEEN", "CASE", "LIKE",
))  # fmt: skip
_AFTER_NAMES = _OPERATORS | frozenset((
    "", ",", ")", ";", "FROM", "WHERE", "AND", "OR", "ASC", "DESC", "LIMIT", "IS", "IN", "LIKE", "GLOB",
    "NOT", "BETWEEN", "HAVING", "ORDER", "GROUP", "UNION", "INTERSECT", "EXCEPT", "AS", "THEN", "ELSE",
    "END", "WHEN", "COLLATE", "ISNULL", "NOTNULL", "INNER", "LEFT", "JOIN", "NULLS",
))  # fmt: skip
_AFTER_TABLES = _AFTER_NAMES | frozenset(("ON", "USING", "CROSS", "NATURAL", "FULL", "RIGHT"))
_PLAIN = re.compile(r"[A-Za-z_]\w*\Z")


# -- names ---------------------------------------------------------------------------------------------


def quote_names(sql: str, schema: Schema) -> tuple[str, list[str]]:
    """Quote each of the schema's names that is no plain identifier, where it stands unquoted."""
    odd = {table.own for table in schema.tables} | {column.name for _, column in schema.columns()}
    written = sql.lower()
    # Of a large schema few names stand in one text, and each is looked for at each place.
    here = (name for name in odd if not _PLAIN.match(name) and name.lower() in written)
    names = sorted(here, key=len, reverse=True)
    if not names:
        return sql, []
    spelled = {name.lower(): name for name in names}
    pattern = (
        rf"{_QUOTED.pattern}|(?<![\w.])(?P<lead>(?:\w+\.)?)(?P<name>{'|'.join(map(re.escape, names))})(?!\w)"
    )
    found: dict[str, None] = {}

    def quote(match: re.Match[str]) -> str:
        if match["name"] is None:
            return match[0]
        name = spelled[match["name"].lower()]
        found[name] = None
        return match["lead"] + quoted_name(name, schema.dialect)

    return re.sub(pattern, quote, sql, flags=re.IGNORECASE), list(found)


def quote_keywords(sql: str, schema: Schema) -> tuple[str, list[str]]:
    """Quote tables, columns and aliases called as a keyword is (`order`), where only a name can stand."""
    reserved = keywords(schema.dialect)
    tables = {table.own.upper(): table.own for table in schema.tables if table.own.upper() in reserved}
    columns = {
        column.name.upper(): column.name for _, column in schema.columns() if column.name.upper() in reserved
    }
    parts = tokens(sql)
    around = neighbours(parts)
    aliases = {
        part.upper: part.text
        for part, (before, after) in zip(parts, around, strict=True)
        if part.kind == "word"
        and part.upper in reserved - _NEVER_NAMES
        and before.upper == "AS"
        and after.upper in _AFTER_TABLES
    }
    columns = {**aliases, **columns}
    found: dict[str, None] = {}
    for at, (part, (before, after)) in enumerate(zip(parts, around, strict=True)):
        if part.kind != "word" or part.upper not in reserved:
            continue
        name = None
        if part.upper in columns and (before.text == "." or _may_be_column(part, before, after, aliases)):
            name = columns[part.upper]
        elif part.upper in tables and (
            before.upper in ("FROM", "JOIN")
            or after.text == "."
            or (before.text == "," and after.upper in _AFTER_TABLES - {"FROM"})
        ):
            name = tables[part.upper]
        if name is not None and after.text != "(":
            parts[at] = Token("name", quoted_name(name, schema.dialect))
            found[name] = None
    return joined(parts), list(found)


def _may_be_column(part: Token, before: Token, after: Token, aliases: dict[str, str]) -> bool:
    if part.upper in _NEVER_NAMES:
        return False
    if before.upper == "AS":
        return part.upper in aliases and after.upper in _AFTER_TABLES
    return before.upper in _BEFORE_NAMES and after.upper in _AFTER_NAMES


# -- keywords ------------------------------------------------------------------------------------------

_GLUE = (
    "SELECT", "DISTINCT", "FROM", "WHERE", "AND", "OR", "BY", "HAVING", "LIMIT", "JOIN", "ON", "ORDER",
    "GROUP", "UNION", "LIKE", "BETWEEN", "OFFSET", "AS", "IN", "NOT", "INNER", "LEFT", "COUNT", "SUM",
    "AVG", "MAX", "MIN",
)  # fmt: skip
_PAIRS = {
    "GROUPBY": "GROUP BY", "ORDERBY": "ORDER BY", "INNERJOIN": "INNER JOIN", "LEFTJOIN": "LEFT JOIN",
    "ISNOT": "IS NOT", "NOTIN": "NOT IN", "NOTLIKE": "NOT LIKE", "UNIONALL": "UNION ALL",
    "SELECTDISTINCT": "SELECT DISTINCT", "ISNULL": "IS NULL", "ISNOTNULL": "IS NOT NULL",
    "PARTITIONBY": "PARTITION BY", "LEFTOUTERJOIN": "LEFT OUTER JOIN",
}  # fmt: skip
_MISSPELT = (
    "SELECT", "FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "DISTINCT", "BETWEEN", "UNION", "JOIN",
    "INNER", "LEFT", "INTERSECT", "EXCEPT", "COUNT", "DESC", "LIKE", "WHEN", "THEN", "CASE", "OFFSET",
)  # fmt: skip
_TWICE = frozenset(
    ("SELECT", "FROM", "WHERE", "AND", "OR", "BY", "JOIN", "ON", "LIMIT", "HAVING", "ORDER", "GROUP")
)


def unglued(sql: str, schema: Schema) -> Iterator[str]:
    """Keywords written together with what follows or comes before: `SELECT100`, `GROUPBY`, `WHEREcity`."""
    known = set(schema.names)
    parts = tokens(sql)
    # What stands before a point or after AS is a name of the query's own.
    known |= {
        part.upper
        for part, (before, after) in zip(parts, neighbours(parts), strict=True)
        if part.kind == "word" and (before.upper == "AS" or (after.text == "." and len(part.text) <= 3))
    }
    changed = False
    for at, (part, (_, after)) in enumerate(zip(parts, neighbours(parts), strict=True)):
        if part.kind != "word" or part.upper in known:
            continue
        split = _split(part.text, known, after.text == "(")
        if split is not None:
            parts[at] = Token("word", split)
            changed = True
    if changed:
        yield joined(parts)


def _split(word: str, known: set[str], called: bool) -> str | None:
    upper = word.upper()
    if upper in _PAIRS:
        return _PAIRS[upper]
    for keyword in _GLUE:
        rest = upper.removeprefix(keyword)
        if rest != upper and rest:
            functions = called and rest in (
                "COUNT",
                "SUM",
                "AVG",
                "MAX",
                "MIN",
                "CAST",
                "IIF",
                "ROUND",
                "EXISTS",
                "IN",
            )
            if rest in known or functions or (rest.isdigit() and keyword not in ("AS", "IN", "ON", "OR")):
                return f"{word[: len(keyword)]} {word[len(keyword) :]}"
            inner = _PAIRS.get(rest) or (rest if rest in ("DISTINCT", "NOT") else None)
            if inner is not None and len(keyword) > 2:
                return f"{keyword} {inner}"
        rest = upper.removesuffix(keyword)
        if rest != upper and len(keyword) > 2 and rest in known:
            return f"{word[: len(rest)]} {word[len(rest) :]}"
    return None


def respelled(sql: str, schema: Schema) -> Iterator[str]:
    """Keywords misspelt by one letter, or written twice. Words that the schema knows are left alone."""
    # Not `from rapidfuzz.distance`: threads that import the package in two orders find it half made.
    from rapidfuzz import distance

    known = schema.words
    parts = tokens(sql)
    changed = False
    around = neighbours(parts)
    reserved = keywords(schema.dialect)
    meant: dict[str, list[str]] = {}
    for at, (part, (before, after)) in enumerate(zip(parts, around, strict=True)):
        word = part.upper
        if part.kind != "word" or len(word) < 3 or before.text == "." or after.text == ".":
            continue
        if (
            word in _TWICE
            and word == after.upper
            and (word not in known or before.upper not in _BEFORE_NAMES | {"FROM", "JOIN"})
        ):
            parts[at] = Token("space", "")
            changed = True
        if word in ("FRM", "FRO", "FOM", "ROM") and word not in known:
            parts[at] = Token("word", "FROM")
            changed = True
        if len(word) < 4 or word in known or word in _MISSPELT or word in reserved or before.upper == "AS":
            continue
        if word not in meant:
            meant[word] = [
                each for each in _MISSPELT if distance.OSA.distance(word, each, score_cutoff=1) <= 1
            ]
        near = meant[word]
        # `CAST(` is a function, no misspelt CASE.
        if after.text == "(" and not set(near) & {"COUNT", "FROM", "WHERE", "JOIN", "UNION"}:
            continue
        if near:
            parts[at] = Token("word", near[0])
            changed = True
    if changed:
        yield joined(parts)


# -- commas and parentheses ----------------------------------------------------------------------------

_AFTER_NO_COMMA = frozenset((
    "", ",", ")", ";", "FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "UNION", "INTERSECT", "EXCEPT",
    "AND", "OR", "JOIN", "INNER", "LEFT", "ON", "ASC", "DESC",
))  # fmt: skip


def commas(sql: str, schema: Schema) -> Iterator[str]:
    """Commas that nothing follows, that nothing comes before, or that stand twice."""
    del schema
    parts = tokens(sql)
    kept: list[Token] = []
    for part, (before, after) in zip(parts, neighbours(parts), strict=True):
        surplus = part.text == "," and (
            after.upper in _AFTER_NO_COMMA
            or before.upper in ("SELECT", "DISTINCT", "(", "BY", "WHERE", "FROM")
        )
        if not surplus:
            kept.append(part)
    if len(kept) < len(parts):
        yield joined(kept)


_CLAUSES = frozenset(("FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "UNION", "INTERSECT", "EXCEPT"))
_WITH_FROM = frozenset(("EXTRACT", "TRIM", "SUBSTRING", "OVERLAY", "POSITION"))
_WITH_ORDER = frozenset(("OVER", "GROUP_CONCAT", "STRING_AGG", "ARRAY_AGG", "FILTER", "WITHIN"))


def open_parentheses(sql: str) -> int:
    """How many parentheses stay open; negative where one closes that was never opened."""
    depth = 0
    for part in tokens(sql):
        depth += (part.text == "(") - (part.text == ")")
        if depth < 0:
            return -1
    return depth


def closed(sql: str) -> Iterator[str]:
    """The text with its open parentheses closed: at the end, or before the clause that none can hold."""
    missing = open_parentheses(sql)
    if not 0 < missing <= 3:
        return
    yield from _closed_early(sql)
    yield (
        sql.rstrip("; \n") + ")" * missing
        if "--" not in sql.rpartition("\n")[2]
        else f"{sql}\n{')' * missing}"
    )
    parts = tokens(sql)
    around = neighbours(parts)
    done: list[str] = []
    stack: list[tuple[str, str]] = []
    left = missing
    for part, (before, after) in zip(parts, around, strict=True):
        if part.text == "(":
            stack.append((before.upper, after.upper))
        elif part.text == ")" and stack:
            stack.pop()
        while part.upper in _CLAUSES and stack and left and _ends_before(part, *stack[-1]):
            stack.pop()
            left -= 1
            spaces = len(done) - 1 if done and not done[-1].strip() else len(done)
            done.insert(spaces, ")")
        done.append(part.text)
    if left < missing:
        yield "".join(done).rstrip("; \n") + ")" * left


_ONE_ARGUMENT = frozenset(("COUNT", "SUM", "AVG", "MAX", "MIN"))
_AFTER_CALLS = _CLAUSES | frozenset((",", "AS", "ASC", "DESC"))
_COMPARISONS = frozenset(("=", "<", ">", "<=", ">=", "!=", "<>"))


def _closed_early(sql: str) -> Iterator[str]:
    """The text with parentheses closed where an aggregate goes on as none does: `COUNT(*, name`."""
    parts = tokens(sql)
    done: list[str] = []
    stack: list[tuple[str, str]] = []
    compared: frozenset[str] = frozenset()
    changed = False
    for part, (before, after) in zip(parts, neighbours(parts), strict=True):
        if part.text == "(":
            stack.append((before.upper, after.upper))
        elif part.text == ")" and stack:
            stack.pop()
        elif (
            part.solid and stack and stack[-1][0] in _ONE_ARGUMENT and stack[-1][1] not in ("SELECT", "CASE")
        ):
            star = before.text == "*" and stack[-1][1] == "*"
            if star or part.upper in _AFTER_CALLS or part.upper in compared:
                stack.pop()
                changed = True
                done.insert(len(done) - 1 if not done[-1].strip() else len(done), ")")
        if part.upper == "HAVING":
            compared = _COMPARISONS
        done.append(part.text)
    text = "".join(done)
    if changed and open_parentheses(text) == 0:
        yield text


def _ends_before(clause: Token, before: str, inside: str) -> bool:
    """Whether a parenthesis opened after one word, with another inside, cannot go on with a clause."""
    if inside in ("SELECT", "WITH", "VALUES"):
        return False
    if clause.upper == "FROM":
        return before not in _WITH_FROM
    return not (clause.upper in ("ORDER", "WHERE") and before in _WITH_ORDER)


def unopened(sql: str, schema: Schema) -> Iterator[str]:
    """The text without the parentheses that close what was never opened."""
    del schema
    parts = tokens(sql)
    depth, surplus = 0, []
    for at, part in enumerate(parts):
        depth += (part.text == "(") - (part.text == ")")
        if depth < 0:
            surplus.append(at)
            depth = 0
    if 0 < len(surplus) <= 3:
        yield joined(part for at, part in enumerate(parts) if at not in surplus)
        last = [at for at, part in enumerate(parts) if part.text == ")"][-len(surplus) :]
        yield joined(part for at, part in enumerate(parts) if at not in last)
