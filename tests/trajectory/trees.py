"""Random trajectories: every node, names and texts of every kind.

Only trees that the reader can return (its normal forms) are made: a negative number is one literal,
`not exists` one node, an `in` over a single frame holds the frame itself.
"""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from share_sql.trajectory import nodes as n

TABLES = ("schools", "frpm", "order", "T1", "user accounts", "Match", "select", "df_2")
COLUMNS = (
    "County", "Free Meal Count (K-12)", "T-BIL", "Percent (%) Eligible Free (K-12)", "order", "name", "count",
    "desc", "2013-14 CALPADS", "e", "filter", "a`b", "größe", "x'y", "line\nbreak", "[odd]",
    "a.b", "year", "df1",
    "rows", "School Name", "and", "case", "values", "limit", "R/P", "+/-", "current_date",
    "x y (z)", "df", "a  b",
)  # fmt: skip
OUTPUTS = ("total", "n", "avg cost", "desc", "sum", "value", "1st", "it's", "max", "order")
TEXTS = (
    "Alameda", "> 5", "like a%", "is null", "in (1, 2)", "it's", '"', "null", "between 1 and 2",
    "year = 1971", "",
    " padded ", "a\nb", "```", "12", "-1.5", "df1", "max(x)", "and", "a = b or c = d", "`x`",
    "\\", "'", "--", "# x",
    "not like '%x%'", "contains x", "equals", "2012-01-01", "T.a", "; df2 = df.count()", "(", ")",
    "[", "%", "_",
    "> 1 and < 5", "is null or = 0", "{x}", "\x00", "e'x'", "> df1", "!= ''",
    "strftime('%Y', x) = '1'", "[MASK]",
    "desc", "sum", "in", "like", ">", "or", "in a, b", "a, b", "%x%", "x' and 'y", "is not y",
    "is 5", "not x",
    "T.a > 5", "`a` = 1", "a'b\"c", "\u2028", "/* c */", "a -- b", "= 5", "= '5'", "'5'", "true",
    "current_date",
)  # fmt: skip
ALPHABET = "ab Z9_-()%.'\"`\\,=<>[]#;:{}*+/|&~?!\n\té "
NUMBERS = (0, 1, 5, -3, 0.5, -2.25, 1e22, 1e-7, 10**20, 3.0)
SPELT = (
    n.Literal(1000.0, "1e3"),
    n.Literal(7, "007"),
    n.Literal(31, "0x1F"),
    n.Literal(0.5, ".5"),
    n.Literal(-5, "-05"),
)
CONSTANTS = (
    n.Literal(None),
    n.Literal(True),
    n.Literal(False),
    n.Literal(b"\x00\xff"),
    n.Literal(b""),
    *SPELT,
)
PARAMETERS = (n.Parameter("?"), n.Parameter("?1"), n.Parameter(":name"), n.Parameter("@x"), n.Parameter("$y"))
COMPARISONS = (
    "=", "=", "=", "!=", "<", "<=", ">", ">=", "is", "is not", "like", "not like", "glob",
    "not glob", "regexp",
    "not regexp", "match", "not match",
)  # fmt: skip
ARITHMETIC = ("+", "-", "*", "/", "%", "||", "&", "|", "<<", ">>", "->", "->>", "and", "or")
FUNCTIONS = (
    "sum", "avg", "max", "count", "divide", "strftime", "group_concat", "row_number", "coalesce",
    "replace", "like",
    "date", "year", "left", "subtract", "my_function",
)  # fmt: skip
TYPES = ("real", "varchar(20)", "double precision", "decimal(10, 2)", "odd-type", "")


