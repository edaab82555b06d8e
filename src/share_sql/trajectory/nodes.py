"""The typed nodes of the trajectory language.

A trajectory is a list of steps, `name = value`. A value is an expression; most are *frames*: a source
(`df`, the whole database, or the name of an earlier step) and a chain of *actions*. The paper prints
this as "SR" (arXiv 2506.00391, section 3.1):

    df1 = df.where(element = schools.County, filter = 'Alameda')
    res = df1.select(max(divide(frpm.Free Meal Count (K-12), frpm.Enrollment (K-12))))

There is one tree for all dialects. `write` prints it in the paper's dialect (joins left out) or in the
extended one (joins, aliases and whatever else foreign keys cannot give back are kept); `read` reads
both, and what models really write. What stands in the surface forms `element = …, filter = '> 5'` is
held here as an ordinary condition, `Binary(">", ColumnRef(…), Literal(5))`.

All nodes are immutable, hashable and compare by value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

from share_sql.trajectory.tree import Node as Node
from share_sql.trajectory.tree import mapped as mapped

DATABASE_FRAME = "df"
"""Name of the frame that stands for the whole database."""

RESULT_FRAME = "res"
"""Customary name of the last step, the answer."""


@dataclass(frozen=True, slots=True)
class ColumnRef(Node):
    """A column: `schools.County`, `T1.name`, `total`."""

    table: str | None
    """Table, alias or frame name in front of the dot, without quotes; None where there is none."""
    name: str
    """Column name without quotes."""


@dataclass(frozen=True, slots=True)
class Star(Node):
    """`*` or `table.*`."""

    table: str | None = None
    """Table, alias or frame name in front of the dot; None for a bare star."""


@dataclass(frozen=True, slots=True)
class Mask(Node):
    """`[MASK]`: a place where a table or column name was taken out."""


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant. Python's type tells the kind: str text, int/float number, bytes blob, bool, None NULL."""

    value: str | int | float | bytes | bool | None
    """The constant; text without its quotes."""
    text: str | None = None
    """For numbers, the spelling in the source where it differs from Python's own (`1e3`, `007`)."""

    @classmethod
    def number(cls, text: str) -> Literal:
        """The constant that a number's spelling stands for."""
        value: int | float
        try:
            value = int(text, 16 if "x" in text.lower() else 10)
        except ValueError:
            value = float(text)
        return cls(value, None if repr(value) == text else text)


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """A placeholder of a prepared statement: `?`, `?1`, `:name`, `@name`, `$name`."""

    text: str
    """The placeholder as written."""


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """A prefix operator: `-`, `+`, `~`, `not`."""

    op: str
    """The operator, lower case."""
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """An infix operator.

    Operators, lower case: or and = != < <= > >= is "is not" like "not like" ilike "not ilike" glob
    "not glob" regexp match + - * / % || & | << >> -> ->> collate (right side a Literal), escape is the
    third part of LIKE and is written Call("like", …).
    """

    op: str
    """The operator, lower case."""
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Between(Node):
    """`operand [not] between low and high`."""

    operand: Expr
    low: Expr
    high: Expr
    negated: bool = False


@dataclass(frozen=True, slots=True)
class In(Node):
    """`operand [not] in (…)`; `choices` is a tuple of expressions or one frame."""

    operand: Expr
    choices: tuple[Expr, ...] | Frame
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Exists(Node):
    """`[not] exists (frame)`."""

    frame: Expr
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Tuple(Node):
    """A row value: `(a, b)`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Cast(Node):
    """`cast(operand, type)`."""

    operand: Expr
    type: str
    """Type name as SQL spells it, lower case: real, integer, text, …"""


@dataclass(frozen=True, slots=True)
class When(Node):
    """One branch of a Case."""

    condition: Expr
    result: Expr


@dataclass(frozen=True, slots=True)
class Case(Node):
    """`case [operand] when … then … [else …] end`."""

    operand: Expr | None
    whens: tuple[When, ...]
    default: Expr | None = None


@dataclass(frozen=True, slots=True)
class OrderKey(Node):
    """One key of an ordering."""

    key: Expr
    descending: bool = False
    nulls: OneOf["first", "last"] | None = None
    """NULLS FIRST / LAST where it is written out."""


@dataclass(frozen=True, slots=True)
class Over(Node):
    """A window: `over (partition by … order by … rows …)`."""

    partition: tuple[Expr, ...] = ()
    order: tuple[OrderKey, ...] = ()
    bounds: str | None = None
    """The frame clause as SQL text, e.g. `rows between unbounded preceding and current row`."""


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function call: `sum(x)`, `divide(a, b)`, `strftime('%Y', d)`, `row_number() over …`."""

    name: str
    """Function name, lower case."""
    args: tuple[Expr, ...] = ()
    distinct: bool = False
    """`count(distinct x)`."""
    order: tuple[OrderKey, ...] = ()
    """Ordering inside an aggregate: `group_concat(x order by y)`."""
    where: Expr | None = None
    """`filter (where …)` of an aggregate."""
    over: Over | None = None
    """The window, for window functions."""


@dataclass(frozen=True, slots=True)
class Sql(Node):
    """What only one dialect says: SQL text with holes for expressions, `sql("EXTRACT(YEAR FROM {})", x)`.

    Extended dialect. When it is compiled, its text is parsed, so that nothing but one expression (or, in a
    join, one source) can come of it.
    """

    text: str
    """The text; `{}` is a hole, `{{` and `}}` are braces."""
    holes: tuple[Expr, ...] = ()
    """What fills the holes, in order."""


