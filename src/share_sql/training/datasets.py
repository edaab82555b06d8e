"""Training data for BAM, SAM and LOM out of proved trajectories and drafts (arXiv 2506.00391).

    bam   gold SQL and its columns                                    -> gold's trajectory
    sam   draft's trajectory masked, its columns, the whole schema    -> gold's trajectory
    lom   columns, meanings, question, a wrong trajectory             -> gold's trajectory

and, beyond the paper:

    drafter  the whole schema, question, stored values it names       -> gold's trajectory

LOM follows the paper's rule. Where the draft uses all of gold's columns and gives other rows, its own
trajectory is the wrong one; where it uses them and gives gold's rows, a perturbed one is. A source without
drafts is taken as if gold were the draft. Each case ends as an example or as a line that says why not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from share_sql.edits.name import differences
from share_sql.edits.spoil import Literals
from share_sql.errors import ShareError
from share_sql.prompts.render import bam_variables, drafter_variables, lom_variables, sam_variables
from share_sql.query.examined import BoundQuery
from share_sql.schema.model import ColumnName, Schema, ValueMatch
from share_sql.schema.spoken import phrases, spoken_values
from share_sql.sql.names import linked_columns
from share_sql.sql.text import extract_sql, parse_select
from share_sql.training.error_profile import ErrorProfile, measure
from share_sql.training.examples import Dataset, Example, LeftOut, fenced, message_texts
from share_sql.training.make_wrong import Spoiled, make_wrong
from share_sql.training.sources import constants_by_database
from share_sql.training.validate import Validator, columns_of
from share_sql.trajectory.columns import columns
from share_sql.trajectory.mask import mask
from share_sql.trajectory.read import read
from share_sql.trajectory.write import write

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import LabelledCase
    from share_sql.prompts.library import PromptSet
    from share_sql.training.drafts import DraftRow
    from share_sql.training.sources import Source, TrajectoryRow
    from share_sql.trajectory.nodes import Trajectory

Wording: TypeAlias = Literal["paper", "proved"]
"""paper: answers leave joins out, as the prompts ask. proved: they do where that text was proved to
compile back, and keep their joins elsewhere."""


@dataclass
class Material:
    """One source with the rows that were made of it."""

    source: Source
    rows: Mapping[str, TrajectoryRow]
    drafts: Mapping[str, DraftRow] = field(default_factory=dict)
    """Empty where the source has no drafts."""

    @property
    def has_drafts(self) -> bool:
        """Whether the source comes with drafts."""
        return bool(self.source.files.drafts) or any(each.case.draft for each in self.source.cases)

    def literals(self) -> dict[str, Literals]:
        """By database: the constants that gold compares each column with."""
        return dict(constants_by_database(self.source.cases, self.source.schema))


@dataclass(frozen=True)
class Making:
    """How examples are made."""

    prompts: PromptSet
    wording: Wording = "paper"
    profile: ErrorProfile = field(default_factory=lambda: ErrorProfile({}, {}))
    """In which proportions trajectories are made wrong."""
    seed: int = 0
    unchanged: float = 0.0
    """LOM: examples with nothing to mend, as a share of the examples otherwise made; the paper has none."""
    longest: int | None = None
    """Examples with more characters than this are left out; LLaMA-Factory would cut them."""


def measured_profile(materials: Iterable[Material]) -> ErrorProfile:
    """The errors of the sources' wrong drafts, against gold."""

    def pairs() -> Iterator[tuple[Trajectory, Trajectory]]:
        for material in materials:
            for each in material.source.cases:
                row, draft = material.rows.get(each.case.id), material.drafts.get(each.case.id)
                if _usable(row) is None and draft and draft.trajectory and not draft.right:
                    assert row is not None
                    schema = material.source.schema(each.case.database)
                    yield _read(row.trajectory, schema), _read(draft.trajectory, schema)

    return measure(pairs())


