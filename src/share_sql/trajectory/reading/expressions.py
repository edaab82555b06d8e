"""Expressions of the trajectory language: a precedence-climbing parser over tokens.

Reads SQL's expressions, the paper's own forms (`divide(a, b)`, `cast(x, real)`, `count(distinct = x)`)
and what models make of both. Frames and their methods are read by `frames.FrameParser`, which extends
this class.
"""

from __future__ import annotations

from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import (
    BLOB,
    END,
    MASK,
    NUMBER,
    OPERATOR,
    PARAMETER,
    QUOTED,
    STRING,
    WORD,
    unquote,
)
from share_sql.trajectory.reading.calls import CallParser
from share_sql.trajectory.reading.cursor import MAX_CHAIN, TooDeep, as_frame, items_of
from share_sql.trajectory.words import BARE_CALLS, INFIX, PRECEDENCE, is_frame_name, word_set

_WORD_TESTS = frozenset(("is", "in", "between", "not", "isnull", "notnull"))
_AFTER_NOT = frozenset(("in", "between", "like", "glob", "regexp", "match", "rlike", "ilike", "null"))
_CONSTANTS: dict[str, bool | None] = {"null": None, "none": None, "true": True, "false": False}
_UNITS = word_set("year years month months day days hour hours minute minutes second seconds week weeks")


