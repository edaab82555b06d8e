"""Write a trajectory as text, in the paper's dialect or in the extended one.

The paper's dialect leaves joins out and prints columns with their table's name, as the published models
know it. The extended dialect keeps everything: `read(write(t)).trajectory == t` holds for every tree
that the reader can return. A step is always one line.
"""

from __future__ import annotations

import re
from typing import Literal as OneOf

from share_sql.trajectory import nodes as n
from share_sql.trajectory.conditions import filter_arguments
from share_sql.trajectory.lexer import quote, tokenize
from share_sql.trajectory.printer import Printer, parenthesized
from share_sql.trajectory.reading.cursor import Context
from share_sql.trajectory.reading.frames import FrameParser
from share_sql.trajectory.words import (
    BARE_CALLS,
    MASK_TEXT,
    PLAIN_NAME,
    PRECEDENCE,
    RESERVED,
    STOP_WORDS,
    is_frame_name,
    is_masked_name,
)  # fmt: skip

Dialect = OneOf["paper", "extended"]

_PLAIN_TYPE = re.compile(r"[a-z_]\w*(?: [a-z_]\w*)*(?:\(\d+(?:, ?\d+)?\))?\Z")
_SPACED_NAME = re.compile(
    r"[A-Za-z]\w*(?:-[A-Za-z]\w*)?(?: (?:[A-Za-z]\w*|\((?:%|[A-Za-z]+[/-]\w+|[A-Za-z]+ \d+-\d+)\)))*\Z"
)
_JOIN_METHODS = {
    "from": "from", "inner": "join", "left": "left_join", "right": "right_join", "full": "full_join",
    "cross": "cross_join",
}  # fmt: skip


def write(trajectory: n.Trajectory, dialect: Dialect = "extended") -> str:
    """Print a trajectory, a step a line, without fences.

    Args:
        trajectory: what to print.
        dialect: `paper` leaves joins out and names columns by their table; `extended` keeps everything.

    Returns:
        The text, without a line break at the end; empty for an empty trajectory.
    """
    return Writer(trajectory, dialect).text()