def make_dataset(
    role: str,
    materials: Sequence[Material],
    making: Making,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """The examples of all sources for one model.

    Args:
        role: bam, sam, lom or drafter.
        materials: the sources, with what was made of them.
        making: how.
        progress: called with the number of finished cases and of all.

    Returns:
        Examples and left-out cases, in the order of the input; every case is in one of them.
    """
    examples: list[Example] = []
    left_out: list[LeftOut] = []
    done, total = 0, sum(len(material.source.cases) for material in materials)
    for material in materials:
        maker = _Maker(material, making)
        for each in material.source.cases:
            done += 1
            if progress:
                progress(done, total)
            made: list[Example] = []
            if each.case.id not in material.rows:
                cause = "the teacher has not come to it (a limit was set)"
            else:
                try:
                    made = getattr(maker, role)(each)
                    cause = ""
                except _Unfit as unfit:
                    cause = str(unfit)
                except ShareError as error:
                    cause = f"{error}"
            for example in made:
                length = len(example.system) + len(example.instruction) + len(example.output)
                if making.longest and length > making.longest:
                    cause = f"longer than {making.longest} characters"
                else:
                    examples.append(example)
            if cause:
                left_out.append(LeftOut(each.case.id, material.source.name, cause))
    return Dataset(role, tuple(examples), tuple(left_out))


class _Unfit(Exception):
    """The case makes no example; the message says why."""


def _usable(row: TrajectoryRow | None) -> str | None:
    """Why a teacher's row cannot be learnt from; None where it can."""
    if row is None or not row.proved or row.trajectory is None:
        return "its gold has no proved trajectory"
    if row.outside:
        return "its gold names tables or columns that the schema has not"
    return None


def _read(text: str | None, schema: Schema) -> Trajectory:
    return read(text or "", columns_of(schema)).trajectory


class _Maker:
    """Makes the examples of one source."""

    def __init__(self, material: Material, making: Making) -> None:
        self.material = material
        self.source = material.source
        self.making = making
        self.validator = Validator(self.source)
        self.literals: Mapping[str, Literals] | None = None

    def bam(self, each: LabelledCase) -> list[Example]:
        """Gold SQL to its trajectory."""
        row, schema, gold = self._gold(each)
        sql = extract_sql(each.gold)
        variables = bam_variables(sql, linked_columns(sql, schema), schema)
        return [self._example("bam", each, row, gold, variables, "gold")]

    def sam(self, each: LabelledCase) -> list[Example]:
        """A masked draft to gold's trajectory."""
        row, schema, gold = self._gold(each)
        if self.material.has_drafts:
            draft, trajectory = self._draft(each, schema)
            kind, how = ("right draft" if draft.right else "wrong draft"), draft.how
            wrong, kinds = (None if draft.right else trajectory), None
            linked = linked_columns(draft.sql or "", schema)
        else:
            spoiled, how = self._wrong(each, row, schema)
            kind, kinds, trajectory = "perturbed", spoiled.kinds, spoiled.trajectory
            wrong = trajectory
            linked = columns(trajectory, schema)
        variables = sam_variables(
            linked,
            schema,
            question=each.case.question,
            evidence=each.case.evidence,
            masked_trajectory=write(mask(trajectory), "paper"),
        )
        return [self._example("sam", each, row, gold, variables, kind, wrong, kinds, how)]

    def lom(self, each: LabelledCase) -> list[Example]:
        """A wrong trajectory to gold's, by the paper's rule."""
        row, schema, gold = self._gold(each)
        linked = linked_columns(extract_sql(each.gold), schema)
        if self.material.has_drafts:
            draft, trajectory = self._draft(each, schema)
            if not draft.schema_right:
                raise _Unfit("the draft's schema is wrong")
            linked |= linked_columns(draft.sql or "", schema)
            if not draft.right:
                return self._lom(each, row, schema, gold, trajectory, linked, "wrong draft", None, draft.how)
        spoiled, how = self._wrong(each, row, schema)
        wrong = spoiled.trajectory
        made = self._lom(each, row, schema, gold, wrong, linked, "perturbed", spoiled.kinds, how)
        if self._rng(each, "unchanged").random() < self.making.unchanged:
            made += self._lom(each, row, schema, gold, gold, linked, "unchanged", (), row.proof)
        return made

    def drafter(self, each: LabelledCase) -> list[Example]:
        """A question to gold's trajectory, without any draft."""
        row, schema, gold = self._gold(each)
        values: tuple[ValueMatch, ...] = ()
        # Made-up rows hold gold's own constants, so they would tell what is asked for.
        if each.case.database not in self.source.made_up:
            with self.source.open(each.case.database) as opened:
                if opened is not None and opened.database.dialect == "sqlite":
                    values = spoken_values(phrases(each.case.question), opened.values.lookup)
        variables = drafter_variables(
            schema, question=each.case.question, evidence=each.case.evidence, values=values
        )
        return [self._example("drafter", each, row, gold, variables, "gold")]

    def _lom(
        self,
        each: LabelledCase,
        row: TrajectoryRow,
        schema: Schema,
        gold: Trajectory,
        wrong: Trajectory,
        linked: frozenset[ColumnName],
        kind: str,
        kinds: tuple[str, ...] | None,
        how: str,
    ) -> list[Example]:
        variables = lom_variables(
            linked | columns(wrong, schema),
            schema,
            question=each.case.question,
            evidence=each.case.evidence,
            trajectory=write(wrong, "paper"),
        )
        return [self._example("lom", each, row, gold, variables, kind, wrong, kinds, how)]

    def _gold(self, each: LabelledCase) -> tuple[TrajectoryRow, Schema, Trajectory]:
        row = self.material.rows[each.case.id]
        if unfit := _usable(row):
            raise _Unfit(unfit)
        schema = self.source.schema(each.case.database)
        return row, schema, _read(row.trajectory, schema)

    def _draft(self, each: LabelledCase, schema: Schema) -> tuple[DraftRow, Trajectory]:
        draft = self.material.drafts.get(each.case.id)
        if draft is None or draft.trajectory is None:
            raise _Unfit("the draft has no trajectory")
        return draft, _read(draft.trajectory, schema)

    def _wrong(self, each: LabelledCase, row: TrajectoryRow, schema: Schema) -> tuple[Spoiled, str]:
        """Gold made wrong: it runs, and gives other rows, where it can be asked for them."""
        if self.literals is None:
            self.literals = self.material.literals()
        pool = self.literals.get(each.case.database, {})
        sql = extract_sql(each.gold)
        # The SQL of gold's trajectory: in gold's own, text may stand in double quotes, as names do.
        tree = parse_select(row.sql or sql, schema.dialect)
        query = BoundQuery(tree, schema, each.case.question, each.case.evidence)
        for spoiled in make_wrong(query, self.making.profile, self._rng(each), pool):
            if not isinstance(self.validator.result(each.case.database, spoiled.sql), str):
                right, how = self.validator.right(each.case.database, spoiled.sql, sql)
                if not right:
                    return spoiled, how
        raise _Unfit("no perturbation of its gold gives other rows")

    def _rng(self, each: LabelledCase, what: str = "") -> random.Random:
        # Of its own a case, so that leaving one out changes no other.
        return random.Random(f"{self.making.seed}/{self.source.name}/{each.case.id}/{what}")  # noqa: S311

    def _example(
        self,
        role: str,
        each: LabelledCase,
        row: TrajectoryRow,
        gold: Trajectory,
        variables: dict[str, str],
        kind: str,
        wrong: Trajectory | None = None,
        kinds: tuple[str, ...] | None = None,
        how: str = "",
    ) -> Example:
        dialect: Literal["paper", "extended"] = (
            "paper" if self.making.wording == "paper" or row.paper else "extended"
        )
        found = differences(gold, wrong) if wrong is not None else ()
        system, user = message_texts(self.making.prompts.render(role, **variables))
        return Example(
            each.case.id,
            self.source.name,
            each.case.database,
            kind,
            user,
            fenced(write(gold, dialect)),
            system,
            tuple(each.kind for each in found) if kinds is None else kinds,
            "; ".join(difference.paper for difference in found),
            row.proof,
            how,
            dialect,
        )