class ExpressionParser(CallParser):
    """Reads one expression or list."""

    def expression(self, floor: int = 1) -> n.Expr:
        """Read an expression whose operators bind at least as tightly as `floor`."""
        self.enter()
        left = self.prefix(floor)
        chain = 0
        while True:
            kind = self.kinds[self.at]
            if kind != OPERATOR and kind != WORD:
                break
            word = self.lowers[self.at]
            if kind == WORD and word in _WORD_TESTS:
                if floor > 4:
                    break
                tested = self.word_test(left, word)
                if tested is None:
                    break
                left = tested
            else:
                op = INFIX.get(word)
                if op is None:
                    break
                power = PRECEDENCE[op]
                if power < floor or (kind == WORD and not self.is_operator_word()):
                    break
                self.at += 1
                if op == "collate":
                    left = n.Binary(op, left, self.collation())
                else:
                    left = self.finish_infix(op, left, power)
            chain += 1
            if chain > MAX_CHAIN:
                raise TooDeep
        self.depth -= 1
        return left

    def finish_infix(self, op: str, left: n.Expr, power: int) -> n.Expr:
        """Read the right side of an infix operator that was stepped over."""
        right = self.expression(power + 1)
        if op == "like" and self.accept("escape"):
            return n.Call("like", (right, left, self.expression(power + 1)))
        return n.Binary(op, left, right)

    def is_operator_word(self) -> bool:
        """Whether the word here stands for an operator: something must follow it."""
        return self.kinds[self.at + 1] != END and not (
            self.kinds[self.at + 1] == OPERATOR and self.texts[self.at + 1] in ",)=].}"
        )

    def word_test(self, left: n.Expr, word: str) -> n.Expr | None:
        """Read `is …`, `in …`, `between …`, `not …`, `isnull`, `notnull` after an operand."""
        start = self.at
        self.at += 1
        if word == "isnull":
            return n.Binary("is", left, n.Literal(None))
        if word == "notnull":
            return n.Binary("is not", left, n.Literal(None))
        if word == "is":
            negated = self.accept("not")
            if self.accept("distinct"):
                self.expect("from")
                negated = not negated
            return n.Binary("is not" if negated else "is", left, self.expression(5))
        negated = False
        if word == "not":
            negated = True
            word = self.lowers[self.at]
            if self.kinds[self.at] != WORD or word not in _AFTER_NOT:
                self.at = start
                return None
            self.at += 1
        if word == "null":  # `x not null`
            return n.Binary("is not", left, n.Literal(None))
        if word == "in":
            return n.In(left, self.choices(), negated)
        if word == "between":
            low = self.expression(5)
            if not self.accept("and"):
                self.expect(",")
            return n.Between(left, low, self.expression(5), negated)
        op = INFIX[word]
        test = self.finish_infix(f"not {op}" if negated else op, left, 4)
        if negated and op == "like" and self.accept("escape"):
            assert isinstance(test, n.Binary)
            return n.Unary("not", n.Call("like", (test.right, left, self.expression(5))))
        return test

    def choices(self) -> tuple[n.Expr, ...] | n.Frame:
        """Read what stands after `in`: a list in brackets, a frame or a frame's column."""
        if self.next_is("(", "["):
            closing = ")" if self.texts[self.at] == "(" else "]"
            self.at += 1
            items: list[n.Expr] = []
            comma = False
            while not self.next_is(closing) and self.kinds[self.at] != END:
                items.append(self.expression())
                comma = self.accept(",")
                if not comma:
                    break
            self.close(closing)
            if len(items) == 1 and not comma:
                return as_frame(items[0]) or items_of(items[0])
            return tuple(items)
        value = self.expression(5)
        return as_frame(value) or items_of(value)

    def collation(self) -> n.Literal:
        """Read a collation's name."""
        kind, text = self.kinds[self.at], self.texts[self.at]
        self.need(kind in (WORD, STRING, QUOTED))
        self.at += 1
        return n.Literal(text if kind == WORD else unquote(text))

    def prefix(self, floor: int) -> n.Expr:
        """Read prefix operators and what they stand before."""
        kind = self.kinds[self.at]
        if kind == WORD and self.lowers[self.at] == "not" and floor <= 4:
            self.at += 1
            if self.next_is("exists"):
                found = self.primary()
                return n.Exists(found.frame, not found.negated) if isinstance(found, n.Exists) else found
            return n.Unary("not", self.expression(PRECEDENCE["not"]))
        if kind == OPERATOR:
            text = self.texts[self.at]
            if text == "-" and self.kinds[self.at + 1] == NUMBER:
                self.at += 2
                return n.Literal.number("-" + self.texts[self.at - 1])
            if text in "-+~" and text:
                self.at += 1
                return n.Unary(text, self.expression(PRECEDENCE["unary"]))
        return self.primary()

    def primary(self) -> n.Expr:
        """Read an operand."""
        at = self.at
        kind = self.kinds[at]
        if kind == WORD:
            return self.word()
        if kind == STRING:
            self.at += 1
            return self.after_string(unquote(self.texts[at]))
        if kind == NUMBER:
            self.at += 1
            if self.kinds[self.at] == WORD and self.lowers[self.at] in _UNITS:
                self.at += 1
                return n.Call("interval", (n.Literal.number(self.texts[at]), n.Literal(self.lowers[at + 1])))
            if self.kinds[self.at] == WORD and self.adjacent(self.at):
                return self.name_after(None, at)
            return n.Literal.number(self.texts[at])
        if kind == MASK:
            self.at += 1
            return self.after_mask(at)
        if kind == OPERATOR:
            return self.bracketed()
        if kind == QUOTED:
            return self.column()
        if kind == PARAMETER:
            self.at += 1
            return n.Parameter(self.texts[at])
        if kind == BLOB:
            self.at += 1
            digits = self.texts[at][2:-1]
            self.need(len(digits) % 2 == 0)
            return n.Literal(bytes.fromhex(digits))
        raise self.fail()

    def after_string(self, text: str) -> n.Expr:
        """Decide what a quoted text is: a constant, or a column that the schema knows."""
        known = self.context.known
        if known is not None and self.next_is("."):
            if text.lower() in known.tables:
                self.at += 1
                return self.name_after(text, self.at)
            raise self.fail()
        self.need(not self.next_is("."))
        return n.Literal(text)

    def bracketed(self) -> n.Expr:
        """Read what stands in brackets, a star, or a lone placeholder."""
        text = self.texts[self.at]
        if text == "(":
            self.at += 1
            if self.accept(")"):
                return n.Tuple(())
            self.need(not (self.next_is("select") and self.kinds[self.at + 1] != OPERATOR))
            first = self.item()
            if self.next_is(","):
                items = [first]
                while self.accept(","):
                    if self.next_is(")"):
                        break
                    items.append(self.item())
                first = n.Tuple(tuple(items))
            self.close(")")
            return first
        if text == "[":
            items_in = self.square_list()
            if len(items_in) != 1:
                return n.Tuple(items_in)
            only = items_in[0]
            named = isinstance(only, n.ColumnRef) and only.table is None
            if named and self.next_is(".") and self.adjacent(self.at) and not self.is_method(self.at + 1):
                self.at += 1
                return self.name_after(only.name, self.at) if isinstance(only, n.ColumnRef) else only
            return only
        if text == "*":
            self.at += 1
            return n.Star()
        if text == "?":
            self.at += 1
            return n.Parameter("?")
        raise self.fail()

    def square_list(self) -> tuple[n.Expr, ...]:
        """Read `[a, b, c]`."""
        self.expect("[")
        items: list[n.Expr] = []
        while not self.next_is("]") and self.kinds[self.at] != END:
            items.append(self.item())
            if not self.accept(","):
                break
        self.close("]")
        return tuple(items)

    def item(self) -> n.Expr:
        """Read a list's item: an expression with or without `as name`."""
        value = self.expression()
        if self.next_is("as"):
            self.at += 1
            self.accept("=")
            value = n.Alias(value, self.alias_name())
        return value

    def word(self) -> n.Expr:
        """Read what starts with a word: keyword, function call, frame, column."""
        at = self.at
        word = self.lowers[at]
        follows = self.texts[at + 1]
        if follows == "(":
            if self.kinds[at + 2] != END and self.is_name_group(at + 1, False):
                return self.name_after(None, at)
            return self.call(word)
        if word == "case":
            return self.sql_case()
        if word in _CONSTANTS and follows != ".":
            self.at += 1
            return n.Literal(_CONSTANTS[word])
        if word in BARE_CALLS and follows != ".":
            self.at += 1
            return n.Call(word)
        if word == "interval" and self.kinds[at + 1] in (NUMBER, STRING):
            return self.interval()
        if word == "distinct" and self.kinds[at + 1] != OPERATOR:
            self.at += 1
            return n.Call("distinct", (self.expression(),))
        if word in self.context.steps or (follows == "." and is_frame_name(word)) or word == "df":
            return self.frame()
        return self.column()
