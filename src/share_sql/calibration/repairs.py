"""How often does each kind of repair mend, and how often does it break?

Three kinds of evidence, none of it from the sets that results are reported on:

* gold taken as a draft: it is right, so whatever a repair does to its rows is a break;
* gold made wrong on purpose (`edits.spoil`): what share of the drafts a repair fired on it mended;
* real drafts with gold but without a database: a pass that finds its fault in the draft and not in gold
  agrees with gold; one that finds it in gold too contradicts gold.

A kind is enabled where it breaks at most MOST_BROKEN of right queries (upper end of the 95% interval) and
mends at least LEAST_MENDED of the wrong ones it fires on. Kinds that act only on drafts that do not run are
always enabled: such a draft has nothing to lose. For RARE kinds only what they break is counted.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from share_sql.assistant import Assistant
from share_sql.benchmarks.cases import LabelledCase
from share_sql.calibration.label import Labeller
from share_sql.case import Case
from share_sql.edits.proofs import ONLY_FAILING, PROOFS, PROVED, RARE
from share_sql.edits.spoil import spoil
from share_sql.errors import SqlError
from share_sql.judgement.weights import Tally, Weights
from share_sql.query.examined import Context, unrun
from share_sql.schema.model import Schema
from share_sql.sql.text import extract_sql

MOST_BROKEN = 0.005
"""Promise of the no-model path: at most this share of right drafts is broken."""
LEAST_MENDED = 0.5
"""Below this a repair is a guess."""

SPOILED = (
    "literal-case", "literal-spelling", "literal-column", "select-column", "unknown-column", "unknown-table",
    "ambiguous-column", "missing-join", "join-key", "comparison-direction", "comparison-strictness",
    "unasked-column", "concatenation", "count-distinct", "contradiction", "null-comparison", "literal-date",
    "count-condition", "bare-alternative", "group-missing", "half-key", "limit-unasked", "null-extreme",
    "cast-date", "cast-decimal", "text-addition",
    "name-as-text",
    "literal-type", "literal-truth", "literal-code", "literal-padding", "date-unquoted", "date-of-time",
    "date-part", "pattern",
)  # fmt: skip
"""How gold is made wrong, one at a time: each but `select-column` is what some kind of repair mends."""


@dataclass
class RepairCounts:
    """What was counted for one kind."""

    right: int = 0
    """Right queries it was tried on."""
    broken: int = 0
    """Of those, how many it made wrong."""
    fired_on_wrong: int = 0
    mended: int = 0
    agrees: int = 0
    """Real drafts with the fault whose gold has it not."""
    contradicts: int = 0
    """Real drafts with the fault whose gold has it too."""
    real: int = 0
    """Real drafts looked at."""

    def meets_bars(self, unseen: float = 0.0) -> bool:
        """Whether the kind both mends enough and breaks little. `unseen` is the share that one which never
        fired on a wrong query is taken to mend."""
        mends = self.mended / self.fired_on_wrong if self.fired_on_wrong else unseen
        judged = self.agrees + self.contradicts
        if judged >= 10:
            # Real drafts outweigh made ones: both what is mended and what is broken is read off them.
            share = self.agrees / judged
            return share >= 0.8 and upper(self.contradicts, self.real) <= MOST_BROKEN
        return mends >= LEAST_MENDED and upper(self.broken, self.right) <= MOST_BROKEN

    def tally(self) -> Tally:
        """As kept in the weights file."""
        return Tally(
            fired=self.fired_on_wrong + self.agrees + self.contradicts + self.broken,
            fixed=self.mended + self.agrees,
            broken=self.broken + self.contradicts,
        )


@dataclass
class Counts:
    """Counts by kind of repair."""

    kinds: dict[str, RepairCounts] = field(default_factory=lambda: {kind: RepairCounts() for kind in PROVED})
    perturbed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, outcome): mended, still wrong, silent, still right."""


def enabled(counts: Counts) -> frozenset[str]:
    """The kinds that may act."""
    return ONLY_FAILING | {
        kind for kind, count in counts.kinds.items() if count.meets_bars(unseen=float(kind in RARE))
    }


