"""Arguments of methods, and the function-like forms of CASE that are made of such arguments."""

from __future__ import annotations

from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import END, OPERATOR, STRING, WORD, unquote
from share_sql.trajectory.reading.cursor import Arg, Unreadable
from share_sql.trajectory.reading.elements import condition_of
from share_sql.trajectory.reading.expressions import ExpressionParser
from share_sql.trajectory.words import AGG_KEYS, AGGREGATES, CASE_KEYS, FILTER_KEYS, MASK_TEXT, WHERE_KEYS

_UNFILTERED = frozenset(("in", "not", "like", "between", "is", "not_in"))


class ArgumentParser(ExpressionParser):
    """Reads arguments."""

    def arguments(self, keywords: frozenset[str], named: bool = False) -> list[Arg]:
        """Read a method's arguments up to its closing bracket.

        `named`: `name = value` with a name that is no keyword is an item with an alias.
        """
        args: list[Arg] = []
        while not self.next_is(")") and self.kinds[self.at] != END:
            args.append(self.argument(keywords, named, not args))
            if not self.accept(",") and not self.at_keyword(keywords):
                break
        return args

    def at_keyword(self, keywords: frozenset[str]) -> bool:
        """Whether `keyword =` is next."""
        return (
            self.kinds[self.at] == WORD
            and self.texts[self.at + 1] == "="
            and self.lowers[self.at] in keywords
        )

    def argument(self, keywords: frozenset[str], named: bool, first: bool) -> Arg:
        """Read one argument; one that cannot be read is a Raw value."""
        start, depth, raws = self.at, self.depth, self.raws
        keyword: str | None = None
        if self.at_keyword(keywords):
            keyword = self.lowers[start]
            self.at += 2
        elif keywords is WHERE_KEYS and self.lowers[start] in FILTER_KEYS and self.texts[start + 1] == ",":
            keyword = "filter"  # `where(x, filter, '> 5')`
            self.at += 2
        try:
            at = self.at
            if keywords is WHERE_KEYS and self.at_bare_filter(keyword, first):
                return Arg(keyword, n.Literal(self.filter_text()), True)
            if named and keyword is None and self.texts[at + 1] == "=" and self.kinds[at] in (WORD, STRING):
                self.at += 2
                name = unquote(self.texts[at]) if self.kinds[at] == STRING else self.texts[at]
                inner = self.expression()
                value: n.Expr = n.Alias(inner, name)
                if keywords is AGG_KEYS and name.lower() in AGGREGATES and is_column(inner):
                    value = n.Call(AGGREGATES[name.lower()], (inner,))
            elif named and self.next_is("{"):
                return Arg(keyword, n.Tuple(self.mapping()), False, True)
            else:
                value = self.item()
            if self.at_argument_end(keywords):
                return Arg(
                    keyword, value, self.kinds[at] == STRING and self.at == at + 1, self.texts[at] == "["
                )
        except Unreadable:
            pass  # read again below, as raw text
        self.depth, self.raws = depth, raws
        return Arg(None, self.raw_item(start), False)

    def at_argument_end(self, keywords: frozenset[str]) -> bool:
        """Whether an argument can end here."""
        return self.next_is(",", ")") or self.kinds[self.at] == END or self.at_keyword(keywords)

    def at_bare_filter(self, keyword: str | None, first: bool) -> bool:
        """Whether an unquoted filter begins here: `filter = > 5`, `filter = like 'a%'`, `in(df1)`."""
        if first or (keyword is not None and keyword not in FILTER_KEYS):
            return False
        kind = self.kinds[self.at]
        if kind == OPERATOR:
            return self.texts[self.at] in ("<", ">", "<=", ">=", "!=", "<>", "=", "==")
        word = self.lowers[self.at]
        if kind != WORD or word not in _UNFILTERED:
            return False
        return word != "not" or self.lowers[self.at + 1] in ("in", "like", "between", "null")

    def filter_text(self) -> str:
        """The text of an unquoted filter, up to the end of its argument."""
        start = self.at
        self.raw_item(start)
        self.raws -= 1
        while self.next_is(",") and not (self.kinds[self.at + 1] == WORD and self.texts[self.at + 2] == "="):
            self.at += 1
            self.raw_item(self.at)
            self.raws -= 1
        return self.source[self.starts[start] : self.ends[self.at - 1]]

    def mapping(self) -> tuple[n.Expr, ...]:
        """Read `{'column': 'max'}`, as data-frame libraries write aggregates."""
        self.expect("{")
        items: list[n.Expr] = []
        while not self.next_is("}"):
            column = self.expression()
            self.expect(":")
            function = self.aggregate_name(self.expression())
            if isinstance(column, n.Literal) and isinstance(column.value, str):
                column = n.ColumnRef(None, column.value)
            items.append(n.Call(function, (column,)))
            if not self.accept(","):
                break
        self.expect("}")
        return tuple(items)

    def name(self, value: n.Expr) -> str:
        """The name that a word or a quoted text stands for."""
        found = name_of(value)
        if found is None:
            raise self.fail()
        return found

    def aggregate_name(self, value: n.Expr) -> str:
        """The aggregate that a name stands for."""
        found = AGGREGATES.get(self.name(value).lower())
        if found is None:
            raise self.fail()
        return found

    def case_call(self, word: str) -> n.Expr:
        """Read `case(when = …, then = …, else = …)`, `case(x, when = 1, then = …)`, `if(c, a, b)`."""
        opening = self.at
        self.at += 1
        if word == "case":
            self.skip_brackets()
            behind, self.at = self.next_is("when"), opening
            if behind:  # `case (a + b) when …`: the bracket is the operand's
                return self.sql_case()
        self.at = opening + 2
        if word == "case" and self.next_is("when") and self.texts[self.at + 1] != "=":
            self.at = opening + 1
            value = self.case_in_brackets()
            if value is not None:
                return value
            self.at = opening + 2
        args = self.arguments(CASE_KEYS)
        self.need(not any(isinstance(arg.value, n.Raw) for arg in args))
        self.close(")")
        if (
            word == "when"
            and args
            and args[0].keyword is None
            and len(args) > 1
            and args[1].keyword == "then"
        ):
            args[0] = Arg("when", args[0].value, args[0].quoted)
        if word == "when" and self.accept("then"):
            args.append(Arg("then", self.expression(), False))
        if word in ("if", "when") and not any(arg.keyword in ("when", "then", "else") for arg in args):
            if word == "if" and len(args) == 1 and self.accept("then"):
                args.append(Arg("then", self.expression(), False))
                if self.accept("else"):
                    args.append(Arg("else", self.expression(), False))
            return self.if_call(args)
        return self.case_of(args)

    def case_in_brackets(self) -> n.Expr | None:
        """Read `(when … then … else … end)` behind `case`; None where that is not what it is."""
        depth = self.depth
        try:
            value = self.sql_case()
            if isinstance(value, n.Case) and value.default is None and self.accept(","):
                value = n.Case(value.operand, value.whens, self.expression())
            self.close(")")
        except Unreadable:
            self.depth = depth
            return None
        return value

    def if_call(self, args: list[Arg]) -> n.Expr:
        """`if(condition, a, b)` and `when(condition, a)` from positional arguments."""
        if any(arg.keyword in FILTER_KEYS for arg in args):
            split = next(i for i, arg in enumerate(args) if arg.keyword in FILTER_KEYS) + 1
            condition = condition_of(self, args[:split])
            rest = args[split:]
        else:
            self.need(bool(args))
            condition, rest = args[0].value, args[1:]
        self.need(1 <= len(rest) <= 2)
        default = rest[1].value if len(rest) == 2 else None
        return n.Case(None, (n.When(condition, rest[0].value),), default)

    def case_of(self, args: list[Arg]) -> n.Expr:
        """A CASE from keyword arguments."""
        operand: n.Expr | None = None
        default: n.Expr | None = None
        conditions: list[Arg] = []
        whens: list[n.When] = []
        for arg in args:
            if arg.keyword == "when" or arg.keyword in FILTER_KEYS:
                conditions.append(arg)
            elif arg.keyword == "then":
                self.need(len(conditions) == 1)
                whens.append(self.when(operand, conditions.pop(), arg.value))
            elif arg.keyword in ("else", "default"):
                default = arg.value
            elif (
                arg.keyword in ("element", "column", None)
                and not conditions
                and not whens
                and operand is None
            ):
                operand = arg.value
            elif arg.keyword is None and isinstance(arg.value, n.Case):
                whens.extend(arg.value.whens)
            else:
                raise self.fail()
        if isinstance(operand, n.Case) and not whens:
            whens, default = list(operand.whens), default or operand.default
        self.need(bool(whens) and not conditions)
        return n.Case(None, tuple(whens), default)

    def when(self, operand: n.Expr | None, arg: Arg, result: n.Expr) -> n.When:
        """One branch; with an operand, the condition is a filter on it."""
        if operand is None:
            return n.When(arg.value, result)
        self.need(not (isinstance(operand, n.Frame) and not operand.actions))
        element = Arg("element", operand, False)
        if arg.bracketed:
            return n.When(condition_of(self, [element, Arg("filter", n.Literal("in"), True), arg]), result)
        return n.When(condition_of(self, [element, Arg("filter", arg.value, arg.quoted)]), result)


def name_of(value: n.Expr) -> str | None:
    """The name that a word or a quoted text stands for."""
    if isinstance(value, n.ColumnRef) and value.table is None:
        return value.name
    if isinstance(value, n.Literal) and isinstance(value.value, str):
        return value.value
    if isinstance(value, n.Frame) and not value.actions:
        return value.source
    if isinstance(value, n.Call) and not value.args:
        return value.name
    if isinstance(value, n.Mask):
        return MASK_TEXT
    return None


def is_column(value: n.Expr) -> bool:
    """Whether a value is a column's name, masked or not, or a star."""
    return isinstance(value, n.ColumnRef | n.Mask | n.Star)
