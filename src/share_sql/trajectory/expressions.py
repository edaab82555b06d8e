"""Expressions of the trajectory language: a precedence-climbing parser over tokens.

Reads SQL's expressions, the paper's own forms (`divide(a, b)`, `cast(x, real)`, `count(distinct = x)`,
`case(when = …, then = …, else = …)`) and what models make of both. It knows no methods: chains such as
`df1.where(…)` are read by `frames.FrameParser`, which extends this class.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from share_sql.trajectory.lexer import (
    BAD, BLOB, END, MASK, NUMBER, OPERATOR, PARAMETER, QUOTED, STRING, WORD, Tokens, unquote,
)  # fmt: skip
from share_sql.trajectory.names import KnownNames
from share_sql.trajectory.nodes import (
    Alias, Between, Binary, Call, Case, Cast, ColumnRef, Exists, Expr, Frame, FrameColumn, In, Literal, Mask,
    OrderKey, Over, Parameter, Raw, Select, Star, Tuple, Unary, When,
)  # fmt: skip
from share_sql.trajectory.words import (
    BARE_CALLS,
    CALL_KEYS,
    CALL_OPTIONS,
    word_set,
    MASK_TEXT,
    PRECEDENCE,
    STOP_WORDS,
    is_frame_name,
)

MAX_DEPTH = 64
"""Expressions within expressions; deeper text is refused rather than read until Python's stack ends."""

MAX_CHAIN = 200
"""Operators in a row on one level (each makes the tree one deeper)."""


class Unreadable(Exception):  # noqa: N818
    """This spot cannot be read; caught inside the reader, where the text is kept as a raw node."""


class TooDeep(Exception):
    """Nesting beyond MAX_DEPTH or MAX_CHAIN; the reader turns it into its public error."""


@dataclass
class Context:
    """What the whole text tells about a spot in it."""

    steps: set[str]
    """Lower-case names of the steps up to this one."""
    known: KnownNames | None = None
    """The schema's names, where the caller gave them."""
    notes: list[str] = field(default_factory=list)
    """What was mended while reading."""


@dataclass(slots=True)
class Arg:
    """One argument of a method or function call."""

    keyword: str | None
    value: Expr
    quoted: bool
    """The value is a quoted text, or the text of an unquoted filter such as `filter = > 5`."""
    bracketed: bool = False
    """The value is a list in square brackets."""


_COMPARE = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_INFIX = {
    **_COMPARE, "+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "||": "||", "&": "&", "|": "|",
    "<<": "<<", ">>": ">>", "->": "->", "->>": "->>", "&&": "and", "and": "and", "or": "or",
    "like": "like", "glob": "glob", "regexp": "regexp", "match": "match", "collate": "collate",
    "mod": "%", "rlike": "regexp", "ilike": "like",
}  # fmt: skip
_TYPE_WORDS = word_set("unsigned signed precision varying")


