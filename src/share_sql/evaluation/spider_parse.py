"""Spider's own reading of SQL, on which its exact set match and its hardness rest.

The benchmark's grammar (taoyds/spider, process_sql.py) knows one part of SQL and reads it in its own
way: names without quotes, tables renamed with AS only, plain JOIN, one set operation. Whatever is outside
of it counts as unreadable, and what it misreads is misread here too, for the figures must agree; such
places carry a note. A parse tree from a real SQL parser would give other figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from share_sql.errors import SqlUnreadable
from share_sql.evaluation.spider_nodes import (
    AGGREGATES,
    ALL_COLUMNS,
    ARITHMETIC,
    CLAUSES,
    COMPARISONS,
    ENDS,
    JOIN_WORDS,
    SET_OPERATIONS,
    ColUnit,
    Condition,
    Conditions,
    Operand,
    Query,
    ValUnit,
    tokens,
)


def parse(sql: str, schema: Mapping[str, Iterable[str]]) -> Query:
    """Read SQL as the benchmark does.

    Args:
        sql: one statement; what follows a whole query is not looked at.
        schema: columns by table, both in lower case.

    Returns:
        The query.

    Raises:
        SqlUnreadable: it is outside the benchmark's grammar or names something unknown.
    """
    words = tokens(sql)
    columns = {table: frozenset(names) for table, names in schema.items()}
    # An alias holds for the whole statement; the last one given to a name wins.
    aliases = {words[at + 1]: words[at - 1] for at, word in enumerate(words[:-1]) if word == "as"}
    clash = next((table for table in columns if table in aliases), None)
    if clash is not None or (words and words[-1] == "as"):
        raise SqlUnreadable(f"an alias has the name of the table {clash}" if clash else "the SQL ends in AS")
    aliases |= {table: table for table in columns}
    try:
        return _Parser(words, aliases, columns).query()
    except RecursionError as error:
        raise SqlUnreadable("the SQL is nested too deeply") from error


class _Parser:
    """Recursive descent over the words; `at` is the next one."""

    def __init__(
        self, words: Sequence[str], aliases: Mapping[str, str], columns: Mapping[str, frozenset[str]]
    ) -> None:
        self.words = words
        self.aliases = aliases
        self.columns = columns
        self.at = 0

    # -- small steps

    def peek(self, ahead: int = 0) -> str:
        """A coming word; empty past the end."""
        at = self.at + ahead
        return self.words[at] if at < len(self.words) else ""

    def take(self) -> str:
        """The next word."""
        if self.at >= len(self.words):
            raise SqlUnreadable("the SQL ends too early")
        self.at += 1
        return self.words[self.at - 1]

    def skip(self, word: str) -> bool:
        """Whether the next word is this one, which is then taken."""
        if self.peek() != word:
            return False
        self.at += 1
        return True

    def expect(self, word: str) -> None:
        """Take this word."""
        if not self.skip(word):
            raise SqlUnreadable(f"expected {word!r}, found {self.peek()!r}")

    def table(self, name: str) -> str:
        """The table that a name or alias refers to."""
        if name not in self.aliases:
            raise SqlUnreadable(f"no table {name!r}")
        return self.aliases[name]

    # -- columns and values

    def column(self, tables: Sequence[str]) -> str:
        word = self.take()
        if word == "*":
            return ALL_COLUMNS
        if "." in word:
            prefix, _, name = word.partition(".")
            table = self.table(prefix)
            if "." in name or name not in self.columns.get(table, ()):
                raise SqlUnreadable(f"no column {word!r}")
            return f"{table}.{name}"
        for alias in tables:
            table = self.table(alias)
            if table not in self.columns:
                raise SqlUnreadable(f"no table {table!r}")
            if word in self.columns[table]:
                return f"{table}.{word}"
        raise SqlUnreadable(f"no column {word!r}")

    def col_unit(self, tables: Sequence[str]) -> ColUnit:
        block = self.skip("(")
        if self.peek() in AGGREGATES:
            aggregate = self.take()
            self.expect("(")
            distinct = self.skip("distinct")
            column = self.column(tables)
            self.expect(")")
            return ColUnit(aggregate, column, distinct)  # an open parenthesis before it is let go
        distinct = self.skip("distinct")
        column = self.column(tables)
        if block:
            self.expect(")")
        return ColUnit("none", column, distinct)

    def val_unit(self, tables: Sequence[str]) -> ValUnit:
        block = self.skip("(")
        left = self.col_unit(tables)
        operator, right = "none", None
        if self.peek() in ARITHMETIC:
            operator = self.take()
            right = self.col_unit(tables)
        if block:
            self.expect(")")
        return ValUnit(operator, left, right)

    def value(self, tables: Sequence[str]) -> Operand:
        start = self.at
        block = self.skip("(")
        word = self.peek()
        found: Operand
        if not word:
            raise SqlUnreadable("the SQL ends where a value should be")
        if word == "select":
            found = self.query()
        elif '"' in word:
            found = self.take()
        elif (number := _number(word)) is not None:
            self.at += 1
            found = number
        else:
            found = self.column_value(start, tables)
        if block:
            self.expect(")")
        return found

    def column_value(self, start: int, tables: Sequence[str]) -> ColUnit:
        """A column as value. All up to the next comma, parenthesis, AND or clause belongs to it, so that
        OR and what follows it is lost."""
        end = self.at
        while end < len(self.words) and not (
            self.words[end] in (",", ")", "and")
            or self.words[end] in CLAUSES
            or self.words[end] in JOIN_WORDS
        ):
            end += 1
        found = _Parser(self.words[start:end], self.aliases, self.columns).col_unit(tables)
        self.at = end
        return found

    def conditions(self, tables: Sequence[str]) -> Conditions:
        items: list[Condition] = []
        words: list[str] = []
        while self.at < len(self.words):
            if len(items) > len(words):
                raise SqlUnreadable("two comparisons without AND or OR between them")
            subject = self.val_unit(tables)
            negated = self.skip("not")
            comparison = self.take()
            if comparison not in COMPARISONS:
                raise SqlUnreadable(f"no comparison: {comparison!r}")
            first = self.value(tables)
            second: Operand = None
            if comparison == "between":
                self.expect("and")
                second = self.value(tables)
            items.append(Condition(negated, comparison, subject, first, second))
            word = self.peek()
            if word in ENDS or word in JOIN_WORDS:
                break
            if word in ("and", "or"):
                words.append(self.take())
        return Conditions(tuple(items), tuple(words))

    # -- clauses

    def query(self) -> Query:
        """A SELECT with what follows it."""
        block = self.skip("(")
        begin = self.at
        tables, on, defaults = self.from_clause()
        end = self.at
        self.at = begin
        distinct, select = self.select_clause(defaults)
        self.at = end
        where = self.conditions(defaults) if self.skip("where") else Conditions()
        group = self.group_clause(defaults)
        having = self.conditions(defaults) if self.skip("having") else Conditions()
        direction, order = self.order_clause(defaults)
        limit = self.limit_clause()
        while self.skip(";"):
            pass
        if block:
            self.expect(")")
        while self.skip(";"):
            pass
        combined: tuple[tuple[str, Query], ...] = ()
        if self.peek() in SET_OPERATIONS:
            operation = self.take()
            combined = ((operation, self.query()),)
        return Query(select, distinct, tables, on, where, group, having, direction, order, limit, combined)

    def from_clause(self) -> tuple[tuple[str | Query, ...], Conditions, list[str]]:
        """FROM, searched for from here on, be it a subquery's."""
        while self.take() != "from":
            pass
        tables: list[str | Query] = []
        defaults: list[str] = []
        on = Conditions()
        while self.at < len(self.words):
            block = self.skip("(")
            if self.peek() == "select":
                tables.append(self.query())
            else:
                self.skip("join")
                name = self.table(self.take())
                if self.peek() == "as":
                    self.at += 2
                if name not in self.columns:
                    raise SqlUnreadable(f"no table {name!r}")
                tables.append(name)
                defaults.append(name)
            if self.skip("on"):
                found = self.conditions(defaults)
                joined = ("and",) if on.items else ()
                on = Conditions(on.items + found.items, on.words + joined + found.words)
            if block:
                self.expect(")")
            if self.peek() in ENDS:
                break
        return tuple(tables), on, defaults

    def select_clause(self, tables: Sequence[str]) -> tuple[bool, tuple[tuple[str, ValUnit], ...]]:
        self.expect("select")
        distinct = self.skip("distinct")
        items: list[tuple[str, ValUnit]] = []
        while self.at < len(self.words) and self.peek() not in CLAUSES:
            aggregate = self.take() if self.peek() in AGGREGATES else "none"
            items.append((aggregate, self.val_unit(tables)))
            self.skip(",")
        return distinct, tuple(items)

    def group_clause(self, tables: Sequence[str]) -> tuple[ColUnit, ...]:
        items: list[ColUnit] = []
        if self.skip("group"):
            self.expect("by")
            while self.more():
                items.append(self.col_unit(tables))
                if not self.skip(","):
                    break
        return tuple(items)

    def order_clause(self, tables: Sequence[str]) -> tuple[str, tuple[ValUnit, ...]]:
        if not self.skip("order"):
            return "", ()
        self.expect("by")
        direction = "asc"
        items: list[ValUnit] = []
        while self.more():
            items.append(self.val_unit(tables))
            if self.peek() in ("asc", "desc"):
                direction = self.take()
            if not self.skip(","):
                break
        return direction, tuple(items)

    def more(self) -> bool:
        """Whether a list of columns goes on here."""
        return self.at < len(self.words) and self.peek() not in ENDS

    def limit_clause(self) -> int | None:
        if not self.skip("limit"):
            return None
        word = self.take()
        try:
            return int(word)
        except ValueError as error:
            raise SqlUnreadable(f"LIMIT {word!r} is no whole number") from error


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
