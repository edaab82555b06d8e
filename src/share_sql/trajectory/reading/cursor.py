"""The reader's cursor over tokens, and what all its parsers share."""

from __future__ import annotations

from dataclasses import dataclass, field

from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import END, OPERATOR, Tokens
from share_sql.trajectory.names import KnownNames

MAX_DEPTH = 64
"""Expressions within expressions; deeper text is refused rather than read until Python's stack ends."""

MAX_CHAIN = 200
"""Operators in a row on one level (each makes the tree one deeper)."""


MOST_ENTERED = 20_000
"""Expressions that are begun for one text at most, beside one for each of its characters: what is read in
several ways, within what is read in several ways, would take a time without end."""


class Unreadable(Exception):
    """This spot cannot be read; caught inside the reader, where the text is kept as a raw node."""


class TooDeep(Exception):
    """Nesting beyond MAX_DEPTH, MAX_CHAIN or MOST_ENTERED; the reader turns it into its public error."""


@dataclass
class Context:
    """What the whole text tells about a spot in it."""

    steps: set[str]
    """Lower-case names of the steps up to this one."""
    known: KnownNames | None = None
    """The schema's names, where the caller gave them."""
    notes: list[str] = field(default_factory=list)
    """What was mended while reading."""
    left: int = MOST_ENTERED
    """Expressions that may still be begun."""


@dataclass(slots=True)
class Arg:
    """One argument of a method or function call."""

    keyword: str | None
    value: n.Expr
    quoted: bool
    """The value is a quoted text, or the text of an unquoted filter such as `filter = > 5`."""
    bracketed: bool = False
    """The value is a list in square brackets."""


class Cursor:
    """Steps over the tokens of one statement. The parsers extend it, each by what it reads."""

    def __init__(self, tokens: Tokens, context: Context) -> None:
        self.kinds = tokens.kinds
        self.texts = tokens.texts
        self.lowers = tokens.lowers
        self.starts = tokens.starts
        self.ends = tokens.ends
        self.source = tokens.source
        self.context = context
        self.at = 0
        self.depth = 0
        self.raws = 0

    def fail(self) -> Unreadable:
        """The exception for the current spot."""
        return Unreadable(self.source[self.starts[self.at] :][:40])

    def need(self, condition: bool) -> None:
        """Fail at the current spot where a condition does not hold."""
        if not condition:
            raise self.fail()

    def accept(self, text: str) -> bool:
        """Step over a word or operator if it is next."""
        if self.lowers[self.at] == text and self.kinds[self.at] in "wo":
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Step over a word or operator, which must be next."""
        self.need(self.accept(text))

    def close(self, text: str = ")") -> None:
        """Step over a closing bracket; one that is missing at the very end is taken as there."""
        if self.accept(text):
            return
        self.need(self.kinds[self.at] == END or (text == "]" and self.next_is(")")))
        self.context.notes.append(f"a closing {text} was supplied")

    def next_is(self, *words: str) -> bool:
        """Whether one of these words or operators is next."""
        return self.kinds[self.at] in "wo" and self.lowers[self.at] in words

    def adjacent(self, at: int) -> bool:
        """Whether token `at` follows the one before it without space."""
        return self.ends[at - 1] == self.starts[at]

    def enter(self) -> None:
        """Count one level of nesting."""
        self.depth += 1
        self.context.left -= 1
        if self.depth > MAX_DEPTH or self.context.left < 0:
            raise TooDeep

    def skip_to(self, end: int) -> None:
        """Step over all tokens that start before a position."""
        while self.starts[self.at] < end and self.kinds[self.at] != END:
            self.at += 1

    def skip_brackets(self) -> None:
        """Step over a bracketed text whatever is in it; over one token where no bracket opens."""
        level = 0
        while self.kinds[self.at] != END:
            if self.kinds[self.at] == OPERATOR:
                text = self.texts[self.at]
                if text in "([{":
                    level += 1
                elif text in ")]}":
                    level -= 1
            self.at += 1
            if level <= 0:
                return

    def raw_item(self, start: int) -> n.Raw:
        """Step over the rest of an item from token `start` and keep its text."""
        self.at = start
        while self.kinds[self.at] != END and not self.next_is(",", ")", "]", "}"):
            self.skip_brackets()
        self.need(self.at != start)
        self.raws += 1
        return n.Raw(self.source[self.starts[start] : self.ends[self.at - 1]])

    # What the parsers above this class read; each is overridden there.

    def expression(self, floor: int = 1) -> n.Expr:
        """Read an expression whose operators bind at least as tightly as `floor`."""
        raise self.fail()

    def primary(self) -> n.Expr:
        """Read an operand."""
        raise self.fail()

    def item(self) -> n.Expr:
        """Read a list's item: an expression with or without `as name`."""
        raise self.fail()

    def square_list(self) -> tuple[n.Expr, ...]:
        """Read `[a, b, c]`."""
        raise self.fail()

    def is_method(self, at: int) -> bool:
        """Whether a call of a known method stands at a token; the frame parser knows."""
        return False

    def frame(self) -> n.Expr:
        """Read a frame; the frame parser overrides this."""
        raise self.fail()

    def case_call(self, word: str) -> n.Expr:
        """Read the function-like forms of CASE: keywords, or `if(condition, a, b)`."""
        raise self.fail()


def as_frame(value: n.Expr) -> n.Frame | None:
    """A frame for a value that is a frame or one of its columns; None for anything else."""
    if isinstance(value, n.FrameColumn):
        return value.selected
    return value if isinstance(value, n.Frame) else None


def items_of(value: n.Expr) -> tuple[n.Expr, ...]:
    """The items of a list, or the single value."""
    return value.items if isinstance(value, n.Tuple) else (value,)
