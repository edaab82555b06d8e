"""Mask a trajectory: take every table and column name out and leave the logic.

What stays: actions, operators, functions, constants, and names that the trajectory made itself (steps,
output columns), unless they might be the schema's: a conventional step name (`df1`, `tmp_res1`, `res`)
always stays, any other is replaced by a neutral one, unless a schema is given and does not have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from share_sql.schema.model import Schema
from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import (
    MASK,
    NUMBER,
    OPERATOR,
    PARAMETER,
    QUOTED,
    STRING,
    WORD,
    tokenize,
    unquote,
)
from share_sql.trajectory.lower import conjoin
from share_sql.trajectory.words import (
    AGGREGATES,
    CASE_KEYS,
    MASK_TEXT,
    METHODS,
    STOP_WORDS,
    WHERE_KEYS,
    is_frame_name,
    is_masked_name,
    word_set,
)

_NEUTRAL = re.compile(r"(?:res|(?:df|tmp|tmp_res|out)_?\d*)\Z", re.IGNORECASE)
_QUALIFIED = re.compile(r"[\w `\"().%/-]{1,80}\.[\w `\"().%/-]{1,80}\Z")
_FUNCTIONS = word_set(
    "cast case when then else end if iif coalesce nullif round abs substr substring strftime julianday"
    " date instr trim length upper lower replace concat divide multiply subtract add year month day"
    " row_number rank dense_rank over partition exists now current_date current_timestamp real integer"
    " text int float null true false element filter value values by on first last rows distinct interval"
)


_BARE_WORDS = word_set("case when then else end null true false real integer int float over by distinct")
"""Words that are no names even without a bracket behind them."""


def mask(trajectory: n.Trajectory, schema: Schema | None = None) -> n.Trajectory:
    """Replace every table and column name by a Mask.

    Args:
        trajectory: what to mask.
        schema: where given, names of steps and output columns stay unless the schema has them; without
            it all of them are replaced by neutral ones, since any might be a column's.

    Returns:
        The masked trajectory; masking it again changes nothing.
    """
    return _Masker(trajectory, schema).masked()


class _Masker:
    """Masks one trajectory."""

    def __init__(self, trajectory: n.Trajectory, schema: Schema | None) -> None:
        self.trajectory = trajectory
        self.schema_names = _schema_names(schema) if schema is not None else None
        outputs = _outputs(trajectory)
        self.seen, self.tables = _names_in(trajectory, {name.lower() for name in outputs})
        self.steps = {step.name.lower(): step.name for step in trajectory.steps}
        taken = {name.lower() for name in self.steps} | self.seen
        self.step_names = self.new_names((step.name for step in trajectory.steps), "tmp", taken)
        self.output_names = self.new_names(outputs, "out", taken)

    def new_names(self, names: Iterable[str], stem: str, taken: set[str]) -> dict[str, str]:
        """A name that gives nothing away for each name, by lower-case name; kept where it is harmless."""
        new: dict[str, str] = {}
        for name in names:
            low = name.lower()
            if low in new:
                continue
            if self.harmless(name):
                new[low] = name
                continue
            count = len(new) + 1
            while f"{stem}{count}" in taken:
                count += 1
            taken.add(f"{stem}{count}")
            new[low] = f"{stem}{count}"
        return new

    def harmless(self, name: str) -> bool:
        """Whether a name that the trajectory made itself can be shown."""
        low = name.lower()
        if self.schema_names is not None:
            return low not in self.schema_names and low not in self.seen
        return bool(_NEUTRAL.match(name)) and low not in self.seen

    def masked(self) -> n.Trajectory:
        """The masked trajectory."""
        steps = tuple(
            n.Step(self.step_names[step.name.lower()], step.value.transform(self.change))  # type: ignore[arg-type]
            for step in self.trajectory.steps
        )
        return n.Trajectory(steps)

    def change(self, node: n.Node) -> n.Node:
        """The masked form of one node, whose children are masked already."""
        if isinstance(node, n.ColumnRef):
            return self.column(node)
        if isinstance(node, n.FrameColumn):
            frame = self.step(node.frame)
            column = node.column if isinstance(node.column, n.ColumnRef | n.Star) else n.Mask()
            return n.FrameColumn(frame, column)
        if isinstance(node, n.Frame):
            return n.Frame(self.step(node.source), node.actions)
        if isinstance(node, n.Star) and node.table is not None:
            return n.Star() if node.table == MASK_TEXT else n.Mask()
        if isinstance(node, n.Alias):
            return n.Alias(node.value, self.output_names.get(node.name.lower(), node.name))
        if isinstance(node, n.Join):
            return self.join(node)
        if isinstance(node, n.Named):
            name = None if node.name is None else self.output_names.get(node.name.lower(), node.name)
            return n.Named(name, tuple(self.output_names.get(c.lower(), c) for c in node.columns))
        if isinstance(node, n.Literal) and isinstance(node.value, str) and self.names_column(node.value):
            return n.Mask()
        if isinstance(node, n.Raw):
            return n.Raw(self.text(node.text))
        if isinstance(node, n.RawAction):
            return n.RawAction(self.text(node.text))
        return node

    def step(self, name: str) -> str:
        """A step's new name; of a frame that no step defines, which could be a table, none that tells."""
        return self.step_names.get(name.lower(), name if is_frame_name(name) else n.DATABASE_FRAME)

    def column(self, node: n.ColumnRef) -> n.Node:
        """A column; one that the trajectory made itself keeps its (new) name."""
        if node.table is None and node.name.lower() in self.output_names:
            return n.ColumnRef(None, self.output_names[node.name.lower()])
        return n.Mask()

    def join(self, node: n.Join) -> n.Node:
        """A join with its names out: `using` becomes as many masked equalities."""
        on = node.on
        for _ in node.using:
            on = conjoin(on, n.Binary("=", n.Mask(), n.Mask()))
        source = n.Mask() if isinstance(node.source, n.ColumnRef) else node.source
        return n.Join(source, None, node.kind, on, (), node.natural)

    def names_column(self, text: str) -> bool:
        """Whether a quoted text is a qualified column: `'attribute.attribute_name'`."""
        if "." not in text or not _QUALIFIED.match(text):
            return False
        table, _, column = text.replace("`", "").replace('"', "").partition(".")
        return table.strip().lower() in self.tables and bool(column)

    def text(self, text: str) -> str:
        """Text that could not be read, with everything out that might be a name."""
        tokens = tokenize(text)
        pieces: list[str] = []
        for index, kind in enumerate(tokens.kinds):
            word, low = tokens.texts[index], tokens.lowers[index]
            follows = tokens.texts[index + 1] if index + 1 < len(tokens.texts) else ""
            if kind == WORD and not self.keeps(low, follows, bool(pieces) and pieces[-1] == "."):
                if pieces and pieces[-1] == MASK_TEXT:
                    continue
                word = MASK_TEXT
            elif kind == QUOTED:
                word = MASK_TEXT
            elif kind == STRING:
                word = self.string(word)
            elif kind not in (WORD, NUMBER, OPERATOR, MASK, PARAMETER, STRING):
                continue
            if word == MASK_TEXT and len(pieces) > 1 and pieces[-1] == "." and pieces[-2] == MASK_TEXT:
                pieces.pop()
                continue
            pieces.append(self.step_names.get(low, word) if kind == WORD else word)
        return _joined(pieces)

    def keeps(self, word: str, follows: str, behind_dot: bool) -> bool:
        """Whether a word of unread text is surely none of the schema's."""
        if word in self.steps or is_frame_name(word):
            return True
        if self.schema_names is not None and word in self.schema_names and follows != "(":
            return False
        if follows == "(":
            return word in METHODS or word in AGGREGATES or word in _FUNCTIONS or word in STOP_WORDS
        if word in self.seen or behind_dot:
            return False
        return (
            word in STOP_WORDS or word in _BARE_WORDS or (follows == "=" and word in WHERE_KEYS | CASE_KEYS)
        )

    def string(self, text: str) -> str:
        """A quoted text within unread text: kept if it holds no qualified or known name."""
        value = unquote(text)
        if value.lower() in self.seen or re.search(r"[\w`\])]\.[\w`\[(]", value) or "`" in value:
            return MASK_TEXT
        if self.schema_names is not None and value.lower() in self.schema_names:
            return MASK_TEXT
        return text


