"""The table of kinds: every change to a query and every finding, named and explained once.

A kind is named by the change that mends. *Proved* kinds are repairs: the data or the schema prove the fault.
*Guessed* kinds are proposed to a scorer. *Findings* are evidence against a query. *Warnings* are told, never
acted on. The rest are names for how a wrong query differs from a right one, which nothing proposes yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from share_sql.edits.guesses import EDIT_KINDS
from share_sql.edits.proofs import PROVED
from share_sql.edits.warning_rows import ROWS as WARNING_ROWS
from share_sql.errors import UsageError
from share_sql.query.findings import KINDS as FINDINGS
from share_sql.query.warnings import WARNINGS


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
    conventions: str = "any"
    """Under which conventions it acts. `benchmark`: it follows a habit of benchmarks' gold (which columns a
    result has, in which form); an application's users would not call the query wrong. `none`: it mends a
    fault that benchmarks' gold has too. `any`: it mends a fault."""

    @property
    def roles(self) -> tuple[str, ...]:
        """What SHARE does with it: proved, guessed, finding, warning; none where it only has the name."""
        roles = {"proved": PROVED, "guessed": EDIT_KINDS, "finding": FINDINGS, "warning": WARNINGS}
        return tuple(role for role, kinds in roles.items() if self.name in kinds)


