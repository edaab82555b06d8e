"""Training data for BAM, SAM and LOM out of proved trajectories and drafts (arXiv 2506.00391).

    bam   gold SQL and its columns                                    -> gold's trajectory
    sam   draft's trajectory masked, its columns, the whole schema    -> gold's trajectory
    lom   columns, meanings, question, a wrong trajectory             -> gold's trajectory

and, beyond the paper:

    drafter  the whole schema, question, stored values it names       -> gold SQL

LOM follows the paper's rule. Where the draft uses all of gold's columns and gives other rows, its own
trajectory is the wrong one; where it uses them and gives gold's rows, a perturbed one is. A source without
drafts is taken as if gold were the draft. Each case ends as an example or as a line that says why not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from share_sql.database.base import QueryResult
from share_sql.edits.name import differences
from share_sql.edits.right import Literals
from share_sql.errors import ShareError
from share_sql.prompts.render import bam_variables, drafter_variables, lom_variables, sam_variables
from share_sql.query.examined import Context, unrun
from share_sql.schema.model import ColumnSet, Schema, ValueMatch
from share_sql.schema.spoken import phrases, spoken_values
from share_sql.sql.names import linked_columns
from share_sql.sql.text import extract_sql
from share_sql.training.error_profile import ErrorProfile, measure
from share_sql.training.examples import Dataset, Example, LeftOut, fenced, message_texts
from share_sql.training.make_wrong import make_wrong
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


@dataclass(frozen=True)
class _Gold:
    """A case whose gold can be learnt from."""

    each: LabelledCase
    row: TrajectoryRow
    schema: Schema
    trajectory: Trajectory

    @property
    def asked(self) -> dict[str, str]:
        """Question and evidence, as prompts take them."""
        return {"question": self.each.case.question, "evidence": self.each.case.evidence}


@dataclass(frozen=True)
class _Shown:
    """The query that a model is shown, for gold to be its answer."""

    kind: str
    trajectory: Trajectory
    how: str
    linked: ColumnSet
    kinds: tuple[str, ...] | None = None
    """What was done to gold; None where it was not made of gold."""


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
        gold = self._gold(each)
        sql = extract_sql(each.gold)
        return [self._example("bam", gold, bam_variables(sql, linked_columns(sql, gold.schema), gold.schema))]

    def sam(self, each: LabelledCase) -> list[Example]:
        """A masked draft to gold's trajectory."""
        gold = self._gold(each)
        shown = self._draft(gold)[1] if self.material.has_drafts else self._wrong(gold)
        masked = write(mask(shown.trajectory), "paper")
        variables = sam_variables(shown.linked, gold.schema, masked_trajectory=masked, **gold.asked)
        return [self._example("sam", gold, variables, shown)]

    def lom(self, each: LabelledCase) -> list[Example]:
        """A wrong trajectory to gold's, by the paper's rule."""
        gold = self._gold(each)
        linked = linked_columns(extract_sql(each.gold), gold.schema)
        if self.material.has_drafts:
            draft, shown = self._draft(gold)
            if not draft.schema_right:
                raise _Unfit("the draft's schema is wrong")
            linked |= shown.linked
            if not draft.right:
                return [self._lom(gold, shown, linked)]
        made = [self._lom(gold, self._wrong(gold), linked)]
        if self._rng(each, "unchanged").random() < self.making.unchanged:
            made.append(self._lom(gold, _Shown("unchanged", gold.trajectory, gold.row.proof, linked), linked))
        return made

    def drafter(self, each: LabelledCase) -> list[Example]:
        """A question to gold SQL on one line, without any draft."""
        gold = self._gold(each)
        sql = " ".join(extract_sql(each.gold).split())
        found = self.validator.result(each.case.database, sql)
        # A drafter that learns what finds nothing drafts what finds nothing.
        if (
            isinstance(found, QueryResult)
            and not found.rows
            and each.case.database not in self.source.made_up
        ):
            raise _Unfit("its gold finds nothing")
        values: tuple[ValueMatch, ...] = ()
        # Made-up rows hold gold's own constants, so they would tell what is asked for.
        if each.case.database not in self.source.made_up:
            with self.source.open(each.case.database) as opened:
                if opened is not None:
                    values = spoken_values(phrases(each.case.question), opened.values.lookup)
        variables = drafter_variables(gold.schema, values=values, **gold.asked)
        return [replace(self._example("drafter", gold, variables), output=sql, dialect="")]

    def _lom(self, gold: _Gold, shown: _Shown, linked: ColumnSet) -> Example:
        used, text = linked | columns(shown.trajectory, gold.schema), write(shown.trajectory, "paper")
        case = gold.each.case
        variables = lom_variables(
            used, gold.schema, question=case.question, evidence=case.evidence, trajectory=text
        )
        return self._example("lom", gold, variables, shown)

    def _gold(self, each: LabelledCase) -> _Gold:
        row = self.material.rows[each.case.id]
        if unfit := _usable(row):
            raise _Unfit(unfit)
        schema = self.source.schema(each.case.database)
        return _Gold(each, row, schema, _read(row.trajectory, schema))

    def _draft(self, gold: _Gold) -> tuple[DraftRow, _Shown]:
        draft = self.material.drafts.get(gold.each.case.id)
        if draft is None or draft.trajectory is None:
            raise _Unfit("the draft has no trajectory")
        kind, trajectory = (
            ("right draft" if draft.right else "wrong draft"),
            _read(draft.trajectory, gold.schema),
        )
        return draft, _Shown(kind, trajectory, draft.how, linked_columns(draft.sql or "", gold.schema))

    def _wrong(self, gold: _Gold) -> _Shown:
        """Gold made wrong: it runs, and gives other rows, where it can be asked for them."""
        if self.literals is None:
            self.literals = self.material.literals()
        case, sql = gold.each.case, extract_sql(gold.each.gold)
        # The SQL of gold's trajectory: in gold's own, text may stand in double quotes, as names do.
        query = unrun(gold.row.sql or sql, Context(gold.schema, case.question, case.evidence))
        pool = self.literals.get(case.database, {})
        for spoiled in make_wrong(query, self.making.profile, self._rng(gold.each), pool):
            if not isinstance(self.validator.result(case.database, spoiled.sql), str):
                right, how = self.validator.right(case.database, spoiled.sql, sql)
                if not right:
                    linked = columns(spoiled.trajectory, gold.schema)
                    return _Shown("perturbed", spoiled.trajectory, how, linked, spoiled.kinds)
        raise _Unfit("no perturbation of its gold gives other rows")

    def _rng(self, each: LabelledCase, what: str = "") -> random.Random:
        # Of its own a case, so that leaving one out changes no other.
        return random.Random(f"{self.making.seed}/{self.source.name}/{each.case.id}/{what}")  # noqa: S311

    def _example(
        self, role: str, gold: _Gold, variables: dict[str, str], shown: _Shown | None = None
    ) -> Example:
        short = self.making.wording == "paper" or gold.row.paper
        dialect: Literal["paper", "extended"] = "paper" if short else "extended"
        is_wrong = shown is not None and shown.kind in ("wrong draft", "perturbed")
        found = differences(gold.trajectory, shown.trajectory) if shown and is_wrong else ()
        kinds = shown.kinds if shown else None
        system, user = message_texts(self.making.prompts.render(role, **variables))
        return Example(
            gold.each.case.id,
            self.source.name,
            gold.each.case.database,
            shown.kind if shown else "gold",
            user,
            fenced(write(gold.trajectory, dialect)),
            system,
            tuple(difference.kind for difference in found) if kinds is None else kinds,
            "; ".join(difference.paper for difference in found),
            gold.row.proof,
            shown.how if shown else "",
            dialect,
        )