def _outputs(trajectory: n.Trajectory) -> list[str]:
    """Names that the trajectory gives to its own outputs, in reading order."""
    names: list[str] = []
    for node in trajectory.walk():
        if isinstance(node, n.Alias):
            names.append(node.name)
        elif isinstance(node, n.Named):
            names += [name for name in (node.name, *node.columns) if name is not None]
    return names


def _names_in(trajectory: n.Trajectory, made: set[str]) -> tuple[set[str], set[str]]:
    """Lower-case names that the trajectory uses as tables or columns; and the tables among them.

    A bare name that an earlier step gave to an output is that output.
    """
    seen: set[str] = set()
    tables: set[str] = set()
    for node in trajectory.walk():
        if isinstance(node, n.ColumnRef):
            if node.table is not None:
                seen |= {node.table.lower(), node.name.lower()}
                tables.add(node.table.lower())
            elif node.name.lower() not in made:
                seen.add(node.name.lower())
        elif isinstance(node, n.Join):
            if isinstance(node.source, n.ColumnRef):
                seen.add(node.source.name.lower())
                tables.add(node.source.name.lower())
            seen |= {name.lower() for name in node.using}
        elif isinstance(node, n.Star) and node.table is not None:
            seen.add(node.table.lower())
            tables.add(node.table.lower())
    frames = {step.name.lower() for step in trajectory.steps}
    seen = {name for name in seen if not is_masked_name(name) and not is_frame_name(name)}
    return {name for name in seen if name not in frames or not _NEUTRAL.match(name)}, tables - frames


def _schema_names(schema: Schema) -> frozenset[str]:
    names = {table.name.lower() for table in schema.tables}
    return frozenset(names | {column.name.lower() for _, column in schema.columns()})


def _joined(pieces: list[str]) -> str:
    """Tokens as text, spaced as the language is written."""
    text = " ".join(pieces)
    return re.sub(
        r" ?\. ?", ".", re.sub(r"\( ", "(", re.sub(r" ([),])", r"\1", re.sub(r"(\w) \(", r"\1(", text)))
    )