@dataclass(frozen=True, slots=True)
class Alias(Node):
    """`expression as name`, in select and agg lists."""

    value: Expr
    name: str
    """The new name, without quotes."""


def unnamed(item: Expr) -> Expr:
    """An item of a list without the new name that it may have."""
    return item.value if isinstance(item, Alias) else item


@dataclass(frozen=True, slots=True)
class Raw(Node):
    """Text that could not be read; kept as it is, counted, never dropped."""

    text: str


@dataclass(frozen=True, slots=True)
class Join(Node):
    """Bring a source into the frame (extended dialect). The first one of a frame is its FROM."""

    source: Expr
    """`ColumnRef(None, table)` for a table, a Frame for an earlier step or an inline frame, a Call or an Sql
    for a table-valued function."""
    alias: str | None = None
    """Alias where one is needed."""
    kind: OneOf["from", "inner", "left", "right", "full", "cross"] = "inner"
    on: Expr | None = None
    using: tuple[str, ...] = ()
    natural: bool = False
    columns: tuple[str, ...] = ()
    """New names of the source's columns: `UNNEST(…) AS u(x)`."""
    lateral: bool = False
    """Whether the source refers to those before it: LATERAL."""


@dataclass(frozen=True, slots=True)
class Where(Node):
    """Keep rows for which the condition holds; `connective` "or" for the dialect's `orwhere`."""

    condition: Expr
    connective: OneOf["and", "or"] = "and"


@dataclass(frozen=True, slots=True)
class GroupBy(Node):
    """Form groups; later aggregates are per group."""

    keys: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Having(Node):
    """Keep groups for which the condition holds."""

    condition: Expr
    connective: OneOf["and", "or"] = "and"


@dataclass(frozen=True, slots=True)
class Select(Node):
    """Choose the output columns."""

    items: tuple[Expr, ...]
    distinct: bool = False
    on: tuple[Expr, ...] = ()
    """For each of these values the first row only: DISTINCT ON."""


@dataclass(frozen=True, slots=True)
class Qualify(Node):
    """Keep rows for which a condition on windows holds."""

    condition: Expr


@dataclass(frozen=True, slots=True)
class Agg(Node):
    """`agg(sum(x) as y, …)`: compute aggregates without ending the frame."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Distinct(Node):
    """`.distinct()` or `.distinct(columns)`."""

    items: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """An aggregate used as a method: `.count()`, `.sum()`, `.count(distinct = Patient.ID)`."""

    function: str
    """count, sum, avg, min, max, …; `mean` and `average` are read as avg."""
    args: tuple[Expr, ...] = ()
    """Empty: over the frame's selected column, or its rows for count."""
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class OrderBy(Node):
    """Sort the frame."""

    keys: tuple[OrderKey, ...]


@dataclass(frozen=True, slots=True)
class Limit(Node):
    """Keep the first `count` rows after skipping `offset`."""

    count: Expr
    offset: Expr | None = None


@dataclass(frozen=True, slots=True)
class Combine(Node):
    """A set operation with another frame."""

    kind: OneOf["union", "union all", "intersect", "except", "intersect all", "except all"]
    other: Expr


@dataclass(frozen=True, slots=True)
class Values(Node):
    """A constant table, `values(…)` (extended dialect)."""

    rows: tuple[tuple[Expr, ...], ...]


@dataclass(frozen=True, slots=True)
class Named(Node):
    """`.as(name, columns…)`: a name for the frame, and for its columns (CTE column lists)."""

    name: str | None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RawAction(Node):
    """A method call that is none of the known actions; kept as it is, counted, never dropped."""

    text: str


@dataclass(frozen=True, slots=True)
class Frame(Node):
    """A source and a chain of actions. Without actions it is a plain reference: `df1`."""

    source: str
    """`df`, or the name of an earlier step."""
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameColumn(Node):
    """A column of an earlier frame as a value: `df1.users.Id`, `df2.total`."""

    frame: str
    """Name of the step."""
    column: ColumnRef | Mask | Star

    @property
    def selected(self) -> Frame:
        """The frame with this column selected."""
        return Frame(self.frame, (Select((self.column,)),))


@dataclass(frozen=True, slots=True)
class Step(Node):
    """One line: `name = value`."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Trajectory(Node):
    """The whole: steps in order. The answer is the step named `res`, else the last one."""

    steps: tuple[Step, ...]

    @property
    def result(self) -> Step | None:
        """The step that is the answer; None for an empty trajectory."""
        for step in reversed(self.steps):
            if step.name == RESULT_FRAME:
                return step
        return self.steps[-1] if self.steps else None

    @property
    def raw_count(self) -> int:
        """How many nodes could not be read."""
        return sum(isinstance(node, Raw | RawAction) for node in self.walk())

    @property
    def is_typed(self) -> bool:
        """True where every part was read: no raw node."""
        return self.raw_count == 0


Action: TypeAlias = (
    Join | Where | GroupBy | Having | Select | Agg | Distinct | Aggregate | OrderBy | Limit | Combine
    | Values | Named | Qualify | RawAction
)  # fmt: skip

Expr: TypeAlias = (
    ColumnRef | Star | Mask | Literal | Parameter | Unary | Binary | Between | In | Exists | Tuple | Cast
    | Case | Call | Sql | Alias | Raw | Frame | FrameColumn
)  # fmt: skip
