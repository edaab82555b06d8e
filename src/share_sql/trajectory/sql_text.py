"""SQL text: names quoted where needed, constants, and expressions with as few parentheses as possible."""

from __future__ import annotations

import re
from abc import abstractmethod

from share_sql.dialects import Dialect, dialect_of
from share_sql.errors import CompileError
from share_sql.sql.keywords import quoted_name
from share_sql.trajectory import nodes as n
from share_sql.trajectory.printer import Printer, parenthesized
from share_sql.trajectory.templates import Template, checked
from share_sql.trajectory.words import BARE_CALLS, PRECEDENCE, spellings

_BLOBS = {"postgres": r"'\x{}'::BYTEA", "duckdb": "FROM_HEX('{}')"}
"""How bytes are written where that is not `x'00ff'`."""


def text(value: str, dialect: str) -> str:
    """A text constant."""
    if dialect_of(dialect).backslashes:
        value = value.replace("\\", "\\\\")
    return "'" + value.replace("'", "''") + "'"


def constant(node: n.Literal, dialect: str) -> str:
    """A constant of any kind."""
    value = node.value
    if isinstance(value, str):
        return text(value, dialect)
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, bytes):
        return _BLOBS.get(dialect, "x'{}'").format(value.hex())
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NULL" if value != value else ("9e999" if value > 0 else "-9e999")
    if node.text is not None and _NUMBER.match(node.text):
        return node.text
    return repr(value)


_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\Z")
_BOUNDS = re.compile(r"[a-z0-9 .+'-]+\Z", re.IGNORECASE)
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PARAMETER = re.compile(r"\?\d*\Z|[:@$][A-Za-z_][A-Za-z0-9_]*\Z")
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*(?:\(\d+(?:, ?\d+)?\)(?: [A-Za-z ]+)?)?(?:\[\])*\Z")
_TYPES: dict[str, dict[str, str]] = {
    "mysql": spellings({
        "signed": "integer int bigint smallint tinyint", "double": "real float numeric double precision",
        "char": "text varchar string", "datetime": "timestamp",
    }),
    "postgres": spellings({"double precision": "double", "timestamp": "datetime", "bytea": "blob"}),
    "duckdb": {"integer": "bigint"},
}  # fmt: skip
"""Types as models write them in trajectories, in the dialect's words."""
_OPERATORS: dict[str, dict[str, str]] = {
    "postgres": {
        "is": "IS NOT DISTINCT FROM", "is not": "IS DISTINCT FROM", "regexp": "~", "not regexp": "!~",
    },
    "mysql": {"is": "<=>", "ilike": "LIKE", "not ilike": "NOT LIKE"},
    "duckdb": {"is": "IS NOT DISTINCT FROM", "is not": "IS DISTINCT FROM"},
    "sqlite": {"ilike": "LIKE", "not ilike": "NOT LIKE"},
}  # fmt: skip
"""Operators that a dialect spells in its own way; `is` here stands between two values, none of them NULL."""
_CALLED: dict[str, dict[str, str]] = {
    "mysql": {"||": "CONCAT({0}, {1})", "is not": "NOT ({0} <=> {1})"},
    "duckdb": {"regexp": "REGEXP_MATCHES({0}, {1})", "not regexp": "NOT REGEXP_MATCHES({0}, {1})"},
}
"""Operators that are functions in a dialect."""
_UNKNOWN: dict[str, frozenset[str]] = {
    "postgres": frozenset(("glob", "not glob", "match", "not match")),
    "mysql": frozenset(("glob", "not glob", "match", "not match")),
    "duckdb": frozenset(("match", "not match")),
}
"""Operators that a dialect has not."""
_ARITHMETIC = frozenset(("or", "and", "+", "-", "*", "/", "%"))
"""Operators whose order all dialects agree on; others get parentheses where one stands in another."""


