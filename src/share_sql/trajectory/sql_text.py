"""SQLite text: names quoted where needed, constants, and expressions with as few parentheses as possible."""

from __future__ import annotations

import re
from abc import abstractmethod
from functools import lru_cache

from share_sql.errors import CompileError
from share_sql.trajectory import nodes as n
from share_sql.trajectory.printer import Printer, parenthesized
from share_sql.trajectory.words import BARE_CALLS, PRECEDENCE

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_KEYWORDS = frozenset((
    "ABORT", "ACTION", "ADD", "AFTER", "ALL", "ALTER", "ALWAYS", "ANALYZE", "AND", "AS", "ASC", "ATTACH",
    "AUTOINCREMENT", "BEFORE", "BEGIN", "BETWEEN", "BY", "CASCADE", "CASE", "CAST", "CHECK", "COLLATE",
    "COLUMN", "COMMIT", "CONFLICT", "CONSTRAINT", "CREATE", "CROSS", "CURRENT", "CURRENT_DATE",
    "CURRENT_TIME", "CURRENT_TIMESTAMP", "DATABASE", "DEFAULT", "DEFERRABLE", "DEFERRED", "DELETE", "DESC",
    "DETACH", "DISTINCT", "DO", "DROP", "EACH", "ELSE", "END", "ESCAPE", "EXCEPT", "EXCLUDE", "EXCLUSIVE",
    "EXISTS", "EXPLAIN", "FAIL", "FILTER", "FIRST", "FOLLOWING", "FOR", "FOREIGN", "FROM", "FULL",
    "GENERATED", "GLOB", "GROUP", "GROUPS", "HAVING", "IF", "IGNORE", "IMMEDIATE", "IN", "INDEX",
    "INDEXED", "INITIALLY", "INNER", "INSERT", "INSTEAD", "INTERSECT", "INTO", "IS", "ISNULL", "JOIN",
    "KEY", "LAST", "LEFT", "LIKE", "LIMIT", "MATCH", "MATERIALIZED", "NATURAL", "NO", "NOT", "NOTHING",
    "NOTNULL", "NULL", "NULLS", "OF", "OFFSET", "ON", "OR", "ORDER", "OTHERS", "OUTER", "OVER",
    "PARTITION", "PLAN", "PRAGMA", "PRECEDING", "PRIMARY", "QUERY", "RAISE", "RANGE", "RECURSIVE",
    "REFERENCES", "REGEXP", "REINDEX", "RELEASE", "RENAME", "REPLACE", "RESTRICT", "RETURNING", "RIGHT",
    "ROLLBACK", "ROW", "ROWS", "SAVEPOINT", "SELECT", "SET", "TABLE", "TEMP", "TEMPORARY", "THEN", "TIES",
    "TO", "TRANSACTION", "TRIGGER", "UNBOUNDED", "UNION", "UNIQUE", "UPDATE", "USING", "VACUUM", "VALUES",
    "VIEW", "VIRTUAL", "WHEN", "WHERE", "WINDOW", "WITH", "WITHOUT", "TRUE", "FALSE",
))  # fmt: skip


