"""Function calls and their clauses, casts, CASE as in SQL, orderings and windows."""

from __future__ import annotations

from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import END, NUMBER, STRING, WORD, unquote
from share_sql.trajectory.reading.cursor import items_of
from share_sql.trajectory.reading.naming import NameParser
from share_sql.trajectory.template_text import hole_count
from share_sql.trajectory.words import CALL_KEYS, CALL_OPTIONS, PRECEDENCE, word_set

_OVER_WORDS = word_set("order orderby order_by partition partitionby rows range groups")
_DIRECTIONS = {
    "desc": True, "descending": True, "asc": False, "ascending": False,
}  # fmt: skip


class CallParser(NameParser):
    """Reads calls and clauses."""

    def call(self, word: str) -> n.Expr:
        """Read `name(…)` and the clauses behind it."""
        if word == "sql" and self.kinds[self.at + 2] == STRING:
            return self.sql_text()
        if word in ("cast", "try_cast", "convert"):
            return self.cast()
        if word in ("case", "if", "when", "case_when"):
            return self.case_call(word)
        if word == "exists":
            return self.exists()
        if word == "not":
            self.at += 1
            return n.Unary("not", self.expression(PRECEDENCE["unary"]))
        if word == "extract" and self.kinds[self.at + 2] == WORD and self.lowers[self.at + 3] == "from":
            return self.extract()
        self.at += 2
        distinct = self.accept_distinct()
        args, order = self.call_arguments(items=word == "distinct")
        self.close(")")
        if (
            len(args) == 1
            and isinstance(args[0], n.Call)
            and args[0].name == "distinct"
            and word != "distinct"
        ):
            distinct, args = True, list(args[0].args)
        return self.call_clauses(n.Call(word, tuple(args), distinct, order))

    def sql_text(self) -> n.Expr:
        """Read `sql("EXTRACT(YEAR FROM {})", x)`: one expression for each hole."""
        self.at += 3
        text = unquote(self.texts[self.at - 1])
        holes: list[n.Expr] = []
        while self.accept(","):
            holes.append(self.expression())
        self.close(")")
        self.need(hole_count(text) == len(holes))
        return n.Sql(text, tuple(holes))

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

    def call_arguments(self, items: bool = False) -> tuple[list[n.Expr], tuple[n.OrderKey, ...]]:
        """Read a function's arguments up to its closing bracket."""
        args: list[n.Expr] = []
        order: tuple[n.OrderKey, ...] = ()
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
                    args[-1] = n.Call("nullif", (args[-1], self.expression()))
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

    def call_clauses(self, call: n.Call) -> n.Expr:
        """Read `filter (where …)` and `over (…)` behind a call."""
        if self.next_is("filter") and self.texts[self.at + 1] == "(":
            self.at += 2
            self.expect("where")
            call = n.Call(call.name, call.args, call.distinct, call.order, self.expression())
            self.close(")")
        dotted = self.next_is(".") and self.lowers[self.at + 1] == "over"
        if dotted:
            self.at += 1
        if (dotted or self.next_is("over")) and self.texts[self.at + 1] == "(":
            self.at += 2
            over = self.over_clause()
            self.close(")")
            call = n.Call(call.name, call.args, call.distinct, call.order, call.where, over)
        return call

    def over_clause(self) -> n.Over:
        """Read the inside of `over (…)`: SQL's words, or keywords (`partition = …, orderby = …`)."""
        partition: list[n.Expr] = []
        order: tuple[n.OrderKey, ...] = ()
        while self.kinds[self.at] == WORD:
            word = self.lowers[self.at]
            if word in ("partition", "partitionby", "partition_by"):
                self.at += 1
                self.accept("by")
                self.accept("=")
                partition.extend(items_of(self.expression()))
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
                    self.need(self.kinds[self.at] != END)
                    self.at += 1
                return n.Over(tuple(partition), order, self.source[start : self.ends[self.at - 1]])
            else:
                raise self.fail()
            if not self.accept(","):
                self.accept(".")
        return n.Over(tuple(partition), order)

    def order_keys(self) -> tuple[n.OrderKey, ...]:
        """Read `a desc, b nulls last`, also with the direction after a comma: `a, desc, b, asc`."""
        keys: list[n.OrderKey] = []
        group = 1
        while self.kinds[self.at] != END and not self.next_is(")", "]"):
            if self.next_is("rows", "range", "groups"):
                break
            if not self.direction(keys, group):
                bracket = self.next_is("[")
                found = self.order_items() if bracket else [n.OrderKey(self.expression())]
                group = len(found) if bracket else 1
                keys.extend(found)
                self.direction(keys, group)
            if not self.accept(","):
                break
        return tuple(keys)

    def order_items(self) -> list[n.OrderKey]:
        """Read `[a, b desc]`, or a list of directions, as keys."""
        self.at += 1
        found = self.order_keys()
        self.close("]")
        return list(found)

    def direction(self, keys: list[n.OrderKey], group: int) -> bool:
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
            keys[index] = n.OrderKey(old.key, old.descending if descending is None else descending, side)
        return True

    def cast(self) -> n.Expr:
        """Read `cast(x, type)`, `cast(x as type)`, `cast(x, as type)`, `cast(x, 'type')`."""
        self.at += 2
        operand = self.expression()
        if self.accept(")"):
            self.context.notes.append("a cast without a type was left out")
            return operand
        comma = self.accept(",")
        self.need(self.accept("as") or comma)
        self.accept("as")
        if self.kinds[self.at] == WORD and self.texts[self.at + 1] == "=":
            self.at += 2
        name = self.type_name()
        self.close(")")
        return n.Cast(operand, name)

    def type_name(self) -> str:
        """Read a type: `real`, `varchar(20)`, `double precision`, quoted or not."""
        at = self.at
        if self.kinds[at] == STRING:
            self.at += 1
            return unquote(self.texts[at]).lower()
        self.need(self.kinds[at] == WORD)
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

    def interval(self) -> n.Expr:
        """Read `interval 3 year` or `interval '3 years'`."""
        at = self.at + 1
        self.at += 2
        amount: n.Expr
        if self.kinds[at] == STRING:
            parts = unquote(self.texts[at]).split()
            if len(parts) == 2:
                return n.Call("interval", (_number_or_text(parts[0]), n.Literal(parts[1].lower())))
            amount = n.Literal(unquote(self.texts[at]))
        else:
            amount = n.Literal.number(self.texts[at])
        self.need(self.kinds[self.at] == WORD)
        self.at += 1
        return n.Call("interval", (amount, n.Literal(self.lowers[self.at - 1])))

    def extract(self) -> n.Expr:
        """Read `extract(year from x)` as `year(x)`."""
        part = self.lowers[self.at + 2]
        self.at += 4
        operand = self.expression()
        self.close(")")
        return n.Call(part, (operand,))

    def exists(self) -> n.Expr:
        """Read `exists(frame)`, `exists(subquery = frame)`."""
        self.at += 2
        if self.kinds[self.at] == WORD and self.texts[self.at + 1] == "=":
            self.at += 2
        value = self.expression()
        self.close(")")
        return n.Exists(value)

    def sql_case(self) -> n.Expr:
        """Read `case [x] when … then … [else …] [end]`."""
        self.at += 1
        operand = None if self.next_is("when") else self.expression()
        whens: list[n.When] = []
        default: n.Expr | None = None
        while self.accept("when"):
            condition = self.expression()
            if not self.accept("then"):
                self.expect(",")
                self.accept("then")
            whens.append(n.When(condition, self.expression()))
        if self.accept("else"):
            default = self.expression()
        self.accept("end")
        self.need(bool(whens))
        return n.Case(operand, tuple(whens), default)


def _number_or_text(text: str) -> n.Literal:
    return n.Literal.number(text) if text.isascii() and text.isdecimal() else n.Literal(text)