def upper(hits: int, trials: int, z: float = 1.96) -> float:
    """Upper end of Wilson's interval for a share (Wilson 1927)."""
    if trials == 0:
        return 1.0
    share = hits / trials
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return (share + z * z / (2 * trials) + spread) / (1 + z * z / trials)


def count_on_databases(
    cases: Iterable[LabelledCase], labeller: Labeller, weights: Weights, counts: Counts, seed: int = 0
) -> None:
    """Count on gold and on gold made wrong; adds to `counts`.

    Args:
        cases: with gold and databases that run.
        labeller: says what is right.
        weights: for the models that passes use; all kinds are tried whatever is enabled.
        counts: added to.
        seed: fixes how gold is made wrong.
    """
    everything = replace(weights, enabled=frozenset(PROVED))
    with_gold = [case for case in cases if labeller.gold_runs(case.case.database, case.gold)]
    drafts = {
        f"{number}/{name}": (case, name, sql)
        for number, case in enumerate(with_gold)
        for name, sql in _drafts(case, labeller, seed)
    }
    tried = (replace(case.case, id=key, draft=sql) for key, (case, _, sql) in drafts.items())
    with Assistant(catalog=labeller.catalog, weights=everything, conventions="benchmark") as assistant:
        states = list(assistant.correct_states(tried))
    for state in states:
        case, name, sql = drafts[state.case.id]
        repaired = next((c for c in state.candidates if c.origin == "repair"), None)
        kinds = sorted({finding.kind for finding in repaired.evidence}) if repaired else []
        after = labeller.right(case.case.database, repaired.sql, case.gold) if repaired else False
        if name == "gold":
            for kind, count in counts.kinds.items():
                count.right += 1
                count.broken += kind in kinds and not after
            continue
        if labeller.right(case.case.database, sql, case.gold):
            counts.perturbed[name, "still right"] += 1
            continue
        outcome = "silent" if repaired is None else "mended" if after else "still wrong"
        counts.perturbed[name, outcome] += 1
        for kind in kinds:
            counts.kinds[kind].fired_on_wrong += 1
            counts.kinds[kind].mended += after


def _drafts(case: LabelledCase, labeller: Labeller, seed: int) -> Iterator[tuple[str, str]]:
    """Gold as it is, and each way of making it wrong that applies."""
    yield "gold", case.gold
    with labeller.catalog.use(case.case.database) as opened:
        context = Context(opened.schema, case.case.question, case.case.evidence)
    try:
        query = unrun(extract_sql(case.gold), context)
    except SqlError:
        return
    rng = random.Random(f"{seed}/{case.case.id}")  # noqa: S311 - no secret depends on it
    for kind in SPOILED:
        changed = spoil(query, kind, rng)
        if changed is not None:
            yield kind, query.text(changed)


def count_on_text(
    cases: Iterable[LabelledCase], schemas: dict[str, Schema], weights: Weights, counts: Counts
) -> None:
    """Count agreement with gold on real drafts without a database; adds to `counts`.

    Only passes that need no database take part; the others ask for something and are left out.
    """
    for labelled in cases:
        case, schema = labelled.case, schemas.get(labelled.case.database)
        if schema is None:
            continue
        in_draft = _faults(case, case.draft, schema, weights)
        in_gold = _faults(case, labelled.gold, schema, weights)
        if in_draft is None or in_gold is None:
            continue
        for kind, count in counts.kinds.items():
            count.real += 1
            count.agrees += kind in in_draft and kind not in in_gold
            count.contradicts += kind in in_draft and kind in in_gold


def _faults(case: Case, sql: str, schema: Schema, weights: Weights) -> set[str] | None:
    """Kinds of fault that passes find by looking alone; None where the SQL cannot be parsed."""
    try:
        draft = unrun(extract_sql(sql), Context(schema, case.question, case.evidence, weights.asked))
    except SqlError:
        return None
    return {edit.kind for proof in PROOFS if proof.look is not None for edit in proof.look(draft)}