@lru_cache(maxsize=8192)
def name(text: str) -> str:
    """A name, in double quotes where SQLite needs them."""
    if _PLAIN.match(text) and text.upper() not in _KEYWORDS:
        return text
    return '"' + text.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text constant."""
    return "'" + value.replace("'", "''") + "'"


def constant(node: n.Literal) -> str:
    """A constant of any kind."""
    value = node.value
    if isinstance(value, str):
        return text(value)
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NULL" if value != value else ("9e999" if value > 0 else "-9e999")
    if node.text is not None and _NUMBER.match(node.text):
        return node.text
    return repr(value)


_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\Z")
_BOUNDS = re.compile(r"[a-z0-9 .+'-]+\Z", re.IGNORECASE)
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PARAMETER = re.compile(r"\?\d*\Z|[:@$][A-Za-z_][A-Za-z0-9_]*\Z")
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*(?:\(\d+(?:, ?\d+)?\))?\Z")


class ExpressionPrinter(Printer):
    """Prints expressions; a subclass says what columns and frames are called."""

    @abstractmethod
    def query_text(self, frame: n.Expr) -> str:
        """A frame's SELECT, without parentheses around it."""

    def word(self, text: str) -> str:
        """Keywords are in upper case."""
        return text.upper()

    def choices(self, choices: tuple[n.Expr, ...] | n.Frame) -> str:
        """A query or a list."""
        return self.query_text(choices) if isinstance(choices, n.Frame) else self.list(choices)

    def _literal(self, node: n.Literal, least: int) -> str:
        written = constant(node)
        return f"({written})" if written[0] == "-" and least > 10 else written

    def _binary(self, node: n.Binary, least: int) -> str:
        op = node.op
        binds = PRECEDENCE.get(op)
        if binds is None:
            raise CompileError(f"the operator {op!r} is not SQLite's")
        if op == "collate":
            collation = node.right.value if isinstance(node.right, n.Literal) else None
            if not isinstance(collation, str) or not _FUNCTION.match(collation):
                raise CompileError("COLLATE needs the name of a collation")
            written = f"{self.expr(node.left, binds)} COLLATE {collation}"
        else:
            right = self.expr(node.right, binds if op in ("and", "or") else binds + 1)
            written = f"{self.expr(node.left, binds)} {op.upper()} {right}"
        return parenthesized(written, binds, least)

    def _unary(self, node: n.Unary, least: int) -> str:
        if node.op == "not":
            return parenthesized("NOT " + self.expr(node.operand, 4), 3, least)
        if node.op not in ("-", "+", "~"):
            raise CompileError(f"the operator {node.op!r} is not SQLite's")
        inner = self.expr(node.operand, 11)
        return f"{node.op}({inner})" if inner[0] in "-+" else node.op + inner

    def _exists(self, node: n.Exists, least: int) -> str:
        written = f"EXISTS ({self.query_text(node.frame)})"
        return parenthesized(f"NOT {written}", 3, least) if node.negated else written

    def _cast(self, node: n.Cast, least: int) -> str:
        if not _TYPE.match(node.type):
            raise CompileError(f"{node.type!r} is no type name")
        return f"CAST({self.expr(node.operand)} AS {node.type.upper()})"

    def _call(self, node: n.Call, least: int) -> str:
        called = node.name
        if not _FUNCTION.match(called):
            raise CompileError(f"{called!r} is no function name")
        if called in BARE_CALLS and not node.args:
            return called.upper()
        counts_rows = called == "count" and len(node.args) == 1 and isinstance(node.args[0], n.Star)
        # In count(table.*) the table only says which rows are counted.
        inside = "*" if counts_rows else self.list(node.args)
        if node.distinct:
            inside = f"DISTINCT {inside}"
        return self.clauses(called.upper(), inside, node)

    def over(self, over: n.Over) -> str:
        """The inside of a window's parentheses; its bounds are text and have to be looked at."""
        if over.bounds and not _BOUNDS.match(over.bounds):
            raise CompileError(f"{over.bounds!r} is no window frame")
        return super().over(over)

    def _parameter(self, node: n.Parameter, least: int) -> str:
        if not _PARAMETER.match(node.text):
            raise CompileError(f"{node.text!r} is no parameter")
        return node.text

    def _tuple(self, node: n.Tuple, least: int) -> str:
        return f"({self.list(node.items)})"

    def _alias(self, node: n.Alias, least: int) -> str:
        return f"{self.expr(node.value)} AS {name(node.name)}"

    def _frame(self, node: n.Frame, least: int) -> str:
        return f"({self.query_text(node)})"

    def _raw(self, node: n.Raw, least: int) -> str:
        raise CompileError(f"this part of the trajectory could not be read: {_short(node.text)}")

    def _mask(self, node: n.Mask, least: int) -> str:
        raise CompileError("the trajectory still holds a [MASK]; fill it before compiling")


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 80 else one_line[:77] + "…"