class ExpressionParser:
    """Reads one expression or list from tokens. One instance reads one statement."""

    def __init__(self, tokens: Tokens, context: Context) -> None:
        self.tokens = tokens
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

    # ------------------------------------------------------------------ small steps

    def fail(self) -> Unreadable:
        """The exception for the current spot."""
        return Unreadable(self.source[self.starts[self.at] :][:40])

    def accept(self, text: str) -> bool:
        """Step over a word or operator if it is next."""
        if self.lowers[self.at] == text and self.kinds[self.at] in "wo":
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Step over a word or operator, which must be next."""
        if not self.accept(text):
            raise self.fail()

    def close(self, text: str = ")") -> None:
        """Step over a closing bracket; one that is missing at the very end is taken as there."""
        if self.accept(text):
            return
        if self.kinds[self.at] != END and not (text == "]" and self.next_is(")")):
            raise self.fail()
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
        if self.depth > MAX_DEPTH:
            raise TooDeep

    # -------------------------------------------------------------------- operators

    def expression(self, floor: int = 1) -> Expr:
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
                op = _INFIX.get(word)
                if op is None:
                    break
                power = PRECEDENCE[op]
                if power < floor or (kind == WORD and not self.is_operator_word()):
                    break
                self.at += 1
                if op == "collate":
                    left = Binary(op, left, self.collation())
                else:
                    left = self.finish_infix(op, left, power)
            chain += 1
            if chain > MAX_CHAIN:
                raise TooDeep
        self.depth -= 1
        return left

    def finish_infix(self, op: str, left: Expr, power: int) -> Expr:
        """Read the right side of an infix operator that was stepped over."""
        right = self.expression(power + 1)
        if op == "like" and self.accept("escape"):
            return Call("like", (right, left, self.expression(power + 1)))
        return Binary(op, left, right)

    def is_operator_word(self) -> bool:
        """Whether the word here stands for an operator: something must follow it."""
        return self.kinds[self.at + 1] != END and not (
            self.kinds[self.at + 1] == OPERATOR and self.texts[self.at + 1] in ",)=].}"
        )

    def word_test(self, left: Expr, word: str) -> Expr | None:
        """Read `is …`, `in …`, `between …`, `not …`, `isnull`, `notnull` after an operand."""
        start = self.at
        self.at += 1
        if word == "isnull":
            return Binary("is", left, Literal(None))
        if word == "notnull":
            return Binary("is not", left, Literal(None))
        if word == "is":
            negated = self.accept("not")
            if self.accept("distinct"):
                self.expect("from")
                negated = not negated
            return Binary("is not" if negated else "is", left, self.expression(5))
        negated = False
        if word == "not":
            negated = True
            word = self.lowers[self.at]
            if self.kinds[self.at] != WORD or word not in _AFTER_NOT:
                self.at = start
                return None
            self.at += 1
        if word == "null":  # `x not null`
            return Binary("is not", left, Literal(None))
        if word == "in":
            return In(left, self.choices(), negated)
        if word == "between":
            low = self.expression(5)
            if not self.accept("and"):
                self.expect(",")
            return Between(left, low, self.expression(5), negated)
        op = _INFIX[word]
        test = self.finish_infix(f"not {op}" if negated else op, left, 4)
        if negated and op == "like" and self.accept("escape"):
            assert isinstance(test, Binary)  # noqa: S101
            return Unary("not", Call("like", (test.right, left, self.expression(5))))
        return test

    def choices(self) -> tuple[Expr, ...] | Frame:
        """Read what stands after `in`: a list in brackets, a frame or a frame's column."""
        if self.next_is("(", "["):
            closing = ")" if self.texts[self.at] == "(" else "]"
            self.at += 1
            items: list[Expr] = []
            comma = False
            while not self.next_is(closing) and self.kinds[self.at] != END:
                items.append(self.expression())
                comma = self.accept(",")
                if not comma:
                    break
            self.close(closing)
            if len(items) == 1 and not comma:
                frame = as_frame(items[0])
                if frame is not None:
                    return frame
                if isinstance(items[0], Tuple):
                    return items[0].items
            return tuple(items)
        value = self.expression(5)
        frame = as_frame(value)
        if frame is not None:
            return frame
        return value.items if isinstance(value, Tuple) else (value,)

    def collation(self) -> Literal:
        """Read a collation's name."""
        kind, text = self.kinds[self.at], self.texts[self.at]
        if kind not in (WORD, STRING, QUOTED):
            raise self.fail()
        self.at += 1
        return Literal(text if kind == WORD else unquote(text))

    def prefix(self, floor: int) -> Expr:
        """Read prefix operators and what they stand before."""
        kind = self.kinds[self.at]
        if kind == WORD and self.lowers[self.at] == "not" and floor <= 4:
            self.at += 1
            if self.next_is("exists"):
                found = self.primary()
                return Exists(found.frame, not found.negated) if isinstance(found, Exists) else found
            return Unary("not", self.expression(PRECEDENCE["not"]))
        if kind == OPERATOR:
            text = self.texts[self.at]
            if text == "-" and self.kinds[self.at + 1] == NUMBER:
                self.at += 2
                return number("-" + self.texts[self.at - 1])
            if text in "-+~" and text:
                self.at += 1
                return Unary(text, self.expression(PRECEDENCE["unary"]))
        return self.primary()

    # ------------------------------------------------------------------- primaries

    def primary(self) -> Expr:
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
                return Call("interval", (number(self.texts[at]), Literal(self.lowers[at + 1])))
            if self.kinds[self.at] == WORD and self.adjacent(self.at):
                return self.name_after(None, at)
            return number(self.texts[at])
        if kind == MASK:
            self.at += 1
            return self.after_mask(at)
        if kind == OPERATOR:
            return self.bracketed()
        if kind == QUOTED:
            return self.column()
        if kind == PARAMETER:
            self.at += 1
            return Parameter(self.texts[at])
        if kind == BLOB:
            self.at += 1
            digits = self.texts[at][2:-1]
            if len(digits) % 2:
                raise self.fail()
            return Literal(bytes.fromhex(digits))
        raise self.fail()

    def after_string(self, text: str) -> Expr:
        """Decide what a quoted text is: a constant, or a column that the schema knows."""
        known = self.context.known
        if known is not None and self.next_is("."):
            if text.lower() in known.tables:
                self.at += 1
                return self.name_after(text, self.at)
            raise self.fail()
        if self.next_is("."):
            raise self.fail()
        return Literal(text)

    def after_mask(self, at: int) -> Expr:
        """Read on after `[MASK]`: alone, `[MASK].name`, `[MASK].[MASK]`, `[MASK]_x`."""
        if self.next_is(".") and self.adjacent(self.at):
            if self.kinds[self.at + 1] == MASK:
                self.at += 2
                return Mask()
            if self.is_method(self.at + 1):
                return Mask()
            self.at += 1
            if self.accept("*"):
                return Star(MASK_TEXT)
            return self.name_after(MASK_TEXT, self.at)
        if self.kinds[self.at] == WORD and self.adjacent(self.at):
            while self.kinds[self.at] in (WORD, MASK) and self.adjacent(self.at):
                self.at += 1
            return ColumnRef(None, self.source[self.starts[at] : self.ends[self.at - 1]])
        return Mask()

    def is_method(self, at: int) -> bool:
        """Whether a call of a known method stands at a token; the frame parser knows."""
        return False

    def bracketed(self) -> Expr:
        """Read what stands in brackets, a star, or a lone placeholder."""
        text = self.texts[self.at]
        if text == "(":
            self.at += 1
            if self.accept(")"):
                return Tuple(())
            if self.next_is("select") and self.kinds[self.at + 1] != OPERATOR:
                raise self.fail()
            first = self.item()
            if self.next_is(","):
                items = [first]
                while self.accept(","):
                    if self.next_is(")"):
                        break
                    items.append(self.item())
                first = Tuple(tuple(items))
            self.close(")")
            return first
        if text == "[":
            items_in = self.square_list()
            if len(items_in) != 1:
                return Tuple(items_in)
            only = items_in[0]
            named = isinstance(only, ColumnRef) and only.table is None
            if named and self.next_is(".") and self.adjacent(self.at) and not self.is_method(self.at + 1):
                self.at += 1
                return self.name_after(only.name, self.at) if isinstance(only, ColumnRef) else only
            return only
        if text == "*":
            self.at += 1
            return Star()
        if text == "?":
            self.at += 1
            return Parameter("?")
        raise self.fail()

    def square_list(self) -> tuple[Expr, ...]:
        """Read `[a, b, c]`."""
        self.expect("[")
        items: list[Expr] = []
        while not self.next_is("]") and self.kinds[self.at] != END:
            items.append(self.item())
            if not self.accept(","):
                break
        self.close("]")
        return tuple(items)

    def item(self) -> Expr:
        """Read a list's item: an expression with or without `as name`."""
        value = self.expression()
        if self.next_is("as"):
            self.at += 1
            self.accept("=")
            value = Alias(value, self.alias_name())
        return value

    def alias_name(self) -> str:
        """Read a new name after `as`: a word, a quoted text, or several words."""
        at = self.at
        kind = self.kinds[at]
        if kind in (STRING, QUOTED):
            self.at += 1
            return unquote(self.texts[at])
        if kind == OPERATOR and self.texts[at] == "[" and self.kinds[at + 1] in (WORD, STRING):
            self.at += 1
            name = self.alias_name()
            self.close("]")
            return name
        if kind not in (WORD, MASK, NUMBER):
            raise self.fail()
        self.at = self.name_end(at, "")
        return self.source[self.starts[at] : self.ends[self.at - 1]]

    # ------------------------------------------------------------------------ words

    def word(self) -> Expr:
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
            return Literal(_CONSTANTS[word])
        if word in BARE_CALLS and follows != ".":
            self.at += 1
            return Call(word)
        if word == "interval" and self.kinds[at + 1] in (NUMBER, STRING):
            return self.interval()
        if word == "distinct" and self.kinds[at + 1] != OPERATOR:
            self.at += 1
            return Call("distinct", (self.expression(),))
        if word in self.context.steps or (follows == "." and is_frame_name(word)) or word == "df":
            return self.frame()
        return self.column()

    def frame(self) -> Expr:
        """Read a frame; the frame parser overrides this."""
        raise self.fail()

    def column(self) -> Expr:
        """Read a column's name, with or without a table before it."""
        at = self.at
        known = self.context.known
        kind = self.kinds[at]
        table: str | None = None
        if kind == WORD and known is not None and known.odd_tables:
            table = known.longest_table(self.source, self.starts[at])
            if table:
                self.skip_to(self.starts[at] + len(table))
                self.at += 1
        if table is None:
            dot = at + 1
            if kind == WORD:
                while self.kinds[dot] in (WORD, MASK) and self.adjacent(dot):
                    dot += 1
            if self.texts[dot] != "." or self.kinds[dot] != OPERATOR:
                # Words in a row with a dot after them are a table of several words.
                if kind == WORD and self.lowers[at] not in STOP_WORDS:
                    end = dot
                    while (
                        self.kinds[end] == WORD
                        and self.lowers[end] not in STOP_WORDS
                        and not self.at_clause(end)
                    ):
                        end += 1
                    if end > dot and self.texts[end] == "." and self.adjacent(end):
                        self.at = end + 1
                        return self.name_after(self.source[self.starts[at] : self.ends[end - 1]], self.at)
                return self.name_after(None, at)
            table = (
                unquote(self.texts[at])
                if kind == QUOTED
                else self.source[self.starts[at] : self.ends[dot - 1]]
            )
            self.at = dot + 1
        if self.accept("*"):
            return Star(table)
        if self.kinds[self.at] == WORD and self.texts[self.at + 1] == "." and not self.is_method(self.at + 2):
            # database.table.column, or a frame that no step defines.
            if self.kinds[self.at + 2] in (WORD, QUOTED, MASK):
                self.enter()
                inner = self.column()
                self.depth -= 1
                if isinstance(inner, ColumnRef | Mask | Star):
                    return FrameColumn(table, inner)
                raise self.fail()
        return self.name_after(table, self.at)

    def skip_to(self, end: int) -> None:
        """Step over all tokens that start before a position."""
        while self.starts[self.at] < end and self.kinds[self.at] != END:
            self.at += 1

    def name_after(self, table: str | None, at: int) -> Expr:
        """Read a column's name that starts at token `at`, several words and brackets included."""
        self.at = at
        kind = self.kinds[at]
        if kind in (QUOTED, STRING):
            self.at += 1
            return ColumnRef(table, unquote(self.texts[at]))
        if kind == MASK:
            self.at += 1
            return Mask()
        if kind == OPERATOR and self.texts[at] == "[":
            items = self.square_list()
            if len(items) != 1:
                raise self.fail()
            found = items[0]
            if isinstance(found, ColumnRef) and found.table is None:
                return ColumnRef(table, found.name)
            return found
        known = self.context.known
        if known is not None and known.all_odd:
            name = known.longest_column(table, self.source, self.starts[at])
            if name is not None:
                self.skip_to(self.starts[at] + len(name))
                return ColumnRef(table, name)
        if kind != WORD and kind != NUMBER:
            raise self.fail()
        end = self.name_end(at, table)
        self.at = end
        return ColumnRef(table, self.source[self.starts[at] : self.ends[end - 1]])

    def name_end(self, at: int, table: str | None) -> int:
        """The token after an unquoted name that starts at `at`, by the look of it."""
        kinds, texts = self.kinds, self.texts
        qualified = table is not None
        end = at + 1
        if qualified and kinds[at] == WORD and self.settled(table, texts[at], end):
            return end
        while True:
            kind, text = kinds[end], texts[end]
            if kind in (WORD, NUMBER, MASK):
                if self.adjacent(end):
                    end += 1
                elif kind == WORD and self.lowers[end] not in STOP_WORDS and self.lowers[end] not in _INFIX:
                    if self.lowers[end] in self.context.steps or texts[end + 1] == ".":
                        return end
                    if self.at_clause(end):
                        return end
                    end += 1
                elif kind == NUMBER and qualified:
                    end += 1
                else:
                    return end
            elif kind != OPERATOR:
                return end
            elif text == "-" and self.adjacent(end) and self.adjacent(end + 1):
                follows = kinds[end + 1]
                numeric = follows == NUMBER and kinds[end - 1] == NUMBER and qualified
                worded = follows == WORD and qualified and texts[end + 2] not in ("(", ".")
                if not numeric and not worded:
                    return end
                end += 2
            elif text == "(" and self.is_name_group(end, qualified):
                while texts[end] != ")":
                    end += 1
                end += 1
            elif text == "?" and self.adjacent(end):
                end += 1
            else:
                return end

    def at_clause(self, at: int) -> bool:
        """Whether a clause such as `order by` or `rows between` begins at token `at`."""
        if self.lowers[at] not in _CLAUSE_WORDS:
            return False
        if self.lowers[at + 1] in _CLAUSE_NEXT:
            return True
        return self.kinds[at + 1] == NUMBER and self.lowers[at] in ("rows", "range", "groups")

    def settled(self, table: str | None, word: str, end: int) -> bool:
        """Whether the schema says that a single word is the whole name, so that what follows is not."""
        known = self.context.known
        if known is None or table is None or self.kinds[end] == OPERATOR:
            return False
        return word.lower() in known.tables.get(table.lower(), ())

    def is_name_group(self, at: int, qualified: bool) -> bool:
        """Whether a bracket at `at` belongs to a name, as in `Enrollment (K-12)` or `Percent (%) …`."""
        end = at + 1
        odd = False
        while self.texts[end] != ")":
            kind = self.kinds[end]
            if kind == OPERATOR:
                if self.texts[end] not in "-/%" or not self.texts[end]:
                    return False
                odd = True
            elif kind not in (WORD, NUMBER):
                return False
            elif end > at + 1 and not odd and not self.adjacent(end):
                odd = self.lowers[end] not in STOP_WORDS and self.lowers[end - 1] != "distinct"
            end += 1
            if end - at > 8:
                return False
        if end == at + 1:
            return False
        spaced = not self.adjacent(at)
        if qualified:
            return spaced or odd
        # Without a table only what cannot be a call's arguments: `(K-12)`, `(%)`, `(Y/N)`.
        shape = self.source[self.starts[at] : self.ends[end]]
        return spaced and odd and (" - " not in shape) and (end == at + 2 or "-" in shape or "/" in shape)

    # ------------------------------------------------------------- calls and clauses

    def call(self, word: str) -> Expr:
        """Read `name(…)` and the clauses behind it."""
        if word in ("cast", "try_cast", "convert"):
            return self.cast()
        if word in ("case", "if", "when", "case_when"):
            return self.case_call(word)
        if word == "exists":
            return self.exists()
        if word == "not":
            self.at += 1
            return Unary("not", self.expression(PRECEDENCE["unary"]))
        if word == "extract":
            return self.extract()
        self.at += 2
        distinct = self.accept_distinct()
        args, order = self.call_arguments(items=word == "distinct")
        self.close(")")
        if len(args) == 1 and isinstance(args[0], Call) and args[0].name == "distinct" and word != "distinct":
            distinct, args = True, args[0].args
        return self.call_clauses(Call(word, tuple(args), distinct, order))

    def accept_distinct(self) -> bool:
        """Step over `distinct` or `distinct =` at the start of a call's arguments."""
        if self.lowers[self.at] == "distinct" and self.kinds[self.at] == WORD:
            if self.texts[self.at + 1] == "=":
                self.at += 2
                return True
            if self.texts[self.at + 1] not in ("(", ")", ",", "."):
                self.at += 1
                return True
        return False

    def call_arguments(self, items: bool = False) -> tuple[list[Expr], tuple[OrderKey, ...]]:
        """Read a function's arguments up to its closing bracket."""
        args: list[Expr] = []
        order: tuple[OrderKey, ...] = ()
        while not self.next_is(")") and self.kinds[self.at] != END:
            if self.next_is("order") and self.lowers[self.at + 1] == "by":
                self.at += 2
                order = self.order_keys()
                break
            if self.kinds[self.at] == WORD and self.texts[self.at + 1] == "=":
                word = self.lowers[self.at]
                if word in ("element", "column", "operand", "by"):
                    self.at += 2
                elif word == "null_if" and args:  # `divide(a, b, null_if = 0)`: the divisor is NULL where 0
                    self.at += 2
                    args[-1] = Call("nullif", (args[-1], self.expression()))
                    self.accept(",")
                    continue
                elif word in CALL_KEYS or word in CALL_OPTIONS:
                    raise self.fail()
            args.append(self.item() if items else self.expression())
            if self.next_is("order") and self.lowers[self.at + 1] == "by":
                continue
            if not self.accept(","):
                break
        return args, order

    def call_clauses(self, call: Call) -> Expr:
        """Read `filter (where …)` and `over (…)` behind a call."""
        if self.next_is("filter") and self.texts[self.at + 1] == "(":
            self.at += 2
            self.expect("where")
            call = Call(call.name, call.args, call.distinct, call.order, self.expression())
            self.close(")")
        dotted = self.next_is(".") and self.lowers[self.at + 1] == "over"
        if dotted:
            self.at += 1
        if (dotted or self.next_is("over")) and self.texts[self.at + 1] == "(":
            self.at += 2
            over = self.over_clause()
            self.close(")")
            call = Call(call.name, call.args, call.distinct, call.order, call.where, over)
        return call

    def over_clause(self) -> Over:
        """Read the inside of `over (…)`: SQL's words, or keywords (`partition = …, orderby = …`)."""
        partition: list[Expr] = []
        order: tuple[OrderKey, ...] = ()
        while self.kinds[self.at] == WORD:
            word = self.lowers[self.at]
            if word in ("partition", "partitionby", "partition_by"):
                self.at += 1
                self.accept("by")
                self.accept("=")
                group = self.expression()
                partition.extend(group.items if isinstance(group, Tuple) else [group])
                while self.next_is(",") and self.lowers[self.at + 1] not in _OVER_WORDS:
                    self.at += 1
                    partition.append(self.expression())
            elif word in ("order", "orderby", "order_by"):
                self.at += 1
                inner = not self.accept("by") and self.accept("(")
                self.accept("by")
                self.accept("=")
                order = self.order_keys()
                if inner:
                    self.close(")")
            elif word in ("rows", "range", "groups"):
                start = self.starts[self.at]
                while not self.next_is(")"):
                    if self.kinds[self.at] == END:
                        raise self.fail()
                    self.at += 1
                return Over(tuple(partition), order, self.source[start : self.ends[self.at - 1]])
            else:
                raise self.fail()
            if not self.accept(","):
                self.accept(".")
        return Over(tuple(partition), order)

    def order_keys(self) -> tuple[OrderKey, ...]:
        """Read `a desc, b nulls last`, also with the direction after a comma: `a, desc, b, asc`."""
        keys: list[OrderKey] = []
        group = 1
        while self.kinds[self.at] != END and not self.next_is(")", "]"):
            if self.next_is("rows", "range", "groups"):
                break
            changed = self.direction(keys, group)
            if not changed:
                bracket = self.next_is("[")
                found = self.order_items() if bracket else [OrderKey(self.expression())]
                group = len(found) if bracket else 1
                keys.extend(found)
                self.direction(keys, group)
            if not self.accept(","):
                break
        return tuple(keys)

    def order_items(self) -> list[OrderKey]:
        """Read `[a, b desc]`, or a list of directions, as keys."""
        self.at += 1
        found = self.order_keys()
        self.close("]")
        return list(found)

    def direction(self, keys: list[OrderKey], group: int) -> bool:
        """Read a direction and apply it to the last `group` keys; False where there is none."""
        at = self.at
        if not keys:
            return False
        word = self.lowers[at].strip("'\"").lower() if self.kinds[at] == STRING else self.lowers[at]
        descending: bool | None = None
        if self.kinds[at] in (WORD, STRING) and word in _DIRECTIONS and self.texts[at + 1] not in ("(", "."):
            descending = _DIRECTIONS[word]
            self.at += 1
            if self.accept("="):
                if self.next_is("false", "0"):
                    descending = not descending
                elif not self.next_is("true", "1"):
                    raise self.fail()
                self.at += 1
        nulls: str | None = None
        if self.next_is("nulls") and self.lowers[self.at + 1] in ("first", "last"):
            nulls = self.lowers[self.at + 1]
            self.at += 2
        if descending is None and nulls is None:
            return False
        for index in range(max(0, len(keys) - group), len(keys)):
            old = keys[index]
            side = "first" if nulls == "first" else "last" if nulls == "last" else old.nulls
            keys[index] = OrderKey(old.key, old.descending if descending is None else descending, side)
        return True

    def cast(self) -> Expr:
        """Read `cast(x, type)`, `cast(x as type)`, `cast(x, as type)`, `cast(x, 'type')`."""
        self.at += 2
        operand = self.expression()
        if self.accept(")"):
            self.context.notes.append("a cast without a type was left out")
            return operand
        comma = self.accept(",")
        if not (self.accept("as") or comma):
            raise self.fail()
        self.accept("as")
        if self.kinds[self.at] == WORD and self.texts[self.at + 1] == "=":
            self.at += 2
        name = self.type_name()
        self.close(")")
        return Cast(operand, name)

    def type_name(self) -> str:
        """Read a type: `real`, `varchar(20)`, `double precision`, quoted or not."""
        at = self.at
        if self.kinds[at] == STRING:
            self.at += 1
            return unquote(self.texts[at]).lower()
        if self.kinds[at] != WORD:
            raise self.fail()
        self.at += 1
        while self.kinds[self.at] == WORD:
            self.at += 1
        if self.accept("("):
            while self.kinds[self.at] == NUMBER:
                self.at += 1
                if not self.accept(","):
                    break
            self.expect(")")
        return self.source[self.starts[at] : self.ends[self.at - 1]].lower()

    def interval(self) -> Expr:
        """Read `interval 3 year` or `interval '3 years'`."""
        at = self.at + 1
        self.at += 2
        amount: Expr
        if self.kinds[at] == STRING:
            parts = unquote(self.texts[at]).split()
            if len(parts) == 2:
                return Call("interval", (_number_or_text(parts[0]), Literal(parts[1].lower())))
            amount = Literal(unquote(self.texts[at]))
        else:
            amount = number(self.texts[at])
        if self.kinds[self.at] != WORD:
            raise self.fail()
        self.at += 1
        return Call("interval", (amount, Literal(self.lowers[self.at - 1])))

    def extract(self) -> Expr:
        """Read `extract(year from x)` as `year(x)`; otherwise an ordinary call."""
        if self.kinds[self.at + 2] == WORD and self.lowers[self.at + 3] == "from":
            part = self.lowers[self.at + 2]
            self.at += 4
            operand = self.expression()
            self.close(")")
            return Call(part, (operand,))
        self.at += 2
        args, _ = self.call_arguments()
        self.close(")")
        return Call("extract", tuple(args))

    def exists(self) -> Expr:
        """Read `exists(frame)`, `exists(subquery = frame)`."""
        self.at += 2
        if self.kinds[self.at] == WORD and self.texts[self.at + 1] == "=":
            self.at += 2
        value = self.expression()
        self.close(")")
        return Exists(value)

    def sql_case(self) -> Expr:
        """Read `case [x] when … then … [else …] [end]`."""
        self.at += 1
        operand = None if self.next_is("when") else self.expression()
        whens: list[When] = []
        default: Expr | None = None
        while self.accept("when"):
            condition = self.expression()
            if not self.accept("then"):
                self.expect(",")
                self.accept("then")
            whens.append(When(condition, self.expression()))
        if self.accept("else"):
            default = self.expression()
        self.accept("end")
        if not whens:
            raise self.fail()
        return Case(operand, tuple(whens), default)

    def case_call(self, word: str) -> Expr:
        """Read the function-like forms of CASE: keywords, or `if(condition, a, b)`."""
        raise self.fail()

    def raw_item(self, start: int) -> Raw:
        """Step over the rest of an item from token `start` and keep its text."""
        self.at = start
        level = 0
        while self.kinds[self.at] != END:
            if self.kinds[self.at] == OPERATOR:
                text = self.texts[self.at]
                if text in "([{":
                    level += 1
                elif text in ")]}":
                    if level == 0:
                        break
                    level -= 1
                elif text == "," and level == 0:
                    break
            self.at += 1
        if self.at == start:
            raise self.fail()
        self.raws += 1
        return Raw(self.source[self.starts[start] : self.ends[self.at - 1]])


