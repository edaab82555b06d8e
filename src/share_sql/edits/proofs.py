"""The passes of the repairs, in order, and what is known of their kinds: which act where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from share_sql.edits.aggregates import aggregates
from share_sql.edits.alternatives import alternatives
from share_sql.edits.bare_groups import bare_groups, distinct_orders
from share_sql.edits.bare_values import bare_values
from share_sql.edits.cased_names import cased_names
from share_sql.edits.coded_literals import coded_literals
from share_sql.edits.comparisons import comparisons
from share_sql.edits.conditions import contradictions
from share_sql.edits.counts import condition_counts
from share_sql.edits.date_parts import date_parts
from share_sql.edits.day_literals import days_of_moments, unquoted_days
from share_sql.edits.dialect import null_comparisons
from share_sql.edits.divisions import divisions
from share_sql.edits.edit import Edit, Look, Probe
from share_sql.edits.extremes import null_extremes, text_numbers, unasked_limits
from share_sql.edits.grouping import missing_groups
from share_sql.edits.joins import half_keys, join_keys
from share_sql.edits.literals import literals
from share_sql.edits.meant import casts_to_date, casts_to_decimal, date_arithmetic, texts_added
from share_sql.edits.multiplied import multiplied_sums
from share_sql.edits.names import names
from share_sql.edits.output import concatenations, distinct_counts, unasked
from share_sql.edits.patterns import patterns
from share_sql.edits.self_joins import self_joins
from share_sql.edits.text_dates import text_dates
from share_sql.edits.text_names import text_names
from share_sql.edits.truth_literals import truth_literals
from share_sql.edits.typed_literals import typed_literals
from share_sql.edits.windows import windows
from share_sql.query.examined import Examined
from share_sql.requests import Steps


@dataclass(frozen=True)
class Proof:
    """A pass of the repairs: finds faults of one family that can be proved."""

    kinds: tuple[str, ...]
    """What it finds."""
    look: Look | None = None
    """Finds by looking at the query alone."""
    probe: Probe | None = None
    """Finds with questions to the database."""

    def edits(self, draft: Examined) -> Steps[Iterable[Edit]]:
        """The changes that it proposes, in order."""
        if self.probe is not None:
            return (yield from self.probe(draft))
        return self.look(draft) if self.look is not None else ()


NAME_KINDS = ("unknown-table", "unknown-column", "wrong-table", "missing-join", "ambiguous-column")
"""Repairs of names that do not bind."""
PROOFS = (
    Proof(("unquoted-value",), probe=bare_values),
    Proof(("name-case",), look=cased_names),
    Proof(NAME_KINDS, look=names),
    Proof(("aggregate-where", "having-ungrouped", "nested-aggregate", "group-aggregate"), look=aggregates),
    Proof(("window-where",), look=windows),
    Proof(("group-bare",), probe=bare_groups),
    Proof(("distinct-order",), look=distinct_orders),
    Proof(("date-as-text",), probe=text_dates),
    Proof(("bare-alternative",), look=alternatives),
    Proof(("null-comparison",), look=null_comparisons),
    Proof(("cast-date",), probe=casts_to_date),
    Proof(("cast-decimal",), look=casts_to_decimal),
    Proof(("text-addition",), look=texts_added),
    Proof(("date-arithmetic",), probe=date_arithmetic),
    Proof(("name-as-text",), look=text_names),
    Proof(("date-unquoted",), probe=unquoted_days),
    Proof(("literal-truth",), probe=truth_literals),
    Proof(("literal-type",), probe=typed_literals),
    Proof(("date-of-time", "date-last-day"), probe=days_of_moments),
    Proof(("date-part",), probe=date_parts),
    Proof(("pattern",), probe=patterns),
    Proof(("literal-code",), probe=coded_literals),
    Proof(
        ("literal-padding", "literal-case", "literal-spelling", "literal-date", "literal-column"),
        probe=literals,
    ),
    Proof(("join-key", "join-off-key"), probe=join_keys),
    Proof(("half-key",), probe=half_keys),
    Proof(("self-join",), look=self_joins),
    Proof(("comparison-direction", "comparison-strictness"), look=comparisons),
    Proof(("contradiction",), look=contradictions),
    Proof(("count-distinct",), look=distinct_counts),
    Proof(("count-condition",), look=condition_counts),
    Proof(("integer-division",), look=divisions),
    Proof(("multiplied-sum",), probe=multiplied_sums),
    Proof(("group-missing",), look=missing_groups),
    Proof(("null-extreme",), probe=null_extremes),
    Proof(("text-number",), probe=text_numbers),
    Proof(("limit-unasked",), probe=unasked_limits),
    Proof(("concatenation-listed", "concatenation"), look=concatenations),
    Proof(("unasked-column",), look=unasked),
)
"""In order: what keeps a query from running comes first, what it selects last."""

TEXT_KINDS = (
    "typeset-sign", "escaped-sign", "apostrophe", "mismatched-quote", "unclosed-quote", "foreign-comment",
    "split-operator", "glued-word", "misspelt-keyword", "unquoted-name", "surplus-comma",
    "unclosed-parenthesis", "surplus-parenthesis", "unknown-function", "other-dialect",
)  # fmt: skip
"""Repairs of the text itself (`edits.text`, `edits.foreign`), before anything else."""
PROVED = (*TEXT_KINDS, *(kind for proof in PROOFS for kind in proof.kinds))
"""Every kind of repair."""
ONLY_FAILING = frozenset((
    *TEXT_KINDS, *NAME_KINDS, "unquoted-value", "aggregate-where", "having-ungrouped", "nested-aggregate",
    "group-aggregate", "window-where", "name-case", "group-bare", "distinct-order", "date-as-text",
))  # fmt: skip
"""Repairs that act only on queries that do not run; these cannot break a right one."""
RARE = frozenset((
    "null-extreme", "text-number", "multiplied-sum", "self-join", "date-of-time", "date-last-day",
    "date-part", "literal-padding", "date-arithmetic", "text-addition", "cast-date", "cast-decimal",
))  # fmt: skip
"""Repairs that the data themselves prove and for which labelled data have hardly an occasion: they act where
they break little, seen to mend or not."""
