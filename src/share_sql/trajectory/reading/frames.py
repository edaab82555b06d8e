"""Frames of the trajectory language: a source and a chain of methods, each read into an action.

A method that is none of the language's, or whose arguments cannot be understood, becomes a RawAction;
an argument that cannot be read in a list becomes a Raw item. Both keep their text.
"""

from __future__ import annotations

from typing import Literal, cast

from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import OPERATOR, WORD
from share_sql.trajectory.reading.actions import ActionParser
from share_sql.trajectory.reading.cursor import MAX_CHAIN, TooDeep, Unreadable, as_frame
from share_sql.trajectory.words import AGGREGATES, COMBINES, DATABASE_NAMES, LIST_KEYS, METHODS, VALUE_METHODS


class FrameParser(ActionParser):
    """Reads expressions that hold frames."""

    def is_method(self, at: int) -> bool:
        """Whether a call of a known method stands at token `at`."""
        return self.kinds[at] == WORD and self.texts[at + 1] == "(" and self.lowers[at] in METHODS

    def primary(self) -> n.Expr:
        """Read an operand and the methods behind it."""
        value = super().primary()
        links = 0
        while self.kinds[self.at] == OPERATOR and self.texts[self.at] == "." and self.is_method(self.at + 1):
            value = self.method_of(value)
            links += 1
            if links > MAX_CHAIN:
                raise TooDeep
        return value

    def value_call(self, value: n.Expr) -> n.Expr:
        """Read `.substr(1, 4)`, `.cast(real)` and the like: a function of the value before the dot."""
        word = self.lowers[self.at + 1]
        if word == "cast":
            self.at += 2
            self.expect("(")
            self.accept("as")
            result: n.Expr = n.Cast(value, self.type_name())
        else:
            self.at += 3
            args, _ = self.call_arguments()
            result = n.Call(word, (value, *args))
        self.close(")")
        return result

    def frame(self) -> n.Expr:
        """Read `df1`, `df1.where(…).select(…)`, `df1.users.Id`, `df1[users.Id]`."""
        name = self.texts[self.at]
        self.at += 1
        return self.chain(name, [])

    def chain(self, source: str, actions: list[n.Action]) -> n.Expr:
        """Read methods and columns behind a frame."""
        while self.kinds[self.at] == OPERATOR:
            text = self.texts[self.at]
            if text == "[" and self.adjacent(self.at):
                items = self.square_list()
                return self.columns_of(source, actions, items)
            if text != ".":
                break
            at = self.at + 1
            if self.kinds[at] == WORD and self.texts[at + 1] == "(" and not self.is_column_of_frame(at):
                word = self.lowers[at]
                if word in VALUE_METHODS:
                    return self.value_call(n.Frame(source, tuple(actions)))
                self.add_action(actions)
                continue
            self.at = at
            if self.accept("*"):
                return self.columns_of(source, actions, (n.Star(),))
            if self.kinds[at] == OPERATOR and self.texts[at] == "[":
                return self.columns_of(source, actions, self.square_list())
            found = self.column()
            if isinstance(found, n.FrameColumn):
                raise self.fail()
            return self.columns_of(source, actions, (found,))
        return n.Frame(source, tuple(actions))

    def is_column_of_frame(self, at: int) -> bool:
        """Whether `word (` behind a frame's dot is a column such as `Enrollment (K-12)`, not a method."""
        return (
            self.lowers[at] not in METHODS and self.is_name_group(at + 1, True) and not self.adjacent(at + 1)
        )

    def columns_of(self, source: str, actions: list[n.Action], items: tuple[n.Expr, ...]) -> n.Expr:
        """A frame's column as a value; several, or behind actions, as a selection."""
        if len(items) == 1 and isinstance(items[0], n.FrameColumn) and items[0].frame == source:
            items = (items[0].column,)
        if not actions and len(items) == 1 and isinstance(items[0], n.ColumnRef | n.Mask | n.Star):
            if source.lower() in DATABASE_NAMES:
                return items[0]
            return n.FrameColumn(source, items[0])
        return n.Frame(source, (*actions, n.Select(items)))

    def method_of(self, value: n.Expr) -> n.Expr:
        """Read one method behind a value that is no plain frame: a table, a column, a call."""
        word = self.lowers[self.at + 1]
        if word in VALUE_METHODS and not (isinstance(value, n.ColumnRef) and value.table is None):
            return self.value_call(value)
        if isinstance(value, n.Frame):
            return self.chain(value.source, list(value.actions))
        if isinstance(value, n.FrameColumn):
            return self.chain(value.frame, [n.Select((value.column,))])
        table = isinstance(value, n.Mask) or (isinstance(value, n.ColumnRef) and value.table is None)
        function = AGGREGATES.get(word)
        of_rows = word not in ("asc", "desc", "as", "alias", "label", "distinct", "is_not_null")
        if table and of_rows and (function is None or function == "count" or self.is_table(value)):
            return self.chain("df", [n.Join(value, kind="from")])
        self.at += 2
        self.expect("(")
        args = self.arguments(LIST_KEYS)
        self.close(")")
        if word in ("as", "alias", "label") and len(args) == 1:
            return n.Alias(value, self.name(args[0].value))
        self.need(not args)
        if function is not None or word in ("asc", "desc", "distinct"):
            return n.Call(function or word, (value,))
        if word == "is_not_null":
            return n.Binary("is not", value, n.Literal(None))
        raise self.fail()

    def is_table(self, value: n.Expr) -> bool:
        """Whether a bare name is a table of the schema."""
        known = self.context.known
        return known is not None and isinstance(value, n.ColumnRef) and value.name.lower() in known.tables

    def add_action(self, actions: list[n.Action]) -> None:
        """Read one method and append its action, or the raw text where that fails."""
        start, depth, raws = self.at, self.depth, self.raws
        method = self.lowers[start + 1]
        try:
            self.at += 3
            self.action(method, actions)
            self.close(")")
        except Unreadable:
            self.at, self.depth, self.raws = start + 2, depth, raws + 1
            self.skip_brackets()
            actions.append(n.RawAction(self.source[self.starts[start + 1] : self.ends[self.at - 1]]))

    def call(self, word: str) -> n.Expr:
        """Read a call; set operations written as functions become frames."""
        value = super().call(word)
        if isinstance(value, n.Call) and word in COMBINES and len(value.args) > 1:
            frames = [as_frame(arg) for arg in value.args]
            first = frames[0]
            if first is not None and all(frame is not None for frame in frames):
                kind = cast('Literal["union"]', COMBINES[word])
                others = tuple(n.Combine(kind, frame) for frame in frames[1:] if frame is not None)
                return n.Frame(first.source, first.actions + others)
        return value