_WORD_TESTS = frozenset(("is", "in", "between", "not", "isnull", "notnull"))
_AFTER_NOT = frozenset(("in", "between", "like", "glob", "regexp", "match", "rlike", "ilike", "null"))
_CONSTANTS: dict[str, bool | None] = {"null": None, "none": None, "true": True, "false": False}
_UNITS = word_set("year years month months day days hour hours minute minutes second seconds week weeks")
_CLAUSE_WORDS = word_set("order group partition rows range groups")
_CLAUSE_NEXT = word_set("by between unbounded current")
_OVER_WORDS = word_set("order orderby order_by partition partitionby rows range groups")
_DIRECTIONS = {
    "desc": True, "descending": True, "asc": False, "ascending": False,
}  # fmt: skip


def as_frame(value: Expr) -> Frame | None:
    """A frame for a value that is a frame or one of its columns; None for anything else."""
    if isinstance(value, Frame):
        return value
    if isinstance(value, FrameColumn):
        return Frame(value.frame, (Select((value.column,)),))
    return None


def number(text: str) -> Literal:
    """The constant a number's spelling stands for, spelling kept where it is not Python's own."""
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("-")
    value: int | float
    if digits[:2] in ("0x", "0X"):
        value = sign * int(digits, 16)
    elif digits.isdecimal() and digits.isascii() and len(digits) < 400:
        value = sign * int(digits)
    else:
        value = sign * float(digits)
    return Literal(value, None if repr(value) == text else text)


def _number_or_text(text: str) -> Literal:
    return number(text) if text.isascii() and text.isdecimal() else Literal(text)


__all__ = ["BAD", "Arg", "Context", "ExpressionParser", "TooDeep", "Unreadable", "as_frame", "number"]
