"""Queries of a source, run, changed and compared: what `pairs`, `held_edits` and `errors` are made with."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.database.base import QueryResult
from share_sql.edits.edit import Edit
from share_sql.edits.guesses import single_edits
from share_sql.errors import QueryError, ShareError, SqlError
from share_sql.judgement.weights import load_weights
from share_sql.prompts.library import BRIEF_SET, SHIPPED_SETS, load_prompts
from share_sql.query.change_text import Stored, concerned, errors_variables, examples_sql, scorer_variables
from share_sql.query.examined import Context, Examined, Ran, unrun
from share_sql.schema.model import ColumnName
from share_sql.sql.text import extract_sql, parse_select
from share_sql.training.examples import message_texts
from share_sql.training.sources import SourceFiles, load_source
from share_sql.training.validate import Validator
from small.examples import read_rows

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import LabelledCase
    from share_sql.case import Case


class Queries:
    """The queries of one source: gold, and drafts with whether they are right."""

    def __init__(
        self, folder: Path, labelled: Iterable[Path], prompts: str = BRIEF_SET, *, rows: bool = True
    ) -> None:
        """Open a source.

        Args:
            folder: of `share data teacher`.
            labelled: files with `id`, `sql` and `right` in each line, from `small.label` or `share data`.
            prompts: the prompt set.
            rows: tell rows and stored values, where the prompts ask for them.
        """
        self.source = load_source(SourceFiles.of(folder))
        self.drafts: dict[str, list[dict[str, Any]]] = {}
        for row in (row for path in labelled for row in read_rows(path) if row["sql"]):
            self.drafts.setdefault(row["id"], []).append(row)
        self._validator = Validator(self.source)
        self._weights = load_weights()
        self._prompts = load_prompts(prompts)
        self._rows = rows
        self._stored: dict[tuple[str, ColumnName], list[object]] = {}

    def gold(self, each: LabelledCase) -> str | None:
        """A case's gold on one line; None where it is no good: it does not run, or finds nothing in a
        database whose rows are not made up."""
        gold = " ".join(extract_sql(each.gold).split())
        found = self.result(each.case, gold)
        if found is None or not (found.rows or self.is_made_up(each.case)):
            return None
        return gold

    def is_made_up(self, case: Case) -> bool:
        """Whether the database's rows are made up. They hold the constants of gold and of drafts, so that
        they would tell which of two queries is gold."""
        return case.database in self.source.made_up

    def result(self, case: Case, sql: str) -> QueryResult | None:
        """What a query gives; None where it does not run, or there is no database."""
        found = self._validator.result(case.database, sql)
        return found if isinstance(found, QueryResult) else None

    def right(self, case: Case, sql: str, gold: str) -> bool:
        """Whether a query is right."""
        return self._validator.right(case.database, sql, gold)[0]

    def read(self, case: Case, sql: str) -> Examined:
        """A query with its names resolved. Raises SqlError where it cannot be read."""
        return unrun(sql, self._context(case))

    def edits(self, case: Case, sql: str, most: int) -> list[Edit]:
        """A query's single edits, as at work; none where it cannot be read."""
        try:
            return single_edits(self.read(case, sql), most)
        except ShareError:
            return []

    def changes(
        self, case: Case, sql: str, edits: Iterable[Edit], gold: str
    ) -> Iterator[tuple[str, str, bool]]:
        """The edits that run and give other rows than the query: kind, SQL, whether that is right."""
        before = self.result(case, sql)
        for edit in edits if before is not None else ():
            after = edit.tree.sql(dialect=self.source.schema(case.database).dialect)
            found = self.result(case, after)
            if found is not None and before is not None and found.rows != before.rows:
                yield edit.kind, after, self.right(case, after, gold)

    def prompt(self, case: Case, old: str, new: str) -> str:
        """What the scorer is asked about a change, as at work."""
        before, after = self.ran(case, old), self.ran(case, new)
        schema, asked = self.source.schema(case.database), (case.question, case.evidence)
        values = scorer_variables(asked, before, after, schema, self.stored(case, before, after))
        return message_texts(self._prompts.render("scorer", **values))[1]

    def error_prompt(self, case: Case, sql: str) -> str:
        """What is asked about one draft: what is wrong with it?"""
        query = self.ran(case, sql)
        schema, asked = self.source.schema(case.database), (case.question, case.evidence)
        values = errors_variables(asked, query, schema, self.stored(case, query))
        return message_texts(self._prompts.render("errors", **values))[1]

    def ran(self, case: Case, sql: str) -> Ran:
        """A query with its rows, as far as they are to be told."""
        outcome: QueryResult | QueryError | None = None
        if self._rows and not self.is_made_up(case):
            found = self._validator.result(case.database, sql)
            outcome = QueryError(found) if isinstance(found, str) else found
        context = self._context(case)
        try:
            return Examined(sql, outcome, tree=parse_select(sql, context.schema.dialect), context=context)
        except SqlError as error:
            return Ran(sql, outcome, error)

    def stored(self, case: Case, *queries: Ran) -> Stored:
        """Examples of what the queries' columns store, as far as they are to be told."""
        if not self._rows or self.is_made_up(case):
            return {}
        schema = self.source.schema(case.database)
        found = {}
        for name in concerned(*queries):
            key = (case.database, name)
            if key not in self._stored:
                outcome = self.result(case, examples_sql(name, schema))
                self._stored[key] = [row[0] for row in outcome.rows] if outcome else []
            found[name] = self._stored[key]
        return found

    def _context(self, case: Case) -> Context:
        schema = self.source.schema(case.database)
        return Context(schema, case.question, case.evidence, self._weights.asked)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser of OUT, the sources and the prompts."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--of", action="append", nargs="+", type=Path, required=True, metavar="FILE")
    parser.add_argument("--prompts", default=BRIEF_SET, choices=SHIPPED_SETS, help="prompt set")
    parser.add_argument("--without-rows", action="store_true", help="tell no rows and no stored values")
    return parser


def sources(args: argparse.Namespace) -> list[Queries]:
    """The sources that `arguments` parsed."""
    return [
        Queries(folder, labelled, args.prompts, rows=not args.without_rows) for folder, *labelled in args.of
    ]
