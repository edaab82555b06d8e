"""The table of kinds: every change to a query and every finding, named and explained once.

A kind is named by the change that mends. *Proved* kinds are repairs: the data or the schema prove the fault.
*Guessed* kinds are proposed to a scorer. *Findings* are evidence against a query. The rest are names for how
a wrong query differs from a right one, which nothing proposes yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from share_sql.edits.coded_literals import coded_literals
from share_sql.edits.conditions import comparisons, contradictions
from share_sql.edits.date_parts import date_parts
from share_sql.edits.day_literals import days_of_moments, unquoted_days
from share_sql.edits.dialect import divisions, functions, null_comparisons
from share_sql.edits.edit import Edit, Look, Probe
from share_sql.edits.guesses import EDIT_KINDS
from share_sql.edits.joins import join_keys
from share_sql.edits.literals import literals
from share_sql.edits.names import names
from share_sql.edits.output import concatenations, distinct_counts, unasked
from share_sql.edits.patterns import patterns
from share_sql.edits.truth_literals import truth_literals
from share_sql.edits.typed_literals import typed_literals
from share_sql.errors import UsageError
from share_sql.query.examined import Examined
from share_sql.query.findings import KINDS as FINDINGS
from share_sql.requests import Steps


@dataclass(frozen=True)
class Kind:
    """One kind of change or finding."""

    name: str
    """As weights, findings and settings name it."""
    about: str
    """The part of the query that it is about."""
    line: str
    """One line that explains it to a user."""
    before: str
    """A query with the fault; what follows `--` is from the question or the evidence."""
    after: str
    """The query mended; empty where the finding alone mends nothing."""

    @property
    def roles(self) -> tuple[str, ...]:
        """What SHARE does with it: proved, guessed, finding; none of these where it only has the name."""
        roles = {"proved": PROVED, "guessed": EDIT_KINDS, "finding": FINDINGS}
        return tuple(role for role, kinds in roles.items() if self.name in kinds)


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


PROOFS = (
    Proof(("unknown-table", "unknown-column", "wrong-table", "missing-join", "ambiguous-column"), look=names),
    Proof(("unknown-function",), look=functions),
    Proof(("null-comparison",), look=null_comparisons),
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
    Proof(("comparison-direction", "comparison-strictness"), look=comparisons),
    Proof(("contradiction",), look=contradictions),
    Proof(("count-distinct",), look=distinct_counts),
    Proof(("integer-division",), look=divisions),
    Proof(("concatenation-listed", "concatenation"), look=concatenations),
    Proof(("unasked-column",), look=unasked),
)
"""In order: what keeps a query from running comes first, what it selects last."""

TEXT_KINDS = ("unquoted-name", "unclosed-parenthesis")
"""Repairs of the text itself (`edits.text`), before it can be parsed."""
PROVED = (*TEXT_KINDS, *(kind for proof in PROOFS for kind in proof.kinds))
"""Every kind of repair."""
ONLY_FAILING = frozenset((*TEXT_KINDS, "unknown-function", *PROOFS[0].kinds))
"""Repairs that act only on queries that do not run; these cannot break a right one."""

_ROWS = (
    Kind("unquoted-name", "text",
         "A name with a blank or a sign in it, or one that is a keyword, must be quoted.",
         "SELECT Free Meals FROM frpm", 'SELECT "Free Meals" FROM frpm'),
    Kind("unclosed-parenthesis", "text", "Closing parentheses are missing at the end.",
         "SELECT COUNT(*) FROM (SELECT city FROM store", "SELECT COUNT(*) FROM (SELECT city FROM store)"),
    Kind("unknown-function", "function",
         "The database has no function of this name; it is written with one that it has.",
         "SELECT YEAR(day) FROM sale", "SELECT CAST(STRFTIME('%Y', day) AS INTEGER) FROM sale"),
    Kind("null-comparison", "condition", "No row is equal to NULL; IS NULL is meant.",
         "SELECT name FROM store WHERE closed = NULL", "SELECT name FROM store WHERE closed IS NULL"),
    Kind("unknown-table", "name", "There is no table of this name; the nearest name is meant.",
         "SELECT name FROM stores", "SELECT name FROM store"),
    Kind("unknown-column", "name",
         "No table of the query has a column of this name; the nearest name is meant.",
         "SELECT names FROM store", "SELECT name FROM store"),
    Kind("wrong-table", "name",
         "The column is not in the table named before it; another table of the query has it.",
         "SELECT sale.city FROM sale JOIN store ON sale.store_id = store.id",
         "SELECT store.city FROM sale JOIN store ON sale.store_id = store.id"),
    Kind("missing-join", "join", "A column's table is not in FROM; it is joined along the foreign keys.",
         "SELECT amount, city FROM sale",
         "SELECT amount, city FROM sale JOIN store ON sale.store_id = store.id"),
    Kind("ambiguous-column", "name",
         "Several tables of the query have a column of this name; one is named before it.",
         "SELECT id FROM sale JOIN store ON sale.store_id = store.id",
         "SELECT sale.id FROM sale JOIN store ON sale.store_id = store.id"),
    Kind("date-unquoted", "literal", "A date without quotes is a difference of numbers; it is quoted.",
         "SELECT amount FROM sale WHERE day > 2012-03-13",
         "SELECT amount FROM sale WHERE day > '2012-03-13'"),
    Kind("literal-truth", "literal", "The column stores true and false in other words or numbers.",
         "SELECT name FROM store WHERE open = TRUE", "SELECT name FROM store WHERE open = 'Y'"),
    Kind("literal-type", "literal",
         "Text is compared with a number, or a number with text, and nothing converts either.",
         "SELECT amount FROM sale WHERE STRFTIME('%Y', day) = 2012",
         "SELECT amount FROM sale WHERE STRFTIME('%Y', day) = '2012'"),
    Kind("date-of-time", "literal", "The column stores days with times; its day is compared.",
         "SELECT amount FROM sale WHERE paid = '2012-03-14'",
         "SELECT amount FROM sale WHERE DATE(paid) = '2012-03-14'"),
    Kind("date-last-day", "condition",
         "The column stores times, so that rows of the last day asked for are lost; its day is compared.",
         "SELECT amount FROM sale WHERE paid <= '2012-03-31' -- in March 2012",
         "SELECT amount FROM sale WHERE DATE(paid) <= '2012-03-31'"),
    Kind("date-part", "literal", "The column stores whole dates; their year or month is compared.",
         "SELECT amount FROM sale WHERE day = '2012'",
         "SELECT amount FROM sale WHERE STRFTIME('%Y', day) = '2012'"),
    Kind("pattern", "literal", "A pattern matches nothing for want of a wildcard, or for its capitals.",
         "SELECT name FROM store WHERE city LIKE 'bon' -- whose city contains bon",
         "SELECT name FROM store WHERE city LIKE '%bon%'"),
    Kind("literal-code", "literal", "The column stores a code for this value.",
         "SELECT name FROM store WHERE kind = 'large'", "SELECT name FROM store WHERE kind = 'L'"),
    Kind("literal-padding", "literal", "The column stores this value with blanks around it.",
         "SELECT name FROM store WHERE code = 'B1'", "SELECT name FROM store WHERE code = ' B1'"),
    Kind("literal-case", "literal", "The column stores this value with other capitals, accents or signs.",
         "SELECT name FROM store WHERE city = 'bonn'", "SELECT name FROM store WHERE city = 'Bonn'"),
    Kind("literal-spelling", "literal", "The column stores this value in another spelling.",
         "SELECT name FROM store WHERE city = 'Duseldorf'",
         "SELECT name FROM store WHERE city = 'Düsseldorf'"),
    Kind("literal-date", "literal", "The column writes dates in another format.",
         "SELECT amount FROM sale WHERE day = '3/14/2012'",
         "SELECT amount FROM sale WHERE day = '2012-03-14'"),
    Kind("literal-column", "literal",
         "The column does not store this value; another column of the query's tables does.",
         "SELECT name FROM store WHERE region = 'Bonn'", "SELECT name FROM store WHERE city = 'Bonn'"),
    Kind("join-key", "join",
         "Two tables are joined over columns that share no value; they are joined along their foreign key.",
         "SELECT amount FROM sale JOIN store ON sale.amount = store.id",
         "SELECT amount FROM sale JOIN store ON sale.store_id = store.id"),
    Kind("join-off-key", "join",
         "Two tables are joined over columns that match by chance; they are joined along their foreign key.",
         "SELECT amount FROM sale JOIN store ON sale.id = store.id",
         "SELECT amount FROM sale JOIN store ON sale.store_id = store.id"),
    Kind("comparison-direction", "condition",
         "The question's words ask for the other direction of a comparison.",
         "SELECT name FROM store WHERE size > 50 -- under 50", "SELECT name FROM store WHERE size < 50"),
    Kind("comparison-strictness", "condition",
         "The question's words include the number itself, or exclude it.",
         "SELECT name FROM store WHERE size > 50 -- at least 50", "SELECT name FROM store WHERE size >= 50"),
    Kind("contradiction", "set",
         "No row meets both conditions; two sets are meant, and what both have is given.",
         "SELECT name FROM store WHERE city = 'Bonn' AND city = 'Jena'",
         "SELECT name FROM store WHERE city = 'Bonn' INTERSECT SELECT name FROM store WHERE city = 'Jena'"),
    Kind("count-distinct", "aggregate",
         "The question asks how many different ones; repeated values are counted once.",
         "SELECT COUNT(city) FROM store -- how many different cities",
         "SELECT COUNT(DISTINCT city) FROM store"),
    Kind("integer-division", "expression",
         "A division of whole numbers is cut to a whole number; it is computed with fractions.",
         "SELECT SUM(won) / COUNT(*) FROM game", "SELECT CAST(SUM(won) AS REAL) / COUNT(*) FROM game"),
    Kind("concatenation-listed", "output", "Columns are pasted together that the evidence lists one by one.",
         "SELECT first || ' ' || last FROM player -- evidence: full name refers to first, last",
         "SELECT first, last FROM player"),
    Kind("concatenation", "output",
         "Columns are pasted together into one; they are selected as columns of their own.",
         "SELECT first || ' ' || last FROM player", "SELECT first, last FROM player"),
    Kind("unasked-column", "output", "An output column is selected that the question does not ask for.",
         "SELECT name, size FROM store ORDER BY size DESC LIMIT 1 -- which is the largest store",
         "SELECT name FROM store ORDER BY size DESC LIMIT 1"),
    Kind("select-drop", "output", "An output column is too many.",
         "SELECT name, city FROM store", "SELECT name FROM store"),
    Kind("select-add", "output", "An output column is missing.",
         "SELECT name FROM store", "SELECT name, city FROM store"),
    Kind("select-column", "output", "Another column is asked for in an output column's place.",
         "SELECT city FROM store", "SELECT region FROM store"),
    Kind("select-order", "output", "The output columns stand in another order.",
         "SELECT city, name FROM store", "SELECT name, city FROM store"),
    Kind("distinct-add", "output", "Repeated rows are to be given once.",
         "SELECT city FROM store", "SELECT DISTINCT city FROM store"),
    Kind("distinct-drop", "output", "Repeated rows are to be kept.",
         "SELECT DISTINCT city FROM store", "SELECT city FROM store"),
    Kind("count-plain", "aggregate", "Repeated values are to be counted each time.",
         "SELECT COUNT(DISTINCT city) FROM store", "SELECT COUNT(city) FROM store"),
    Kind("count-different", "aggregate", "Only different values are to be counted.",
         "SELECT COUNT(city) FROM store", "SELECT COUNT(DISTINCT city) FROM store"),
    Kind("aggregate", "aggregate", "Another aggregate function is meant.",
         "SELECT SUM(size) FROM store", "SELECT AVG(size) FROM store"),
    Kind("condition-drop", "condition", "A condition is too many.",
         "SELECT name FROM store WHERE city = 'Bonn' AND size > 50",
         "SELECT name FROM store WHERE city = 'Bonn'"),
    Kind("condition-column", "condition", "A condition is meant for another column.",
         "SELECT name FROM store WHERE region = 'Bonn'", "SELECT name FROM store WHERE city = 'Bonn'"),
    Kind("operator", "condition", "A comparison is meant the other way, or with or without the bound itself.",
         "SELECT name FROM store WHERE size > 50", "SELECT name FROM store WHERE size >= 50"),
    Kind("like-equal", "condition", "A text is to be equal, not only contained; or contained, not equal.",
         "SELECT name FROM store WHERE city LIKE '%Bonn%'", "SELECT name FROM store WHERE city = 'Bonn'"),
    Kind("and-or", "condition", "Conditions are joined by AND where OR is meant, or the other way round.",
         "SELECT name FROM store WHERE city = 'Bonn' AND city = 'Jena'",
         "SELECT name FROM store WHERE city = 'Bonn' OR city = 'Jena'"),
    Kind("not-null", "condition", "Rows without a value are to be left out.",
         "SELECT name FROM store ORDER BY size LIMIT 1",
         "SELECT name FROM store WHERE NOT size IS NULL ORDER BY size LIMIT 1"),
    Kind("order-direction", "order", "The rows are sorted the wrong way round.",
         "SELECT name FROM store ORDER BY size", "SELECT name FROM store ORDER BY size DESC"),
    Kind("order-column", "order", "The rows are sorted by another column or value.",
         "SELECT name FROM store ORDER BY id", "SELECT name FROM store ORDER BY size"),
    Kind("limit-drop", "limit", "All rows are asked for, not the first only.",
         "SELECT name FROM store ORDER BY size LIMIT 1", "SELECT name FROM store ORDER BY size"),
    Kind("limit-add", "limit", "Only the first rows are asked for.",
         "SELECT name FROM store ORDER BY size DESC", "SELECT name FROM store ORDER BY size DESC LIMIT 1"),
    Kind("group-drop", "group", "The rows are grouped where no groups are asked for.",
         "SELECT COUNT(*) FROM store GROUP BY city", "SELECT COUNT(*) FROM store"),
    Kind("group-key", "group", "The rows are grouped by another column.",
         "SELECT name, COUNT(*) FROM store GROUP BY name", "SELECT name, COUNT(*) FROM store GROUP BY id"),
    Kind("group-add", "group", "The rows are not grouped where groups are asked for.",
         "SELECT city, COUNT(*) FROM store", "SELECT city, COUNT(*) FROM store GROUP BY city"),
    Kind("ties", "order", "All rows that share the extreme are asked for, or one of them only.",
         "SELECT name FROM store ORDER BY size DESC LIMIT 1",
         "SELECT name FROM store WHERE size = (SELECT MAX(size) FROM store)"),
    Kind("set-operation", "set", "What both queries give is asked for, or what either gives.",
         "SELECT city FROM store UNION SELECT city FROM customer",
         "SELECT city FROM store INTERSECT SELECT city FROM customer"),
    Kind("join-drop", "join", "A table is joined of which nothing is used; it removes or repeats rows.",
         "SELECT COUNT(*) FROM sale JOIN store ON sale.store_id = store.id", "SELECT COUNT(*) FROM sale"),
    Kind("join-left", "join", "Rows without a partner in the other table are to be kept.",
         "SELECT name, amount FROM store JOIN sale ON sale.store_id = store.id",
         "SELECT name, amount FROM store LEFT JOIN sale ON sale.store_id = store.id"),
    Kind("fails", "result", "The query does not run.",
         "SELECT name FROM store WHERE", ""),
    Kind("empty-result", "result", "The query gives no row.",
         "SELECT name FROM store WHERE city = 'Bon'", ""),
    Kind("null-result", "result", "A column of the result is NULL in every row.",
         "SELECT MAX(size) FROM store WHERE city = 'Bon'", ""),
    Kind("zero-result", "result", "The result is a single zero.",
         "SELECT COUNT(*) FROM store WHERE city = 'Bon'", ""),
    Kind("ungrouped-column", "group", "A plain column is selected beside an aggregate without GROUP BY.",
         "SELECT city, COUNT(*) FROM store", "SELECT city, COUNT(*) FROM store GROUP BY city"),
    Kind("join-no-key", "join", "Two tables are joined over columns that are no declared key.",
         "SELECT amount FROM sale JOIN store ON sale.amount = store.size",
         "SELECT amount FROM sale JOIN store ON sale.store_id = store.id"),
    Kind("idle-table", "join", "A table is joined of which nothing is used.",
         "SELECT amount FROM sale JOIN store ON sale.store_id = store.id", "SELECT amount FROM sale"),
    Kind("number-unused", "condition", "The question names a number that the query does not use.",
         "SELECT name FROM store -- larger than 50", "SELECT name FROM store WHERE size > 50"),
    Kind("condition-add", "condition", "A condition is missing.",
         "SELECT name FROM store WHERE city = 'Bonn'",
         "SELECT name FROM store WHERE city = 'Bonn' AND size > 50"),
    Kind("condition-literal", "literal", "A column is to be compared with another value.",
         "SELECT name FROM store WHERE size > 5", "SELECT name FROM store WHERE size > 50"),
    Kind("condition-other", "condition",
         "A condition is to be another one in more than its column, operator or value.",
         "SELECT name FROM store WHERE size > 50", "SELECT name FROM store WHERE size BETWEEN 50 AND 60"),
    Kind("aggregate-add", "aggregate", "A value is to be computed over many rows, not given for each.",
         "SELECT size FROM store", "SELECT MAX(size) FROM store"),
    Kind("aggregate-drop", "aggregate", "A value is to be given for each row, not computed over many.",
         "SELECT MAX(size) FROM store", "SELECT size FROM store"),
    Kind("expression", "expression", "A value is to be computed in another way.",
         "SELECT SUM(won) / COUNT(*) FROM game", "SELECT SUM(won) * 100 / COUNT(*) FROM game"),
    Kind("select-other", "output", "Several output columns are to be others.",
         "SELECT id, city FROM store", "SELECT name, region FROM store"),
    Kind("order-add", "order", "The rows are to be sorted.",
         "SELECT name FROM store LIMIT 1", "SELECT name FROM store ORDER BY size DESC LIMIT 1"),
    Kind("order-drop", "order", "The rows are sorted where no order is asked for.",
         "SELECT name FROM store ORDER BY name", "SELECT name FROM store"),
    Kind("limit-count", "limit", "Another number of rows is asked for.",
         "SELECT name FROM store ORDER BY size DESC LIMIT 2",
         "SELECT name FROM store ORDER BY size DESC LIMIT 3"),
    Kind("join-add", "join", "A table is to be joined: only rows with a partner in it count.",
         "SELECT name FROM store", "SELECT name FROM store JOIN sale ON sale.store_id = store.id"),
    Kind("join-inner", "join", "Rows without a partner in the other table are to be left out.",
         "SELECT name, amount FROM store LEFT JOIN sale ON sale.store_id = store.id",
         "SELECT name, amount FROM store JOIN sale ON sale.store_id = store.id"),
    Kind("set-add", "set", "Two queries are to be combined by UNION, INTERSECT or EXCEPT.",
         "SELECT id FROM store", "SELECT id FROM store EXCEPT SELECT store_id FROM sale"),
    Kind("set-drop", "set", "Two queries are combined where one is enough.",
         "SELECT id FROM store UNION SELECT store_id FROM sale", "SELECT id FROM store"),
    Kind("step-add", "step", "A step of the reasoning is missing, such as a subquery.",
         "SELECT MAX(size) FROM store", "SELECT name FROM store WHERE size = (SELECT MAX(size) FROM store)"),
    Kind("step-drop", "step", "A step of the reasoning is too many, such as a subquery.",
         "SELECT name FROM store WHERE id IN (SELECT store_id FROM sale)", "SELECT name FROM store"),
    Kind("step-other", "step", "A step of the reasoning, such as a subquery, is to be another one.",
         "SELECT name FROM store WHERE id IN (SELECT id FROM sale)",
         "SELECT name FROM store WHERE id IN (SELECT store_id FROM sale)"),
)  # fmt: skip

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ROWS})
"""Every kind, by name."""


def find_kind(name: str) -> Kind:
    """The kind of this name. Raises UsageError, which names the nearest one."""
    if name not in KINDS:
        near = get_close_matches(name, KINDS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else "`share explain` lists them"
        raise UsageError(f"there is no kind {name!r}; {hint}")
    return KINDS[name]