class ExpressionPrinter(Printer):
    """Prints expressions; a subclass says what columns and frames are called."""

    dialect: str
    """sqlglot's name of the dialect."""
    facts: Dialect
    """The dialect's facts."""

    def name(self, text: str) -> str:
        """A name, in quotes where it needs them."""
        return quoted_name(text, self.dialect)

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
        written = constant(node, self.dialect)
        return f"({written})" if (written[0] == "-" or "::" in written) and least > 10 else written

    def _binary(self, node: n.Binary, least: int) -> str:
        op = node.op
        binds = PRECEDENCE.get(op)
        if binds is None or op in _UNKNOWN.get(self.dialect, ()):
            raise CompileError(f"the operator {op!r} is not {self.facts.title}'s")
        if op == "collate":
            collation = node.right.value if isinstance(node.right, n.Literal) else None
            if not isinstance(collation, str) or not _FUNCTION.match(collation):
                raise CompileError("COLLATE needs the name of a collation")
            written = f"{self.expr(node.left, binds)} COLLATE {collation}"
        elif not self.facts.operators_as_language:
            written = self._other_binary(node, binds)
            if op in _CALLED.get(self.dialect, ()):
                return parenthesized(written, 3 if written.startswith("NOT") else 11, least)
            if op not in _ARITHMETIC and least > 4:
                return f"({written})"
        else:
            right = self.expr(node.right, binds if op in ("and", "or") else binds + 1)
            word = _OPERATORS[self.dialect].get(op, op.upper())
            written = f"{self.expr(node.left, binds)} {word} {right}"
        return parenthesized(written, binds, least)

    def _other_binary(self, node: n.Binary, binds: int) -> str:
        """An operator where the order of all but sums, products and connectives is not the language's."""
        op = node.op
        if op in _ARITHMETIC:
            left = self.expr(node.left, binds)
            right = self.expr(node.right, binds if op in ("and", "or") else binds + 1)
            return f"{left} {op.upper()} {right}"
        if op in _CALLED.get(self.dialect, ()) and not (op == "is not" and _is_plain_test(node.right)):
            inside = 6 if op == "is not" else 0
            return _CALLED[self.dialect][op].format(
                self.expr(node.left, inside), self.expr(node.right, inside)
            )
        word = op.upper()
        if op not in ("is", "is not") or not _is_plain_test(node.right):
            word = _OPERATORS.get(self.dialect, {}).get(op, word)
        least = 6 if binds < 6 else 9
        chained = op == "||" and isinstance(node.left, n.Binary) and node.left.op == "||"
        return f"{self.expr(node.left, 4 if chained else least)} {word} {self.expr(node.right, least)}"

    def _unary(self, node: n.Unary, least: int) -> str:
        if node.op == "not":
            return parenthesized("NOT " + self.expr(node.operand, 4), 3, least)
        if node.op not in ("-", "+", "~"):
            raise CompileError(f"the operator {node.op!r} is not {self.facts.title}'s")
        inner = self.expr(node.operand, 11)
        return f"{node.op}({inner})" if inner[0] in "-+" else node.op + inner

    def _exists(self, node: n.Exists, least: int) -> str:
        written = f"EXISTS ({self.query_text(node.frame)})"
        return parenthesized(f"NOT {written}", 3, least) if node.negated else written

    def _cast(self, node: n.Cast, least: int) -> str:
        if not _TYPE.match(node.type):
            raise CompileError(f"{node.type!r} is no type name")
        named = _TYPES.get(self.dialect, {}).get(node.type, node.type)
        return f"CAST({self.expr(node.operand)} AS {named.upper()})"

    def _sql(self, node: n.Sql, least: int) -> str:
        template = checked(node.text, self.dialect, "expression")
        return parenthesized(self.filled(node, template), 11 if template.atomic else 0, least)

    def filled(self, node: n.Sql, template: Template) -> str:
        """A text with its holes filled; what fills a hole keeps together."""
        parts = [template.parts[0]]
        for hole, behind in zip(node.holes, template.parts[1:], strict=True):
            before = parts[-1]
            enclosed = before.endswith(("(", ", ", "[")) and behind.startswith((")", ",", "]"))
            if isinstance(hole, n.Frame) and before.endswith("(") and _TAKES_QUERY.search(before):
                parts.append(self.query_text(hole))
            else:
                parts.append(self.expr(hole, 0 if enclosed else 12))
            parts.append(behind)
        return "".join(parts)

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
        return f"{self.expr(node.value)} AS {self.name(node.name)}"

    def _frame(self, node: n.Frame, least: int) -> str:
        return f"({self.query_text(node)})"

    def _raw(self, node: n.Raw, least: int) -> str:
        raise CompileError(f"this part of the trajectory could not be read: {_short(node.text)}")

    def _mask(self, node: n.Mask, least: int) -> str:
        raise CompileError("the trajectory still holds a [MASK]; fill it before compiling")


_TAKES_QUERY = re.compile(r"\b(?:ARRAY|ANY|ALL|SOME|EXISTS|IN) ?\(\Z")


def _is_plain_test(node: n.Expr) -> bool:
    return isinstance(node, n.Literal) and (node.value is None or isinstance(node.value, bool))


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 80 else one_line[:77] + "…"