_ROWS = (
    Kind("unquoted-name", "text",
         "A name with a blank or a sign in it, or one that is a keyword, must be quoted.",
         "SELECT Free Meals FROM frpm", 'SELECT "Free Meals" FROM frpm'),
    Kind("typeset-sign", "text", "Quotes or signs of typesetting stand for SQL's own.",
         "SELECT name FROM store WHERE city = ‘Bonn’", "SELECT name FROM store WHERE city = 'Bonn'"),
    Kind("escaped-sign", "text", "Signs are escaped as HTML or Markdown escapes them.",
         "SELECT name FROM store WHERE size &lt; 50", "SELECT name FROM store WHERE size < 50"),
    Kind("apostrophe", "text", "An apostrophe inside a text must be doubled.",
         "SELECT city FROM store WHERE name = 'Jo's'", "SELECT city FROM store WHERE name = 'Jo''s'"),
    Kind("mismatched-quote", "text", "The quotes that open and close a name or a text differ.",
         "SELECT `name' FROM store", 'SELECT "name" FROM store'),
    Kind("unclosed-quote", "text", "A text's opening or closing quote is missing.",
         "SELECT name FROM store WHERE city = 'Bonn", "SELECT name FROM store WHERE city = 'Bonn'"),
    Kind("foreign-comment", "text", "A comment begins with # or //, which SQL does not have.",
         "SELECT name # of the store\nFROM store", "SELECT name\nFROM store"),
    Kind("split-operator", "text", "An operator is torn apart or turned round.",
         "SELECT name FROM store WHERE size = > 50", "SELECT name FROM store WHERE size >= 50"),
    Kind("glued-word", "text", "A blank is missing beside a keyword.",
         "SELECT name FROM store ORDERBY size", "SELECT name FROM store ORDER BY size"),
    Kind("misspelt-keyword", "text", "A keyword is misspelt, or written twice.",
         "SELECT name FORM store", "SELECT name FROM store"),
    Kind("surplus-comma", "text", "A comma is too many.",
         "SELECT name, city, FROM store", "SELECT name, city FROM store"),
    Kind("surplus-parenthesis", "text", "A closing parenthesis is too many.",
         "SELECT COUNT(*)) FROM store", "SELECT COUNT(*) FROM store"),
    Kind("unquoted-value", "literal", "A value that the column stores must be in quotes.",
         "SELECT name FROM store WHERE city = Bonn", "SELECT name FROM store WHERE city = 'Bonn'"),
    Kind("name-as-text", "output", "A column's name stands in single quotes, which make it a text.",
         "SELECT 'opening day' FROM store", 'SELECT "opening day" FROM store'),
    Kind("unclosed-parenthesis", "text", "Closing parentheses are missing.",
         "SELECT COUNT(*) FROM (SELECT city FROM store", "SELECT COUNT(*) FROM (SELECT city FROM store)"),
    Kind("unknown-function", "function",
         "The database has no function of this name; it is written with one that it has.",
         "SELECT YEAR(day) FROM sale", "SELECT CAST(STRFTIME('%Y', day) AS INTEGER) FROM sale"),
    Kind("aggregate-where", "group",
         "An aggregate has no value in WHERE; it is asked of groups, or of all rows.",
         "SELECT city FROM store WHERE SUM(size) > 50 GROUP BY city",
         "SELECT city FROM store GROUP BY city HAVING SUM(size) > 50"),
    Kind("having-ungrouped", "group",
         "HAVING without groups: a condition on rows stands in WHERE; for one on groups they are made.",
         "SELECT name FROM store HAVING size > 50", "SELECT name FROM store WHERE size > 50"),
    Kind("nested-aggregate", "aggregate",
         "An aggregate of an aggregate: the inner one is computed for each group first.",
         "SELECT AVG(COUNT(*)) FROM store GROUP BY city",
         "SELECT AVG(each_value) FROM "
         "(SELECT COUNT(*) AS each_value FROM store GROUP BY city) AS each_group"),
    Kind("group-aggregate", "group", "An aggregate has no value before the rows are grouped; it is no key.",
         "SELECT city, COUNT(*) FROM store GROUP BY city, COUNT(*)",
         "SELECT city, COUNT(*) FROM store GROUP BY city"),
    Kind("window-where", "condition",
         "A window function has no value in WHERE; the condition is asked of the finished rows.",
         "SELECT name FROM store WHERE RANK() OVER (ORDER BY size) = 1",
         "SELECT name FROM (SELECT name, RANK() OVER (ORDER BY size) AS value_2 FROM store) AS computed "
         "WHERE value_2 = 1"),
    Kind("name-case", "name",
         "Capitals count in names as the database reads them; the schema's spelling is written.",
         "SELECT CustomerID FROM sale", 'SELECT "CustomerID" FROM sale'),
    Kind("group-bare", "group",
         "A column stands beside GROUP BY where the database wants a key; each group has one value of it.",
         "SELECT name, COUNT(*) FROM store GROUP BY id",
         "SELECT name, COUNT(*) FROM store GROUP BY id, name"),
    Kind("distinct-order", "order",
         "Distinct rows are sorted by what they do not have; of equal rows the first one's value counts.",
         "SELECT DISTINCT city FROM store ORDER BY size DESC",
         "SELECT city FROM store GROUP BY city ORDER BY MAX(size) DESC"),
    Kind("date-as-text", "expression",
         "A function of dates is given text, which is refused; it is read as the day that it writes.",
         "SELECT EXTRACT(YEAR FROM day) FROM sale",
         "SELECT EXTRACT(YEAR FROM CAST(day AS TIMESTAMP)) FROM sale"),
    Kind("bare-alternative", "condition",
         "A value stands alone beside OR; it is one more value of the comparison before it.",
         "SELECT name FROM store WHERE city = 'Bonn' OR 'Jena'",
         "SELECT name FROM store WHERE city IN ('Bonn', 'Jena')"),
    Kind("other-dialect", "text",
         "The query is written for another database; it is read as that one's, and written for this one.",
         "SELECT TOP 1 name FROM store WHERE city ILIKE 'bonn'",
         "SELECT name FROM store WHERE city LIKE 'bonn' LIMIT 1"),
    Kind("null-comparison", "condition", "No row is equal to NULL; IS NULL is meant.",
         "SELECT name FROM store WHERE closed = NULL", "SELECT name FROM store WHERE closed IS NULL"),
    Kind("cast-date", "condition",
         "A cast to a date leaves the year alone, a number; the date itself is compared.",
         "SELECT amount FROM sale WHERE CAST(day AS DATE) >= '2023-01-05'",
         "SELECT amount FROM sale WHERE DATE(day) >= '2023-01-05'"),
    Kind("cast-decimal", "expression",
         "A cast to a decimal number leaves whole numbers whole; the division is computed with fractions.",
         "SELECT CAST(won AS DECIMAL) / played FROM game", "SELECT CAST(won AS REAL) / played FROM game"),
    Kind("text-addition", "expression", "Texts are added as numbers; they are put together.",
         "SELECT first + ' ' + last FROM player", "SELECT first || ' ' || last FROM player"),
    Kind("date-arithmetic", "expression",
         "A difference of dates reckons with their years alone; days are meant.",
         "SELECT amount FROM sale WHERE day >= CURRENT_DATE - 7",
         "SELECT amount FROM sale WHERE day >= DATE('now', '-7 days')",
         conventions="none"),
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
         "SELECT name FROM store WHERE code = 'B1'", "SELECT name FROM store WHERE code = ' B1'",
         conventions="none"),
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
    Kind("half-key", "join",
         "A compound key is compared in part, which does not tell its rows apart; the rest is added.",
         "SELECT amount FROM line JOIN refund ON line.sale_id = refund.sale_id",
         "SELECT amount FROM line JOIN refund ON line.sale_id = refund.sale_id AND line.no = refund.line_no"),
    Kind("self-join", "join",
         "A table is joined to itself the wrong way round: who is called the manager is the one managed.",
         "SELECT e.name, m.name FROM staff e JOIN staff m ON m.manager_id = e.id -- staff and managers",
         "SELECT e.name, m.name FROM staff e JOIN staff m ON e.manager_id = m.id"),
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
    Kind("count-condition", "aggregate",
         "COUNT of a condition counts every row; only those that meet it are meant.",
         "SELECT COUNT(CASE WHEN size > 50 THEN 1 ELSE 0 END) FROM store",
         "SELECT COUNT(CASE WHEN size > 50 THEN 1 END) FROM store"),
    Kind("multiplied-sum", "aggregate",
         "A join repeats rows before they are added up; the joined table only has conditions to meet.",
         "SELECT SUM(store.size) FROM store JOIN sale ON sale.store_id = store.id WHERE sale.amount > 5 "
         "-- total size",
         "SELECT SUM(store.size) FROM store WHERE EXISTS (SELECT 1 FROM sale WHERE sale.store_id = store.id "
         "AND sale.amount > 5)"),
    Kind("group-missing", "group",
         "The question asks for a value of each; the rows are grouped by the column beside it.",
         "SELECT city, COUNT(*) FROM store -- how many stores in each city",
         "SELECT city, COUNT(*) FROM store GROUP BY city"),
    Kind("null-extreme", "order",
         "Rows without a value are sorted first and are taken for the lowest; they are left out.",
         "SELECT name FROM store ORDER BY size LIMIT 1 -- the smallest store",
         "SELECT name FROM store WHERE NOT size IS NULL ORDER BY size LIMIT 1"),
    Kind("text-number", "order", "Numbers written as text are compared as numbers, not letter by letter.",
         "SELECT name FROM store ORDER BY rent DESC LIMIT 1 -- the highest rent",
         "SELECT name FROM store ORDER BY CAST(rent AS REAL) DESC LIMIT 1", conventions="none"),
    Kind("limit-unasked", "limit", "All rows are asked for; nothing asks for the first ones only.",
         "SELECT name FROM store LIMIT 10 -- list all stores", "SELECT name FROM store"),
    Kind("integer-division", "expression",
         "A division of whole numbers is cut to a whole number; it is computed with fractions.",
         "SELECT SUM(won) / COUNT(*) FROM game", "SELECT CAST(SUM(won) AS REAL) / COUNT(*) FROM game"),
    Kind("concatenation-listed", "output", "Columns are pasted together that the evidence lists one by one.",
         "SELECT first || ' ' || last FROM player -- evidence: full name refers to first, last",
         "SELECT first, last FROM player", conventions="benchmark"),
    Kind("concatenation", "output",
         "Columns are pasted together into one that the question names one by one.",
         "SELECT first || ' ' || last FROM player -- first and last name of each player",
         "SELECT first, last FROM player", conventions="benchmark"),
    Kind("unasked-column", "output", "An output column is selected that the question does not ask for.",
         "SELECT name, size FROM store ORDER BY size DESC LIMIT 1 -- which is the largest store",
         "SELECT name FROM store ORDER BY size DESC LIMIT 1", conventions="benchmark"),
    Kind("select-drop", "output", "An output column is too many.",
         "SELECT name, city FROM store", "SELECT name FROM store", conventions="benchmark"),
    Kind("select-add", "output", "An output column is missing.",
         "SELECT name FROM store", "SELECT name, city FROM store"),
    Kind("select-column", "output", "Another column is asked for in an output column's place.",
         "SELECT city FROM store", "SELECT region FROM store"),
    Kind("select-order", "output", "The output columns stand in another order.",
         "SELECT city, name FROM store", "SELECT name, city FROM store", conventions="benchmark"),
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

KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for kind in (*_ROWS, *(Kind(*row) for row in WARNING_ROWS))}
)
"""Every kind, by name."""


CONVENTIONS = ("none", "benchmark")
"""Whether kinds that follow a benchmark's conventions act: the choices of `--conventions`."""


def allowed_kinds(
    conventions: str = "none", without: Iterable[str] = (), only: Iterable[str] = ()
) -> frozenset[str]:
    """The kinds that may act.

    Args:
        conventions: one of CONVENTIONS.
        without: kinds that may not.
        only: kinds that alone may; all where it is empty.

    Raises:
        UsageError: a name is none of a kind that acts, or no choice of conventions; or a kind is to act and
            may not.
    """
    if conventions not in CONVENTIONS:
        raise UsageError(f"{conventions!r} are no conventions; there are {', '.join(CONVENTIONS)}")
    excluded, chosen = ({acting_kind(name).name for name in names} for names in (without, only))
    allowed = frozenset(
        name
        for name, kind in KINDS.items()
        if name not in excluded
        and (name in chosen or not chosen)
        and kind.conventions in ("any", conventions)
    )
    for name in sorted(chosen - allowed):
        if name in excluded:
            raise UsageError(f"{name} is named to act alone and not to act; name it once")
        raise UsageError(f"{name} acts under --conventions {KINDS[name].conventions} alone; give that too")
    return allowed


def acting_kind(name: str) -> Kind:
    """The kind of this name, which must be one that changes queries. Raises UsageError."""
    kind = find_kind(name)
    if not {"proved", "guessed"} & set(kind.roles):
        raise UsageError(f"{name} changes no query, so there is nothing to switch on or off")
    return kind


def find_kind(name: str) -> Kind:
    """The kind of this name. Raises UsageError, which names the nearest one."""
    if name not in KINDS:
        near = get_close_matches(name, KINDS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else "`share explain` lists them"
        raise UsageError(f"there is no kind {name!r}; {hint}")
    return KINDS[name]