class Writer(Printer):
    """Prints one trajectory."""

    def __init__(self, trajectory: n.Trajectory, dialect: Dialect) -> None:
        self.trajectory = trajectory
        self.paper = dialect == "paper"
        self.steps: set[str] = set()
        self.renamed = _new_names(trajectory)
        self.aliases: dict[str, str] = {}
        self.parser = FrameParser(tokenize(""), Context(self.steps))

    def text(self) -> str:
        """The whole trajectory."""
        lines = []
        for step in self.trajectory.steps:
            name = self.renamed.get(step.name, step.name)
            self.steps.add(name.lower())
            lines.append(f"{name} = {self.item(step.value)}")
        return "\n".join(lines)

    # ----------------------------------------------------------------------- names

    def name(self, name: str) -> str:
        """A new or bare name: plain, or in backticks."""
        if self.is_plain(name):
            return name
        if is_masked_name(name) and name != MASK_TEXT:
            return name
        return quote(name, "`")

    def column(self, node: n.ColumnRef) -> str:
        """A column, with its table where it has one."""
        if node.table is None:
            return self.name(node.name)
        table = self.aliases.get(node.table.lower(), node.table)
        return f"{self.table(table)}.{self.column_name(node.name)}"

    def table(self, name: str) -> str:
        """A table's or alias's name before a dot."""
        if name == MASK_TEXT:
            return name
        plain = PLAIN_NAME.match(name) if self.paper else self.is_plain(name)
        return name if plain else quote(name, "`")

    def is_plain(self, name: str) -> bool:
        """Whether a name by itself is taken for no keyword, step or frame."""
        low = name.lower()
        free = low not in RESERVED and low not in self.steps and not is_frame_name(name)
        return free and bool(PLAIN_NAME.match(name))

    def column_name(self, name: str) -> str:
        """A column's name behind a dot."""
        if PLAIN_NAME.match(name) or (is_masked_name(name) and name[0] != "["):
            return name
        if self.paper and _SPACED_NAME.match(name):
            words = re.findall(r"\w+", name.lower())
            if not any(word in STOP_WORDS for word in words[1:]):
                return name
        return quote(name, "`")

    # ----------------------------------------------------------------- expressions

    def item(self, node: n.Expr) -> str:
        """An item of a list: an expression with or without a new name."""
        if isinstance(node, n.Alias):
            return f"{self.item(node.value)} as {self.name(node.name)}"
        return self.argument(node)

    def argument(self, node: n.Expr) -> str:
        """An expression that must not look like `keyword = value`."""
        text = self.expr(node)
        left: n.Expr = node
        while isinstance(left, n.Binary):
            bare = isinstance(left.left, n.ColumnRef) and left.left.table is None
            bare = bare or (isinstance(left.left, n.Call) and left.left.name in BARE_CALLS)
            bare = bare or (isinstance(left.left, n.Frame) and not left.left.actions)
            if left.op == "=" and (bare or isinstance(left.left, n.Literal | n.Mask)):
                return f"({text})"
            left = left.left
        return text

    def word(self, text: str) -> str:
        """Keywords stay in lower case."""
        return text

    def choices(self, choices: tuple[n.Expr, ...] | n.Frame) -> str:
        """A frame or a list; a list of one frame has a comma, lest it be the frame."""
        if isinstance(choices, n.Frame):
            return self.frame(choices)
        comma = "," if len(choices) == 1 and isinstance(choices[0], n.Frame | n.FrameColumn | n.Tuple) else ""
        return self.list(choices) + comma

    def _columnref(self, node: n.ColumnRef, least: int) -> str:
        return self.column(node)

    def _mask(self, node: n.Mask, least: int) -> str:
        return MASK_TEXT

    def _frame(self, node: n.Frame, least: int) -> str:
        return self.frame(node)

    def _framecolumn(self, node: n.FrameColumn, least: int) -> str:
        column = node.column
        text = self.behind(column) if isinstance(column, n.ColumnRef) else self.expr(column)
        return f"{self.renamed.get(node.frame, node.frame)}.{text}"

    def _alias(self, node: n.Alias, least: int) -> str:
        return f"({self.item(node)})"

    def _star(self, node: n.Star, least: int) -> str:
        return f"{self.table(self.aliases.get(node.table.lower(), node.table))}.*" if node.table else "*"

    def _exists(self, node: n.Exists, least: int) -> str:
        text = f"exists({self.expr(node.frame)})"
        return parenthesized(f"not {text}", 3, least) if node.negated else text

    def _cast(self, node: n.Cast, least: int) -> str:
        known = _PLAIN_TYPE.match(node.type) and node.type.split()[0] not in RESERVED
        return f"cast({self.expr(node.operand)}, {node.type if known else quote(node.type)})"

    def _tuple(self, node: n.Tuple, least: int) -> str:
        return self.row(node.items)

    def _sql(self, node: n.Sql, least: int) -> str:
        holes = "".join(f", {self.argument(hole)}" for hole in node.holes)
        return f"sql({quote_sql(node.text)}{holes})"

    def _parameter(self, node: n.Parameter, least: int) -> str:
        return node.text

    def _raw(self, node: n.Raw, least: int) -> str:
        return " ".join(node.text.split("\n"))

    def behind(self, node: n.ColumnRef) -> str:
        """A column behind a frame's dot."""
        if node.table is None:
            return self.column_name(node.name)
        return f"{self.table(node.table)}.{self.column_name(node.name)}"

    def _literal(self, node: n.Literal, least: int) -> str:
        value = node.value
        if isinstance(value, str):
            return quote(value)
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        return node.text if node.text is not None else repr(value)

    def _binary(self, node: n.Binary, least: int) -> str:
        power = PRECEDENCE.get(node.op, 4)
        if node.op == "collate":
            name = node.right.value if isinstance(node.right, n.Literal) else ""
            text = str(name) if PLAIN_NAME.match(str(name)) else quote(str(name))
            return parenthesized(f"{self.expr(node.left, power)} collate {text}", power, least)
        rights: list[str] = []  # a long chain of one operator is printed without recursion
        left: n.Expr = node
        # Comparisons are never chained bare: `(a < b) < c` says what it means.
        chained = power not in (4, 5)
        while isinstance(left, n.Binary) and PRECEDENCE.get(left.op) == power:
            rights.append(f"{left.op} {self.expr(left.right, power + 1)}")
            left = left.left
            if not chained:
                break
        first = self.expr(left, power if chained else power + 1)
        return parenthesized(" ".join([first, *reversed(rights)]), power, least)

    def _unary(self, node: n.Unary, least: int) -> str:
        if node.op == "not":
            text = self.expr(node.operand, 3)
            return parenthesized(
                f"not ({text})" if isinstance(node.operand, n.Exists) else f"not {text}", 3, least
            )
        text = self.expr(node.operand, PRECEDENCE["unary"])
        number = isinstance(node.operand, n.Literal)
        return f"{node.op}({text})" if number or text[0] in "-+~" else f"{node.op}{text}"

    def row(self, items: tuple[n.Expr, ...]) -> str:
        """A row value."""
        return f"({self.list(items)},)" if len(items) == 1 else f"({self.list(items)})"

    def _call(self, node: n.Call, least: int) -> str:
        if node.name in BARE_CALLS and not node.args and node.over is None:
            return node.name
        args = ", ".join(self.argument(arg) for arg in node.args)
        if node.distinct:
            args = f"distinct = {args}" if args.startswith("(") else f"distinct {args}"
        return self.clauses(node.name, args, node)

    def key(self, node: n.Expr) -> str:
        """A key's expression; a text in brackets, lest it be taken for a direction."""
        text = self.argument(node)
        return f"({text})" if text[:1] in ("'", "e") and text.lstrip("e")[:1] == "'" else text

    # ---------------------------------------------------------------------- frames

    def frame(self, frame: n.Frame) -> str:
        """A frame with its actions."""
        source = self.renamed.get(frame.source, frame.source)
        actions = frame.actions
        if not self.paper:
            return source + "".join(f".{self.action(action)}" for action in actions)
        outer = self.aliases
        self.aliases = {**outer, **_aliases(frame)}
        first = actions[0] if actions else None
        if isinstance(first, n.Join) and isinstance(first.source, n.Frame) and source == n.DATABASE_FRAME:
            source = self.frame(first.source)
        written = "".join(f".{self.action(action)}" for action in actions if not isinstance(action, n.Join))
        self.aliases = outer
        return source + written

    def action(self, action: n.Action) -> str:
        """A method call without its dot."""
        if isinstance(action, n.Where | n.Having):
            name = "where" if isinstance(action, n.Where) else "having"
            name = "or" + name if action.connective == "or" else name
            return f"{name}({self.condition(action.condition)})"
        if isinstance(action, n.Select):
            inner = ", ".join(self.item(item) for item in action.items)
            if action.on:
                return f"select({inner}, distinct_on = [{self.list(action.on)}])"
            if not action.distinct:
                return f"select({inner})"
            return f"select({inner}).distinct()" if self.paper else f"select_distinct({inner})"
        if isinstance(action, n.OrderBy):
            keys = ", ".join(f"{self.key(key.key)},{self.direction(key, ' asc')}" for key in action.keys)
            return f"orderby(by = {keys})" if keys else "orderby()"
        if isinstance(action, n.GroupBy):
            return f"groupby({', '.join(self.item(key) for key in action.keys)})"
        if isinstance(action, n.Limit):
            skipped = f", offset = {self.expr(action.offset)}" if action.offset is not None else ""
            return f"limit({self.argument(action.count)}{skipped})"
        if isinstance(action, n.Aggregate):
            mark = "distinct = " if action.distinct else ""
            return f"{action.function}({mark}{', '.join(self.item(arg) for arg in action.args)})"
        if isinstance(action, n.Agg):
            items = (f"({self.item(i)})" if isinstance(i, n.Literal) else self.item(i) for i in action.items)
            return f"agg({', '.join(items)})"
        if isinstance(action, n.Distinct):
            return f"distinct({', '.join(self.item(item) for item in action.items)})"
        if isinstance(action, n.Combine):
            return f"{action.kind.replace(' ', '_')}({self.expr(action.other)})"
        return self.rarer_action(action)

    def rarer_action(self, action: n.Action) -> str:
        """The actions that are seldom met."""
        if isinstance(action, n.Join):
            return self.join(action)
        if isinstance(action, n.Values):
            return f"values({', '.join(self.row(row) for row in action.rows)})"
        if isinstance(action, n.Named):
            names = [self.name(column) for column in action.columns]
            if action.name is not None:
                return f"as({', '.join([self.name(action.name), *names])})"
            return f"as(columns = [{', '.join(names)}])" if names else "as()"
        if isinstance(action, n.Qualify):
            return f"qualify({self.condition(action.condition)})"
        if isinstance(action, n.RawAction):
            return " ".join(action.text.split("\n"))
        raise TypeError(f"not an action: {type(action).__name__}")

    def join(self, join: n.Join) -> str:
        """A source brought into the frame."""
        parts = [self.expr(join.source)]
        if join.alias is not None:
            parts[0] += f" as {self.name(join.alias)}"
        if join.on is not None:
            parts.append(f"on = {self.expr(join.on)}")
        if join.using:
            parts.append(f"using = [{', '.join(self.name(column) for column in join.using)}]")
        if join.natural:
            parts.append("natural = true")
        if join.columns:
            parts.append(f"columns = [{', '.join(self.name(column) for column in join.columns)}]")
        if join.lateral:
            parts.append("lateral = true")
        return f"{_JOIN_METHODS[join.kind]}({', '.join(parts)})"

    def condition(self, condition: n.Expr) -> str:
        """The arguments of a where: `element = …, filter = …` where that says it all."""
        form = filter_arguments(self.parser, condition, self.expr)
        if form is not None:
            return form
        text = self.expr(condition)
        return f"({text})" if isinstance(condition, n.Literal) else text