class Maker:
    """Makes one trajectory out of a source of chance."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.steps: list[str] = []

    def one(self, choices: tuple[object, ...]) -> object:
        return self.random.choice(choices)

    def chance(self, part: float = 0.5) -> bool:
        return self.random.random() < part

    def several(self, make: object, low: int, high: int, *args: int) -> tuple:
        return tuple(make(*args) for _ in range(self.random.randint(low, high)))

    def text(self) -> str:
        if self.chance(0.8):
            return self.one(TEXTS)
        return "".join(self.random.choice(ALPHABET) for _ in range(self.random.randint(0, 10)))

    def name(self) -> str:
        if self.chance(0.85):
            return self.one(COLUMNS)
        return "".join(self.random.choice(ALPHABET) for _ in range(self.random.randint(1, 6)))

    def output(self) -> str:
        return self.one(OUTPUTS) if self.chance(0.8) else self.name()

    def column(self) -> n.ColumnRef:
        return n.ColumnRef(self.one(TABLES) if self.chance(0.7) else None, self.name())

    def literal(self) -> n.Literal:
        kind = self.random.random()
        if kind < 0.5:
            return n.Literal(self.text())
        return n.Literal(self.one(NUMBERS)) if kind < 0.8 else self.one(CONSTANTS)

    def atom(self) -> n.Expr:
        kind = self.random.randrange(12)
        if kind < 5:
            return self.column()
        if kind < 8:
            return self.literal()
        if kind == 8:
            return n.Mask()
        if kind == 9 and self.steps:
            return n.Frame(self.one(tuple(self.steps)))
        if kind == 10 and self.steps:
            column = self.one((self.column(), self.column(), n.Mask(), n.Star(), n.Star("frpm")))
            return n.FrameColumn(self.one(tuple(self.steps)), column)
        return self.one(
            (*PARAMETERS, n.Star(), n.Star("schools"), n.Star("user accounts"), n.Call("current_timestamp"))
        )

    def expression(self, size: int) -> n.Expr:
        if size <= 0 or self.chance(0.25):
            return self.atom()
        size -= 1
        kind = self.random.randrange(16)
        if kind < 4:
            return n.Binary(self.one(COMPARISONS), self.expression(size), self.expression(size))
        if kind < 7:
            return n.Binary(self.one(ARITHMETIC), self.expression(size), self.expression(size))
        if kind == 7:
            operand = self.expression(size)
            return n.Unary(self.one(("-", "+", "~", "not")), operand)
        if kind == 8:
            return n.Between(
                self.expression(size), self.expression(size), self.expression(size), self.chance()
            )
        if kind == 9:
            choices = self.frame(size) if self.chance() else self.several(self.expression, 0, 3, size)
            return n.In(self.expression(size), choices, self.chance())
        if kind == 10:
            return n.Exists(self.frame(size), self.chance())
        if kind == 11:
            return n.Cast(self.expression(size), self.one(TYPES))
        if kind == 12:
            whens = self.several(self.when, 1, 2, size)
            operand = self.expression(size) if self.chance(0.3) else None
            return n.Case(operand, whens, self.expression(size) if self.chance() else None)
        if kind == 13:
            return self.frame(size)
        if kind == 14 and self.chance(0.3):
            return self.one(
                (
                    n.Tuple(self.several(self.expression, 0, 3, size)),
                    n.Binary("collate", self.atom(), n.Literal("nocase")),
                )
            )
        return self.call(size)

    def when(self, size: int) -> n.When:
        return n.When(self.expression(size), self.expression(size))

    def call(self, size: int) -> n.Call:
        over = None
        if self.chance(0.2):
            bounds = self.one(
                (None, "rows between unbounded preceding and current row", "range unbounded preceding")
            )
            order = self.keys(size) if self.chance() else ()
            partition = tuple(
                p for p in self.several(self.expression, 0, 2, size) if not isinstance(p, n.Tuple)
            )
            over = n.Over(partition, order, bounds)
        args = self.several(self.expression, 0, 3, size)
        order = self.keys(size) if self.chance(0.1) else ()
        where = self.expression(size) if self.chance(0.1) else None
        return n.Call(self.one(FUNCTIONS), args, bool(args) and self.chance(0.2), order, where, over)

    def key(self, size: int) -> n.OrderKey:
        return n.OrderKey(self.expression(size), self.chance(), self.one((None, None, "first", "last")))

    def keys(self, size: int) -> tuple[n.OrderKey, ...]:
        return self.several(self.key, 1, 2, size)

    def item(self, size: int) -> n.Expr:
        value = self.expression(size)
        return n.Alias(value, self.output()) if self.chance(0.3) else value

    def frame(self, size: int) -> n.Frame:
        return n.Frame(self.one(("df", *self.steps)), self.several(self.action, 0, 2, size - 1))

    def action(self, size: int) -> n.Action:
        kind = self.random.randrange(18)
        if kind < 4:
            return n.Where(self.expression(size), self.one(("and", "and", "or")))
        if kind == 4:
            return n.Having(self.expression(size), self.one(("and", "or")))
        if kind == 5:
            return n.GroupBy(self.several(self.expression, 0, 2, size))
        if kind < 8:
            return n.Select(self.several(self.item, 0, 3, size), self.chance(0.3))
        if kind == 8:
            return n.Agg(self.several(self.item, 0, 2, size))
        if kind == 9:
            return n.Distinct(self.several(self.expression, 0, 2, size))
        if kind == 10:
            args = self.several(self.expression, 0, 2, size)
            return n.Aggregate(
                self.one(("count", "sum", "avg", "min", "max")), args, bool(args) and self.chance()
            )
        if kind == 11:
            return n.OrderBy(self.keys(size))
        if kind == 12:
            count = self.one((n.Literal(1), n.Literal(5), self.expression(size)))
            return n.Limit(count, self.expression(size) if self.chance(0.3) else None)
        if kind == 13:
            return n.Combine(self.one(("union", "union all", "intersect", "except")), self.frame(size))
        if kind == 14:
            return n.Values(
                tuple(self.several(self.expression, 0, 2, size) for _ in range(self.random.randint(0, 2)))
            )
        if kind == 15:
            return n.Named(self.output() if self.chance(0.7) else None, self.several(self.output, 0, 2))
        return self.join(size)

    def join(self, size: int) -> n.Join:
        sources = (
            n.ColumnRef(None, self.one(TABLES)),
            n.Mask(),
            self.frame(size),
            n.Call("json_each", (self.column(),)),
        )
        return n.Join(
            self.one(sources),
            self.output() if self.chance() else None,
            self.one(("from", "inner", "left", "right", "full", "cross")),
            self.expression(size) if self.chance() else None,
            self.several(self.name, 0, 2),
            self.chance(0.1),
        )

    def trajectory(self) -> n.Trajectory:
        made = []
        count = self.random.randint(1, 3)
        for index in range(count):
            value = self.expression(2) if self.chance(0.15) else self.frame_value()
            name = (
                "res"
                if index == count - 1
                else self.one((f"df{index + 1}", f"tmp_res{index}", f"avg_{index}"))
            )
            made.append(n.Step(name, value))
            self.steps.append(name)
        return n.Trajectory(tuple(made))

    def frame_value(self) -> n.Frame:
        return n.Frame(self.one(("df", *self.steps)), self.several(self.action, 0, 4, 2))


def is_normal(tree: n.Node) -> bool:
    """Whether the reader could return this tree; where two trees mean the same it returns one of them."""
    previous: n.Node | None = None
    for node in tree.walk():
        if isinstance(node, n.Limit):
            if isinstance(previous, n.Limit) and previous.count == n.Literal(-1):
                return False
            previous = node
        if isinstance(node, n.ColumnRef) and node.table is None and node.name == "[MASK]":
            return False
    return True


trajectories: st.SearchStrategy[n.Trajectory] = (
    st.randoms(use_true_random=False).map(lambda random: Maker(random).trajectory()).filter(is_normal)
)
"""Trajectories of one to three steps, later ones using earlier ones."""