def quote_sql(text: str) -> str:
    """Quote SQL text: in double quotes, as there are mostly single ones inside."""
    return f'"{text}"' if '"' not in text and text.isprintable() and "```" not in text else quote(text)


def _aliases(frame: n.Frame) -> dict[str, str]:
    """What a frame's aliases stand for: a table, or an earlier step."""
    found: dict[str, str] = {}
    for action in frame.actions:
        if isinstance(action, n.Join) and action.alias is not None:
            source = action.source
            if isinstance(source, n.ColumnRef):
                found[action.alias.lower()] = source.name
            elif isinstance(source, n.Frame) and not source.actions and source.source != n.DATABASE_FRAME:
                found[action.alias.lower()] = source.source
    return found


def _new_names(trajectory: n.Trajectory) -> dict[str, str]:
    """New names for the steps whose own cannot be written: `my step` becomes my_step."""
    taken = {step.name.lower() for step in trajectory.steps}
    renamed: dict[str, str] = {}
    for step in trajectory.steps:
        name = step.name
        if name in renamed or is_masked_name(name) or name.lower() == n.DATABASE_FRAME:
            continue
        if PLAIN_NAME.match(name) and name.lower() not in RESERVED:
            continue
        plain = re.sub(r"\W", "_", name) or "step"
        plain = f"step_{plain}" if plain[0].isdecimal() or plain.lower() in RESERVED else plain
        new, count = plain, 1
        while new.lower() in taken:
            count += 1
            new = f"{plain}_{count}"
        taken.add(new.lower())
        renamed[name] = new
    return renamed
