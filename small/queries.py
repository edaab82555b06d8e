"""Queries of a source, run, changed and compared: what `pairs` and `held_edits` are made with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.database.base import QueryResult
from share_sql.edits.edit import Edit
from share_sql.edits.guesses import single_edits
from share_sql.errors import ShareError, SqlError
from share_sql.judgement.weights import load_weights
from share_sql.prompts.library import BRIEF_SET, load_prompts
from share_sql.query.change_text import change_text, query_text, question_text
from share_sql.query.examined import Context, Examined, Ran, unrun
from share_sql.sql.text import extract_sql
from share_sql.training.examples import message_texts
from share_sql.training.sources import SourceFiles, load_source
from share_sql.training.validate import Validator
from small.examples import read_rows

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import LabelledCase
    from share_sql.case import Case


class Queries:
    """The queries of one source: gold, and drafts with whether they are right."""

    def __init__(self, folder: Path, labelled: Iterable[Path]) -> None:
        """Open a source.

        Args:
            folder: of `share data teacher`.
            labelled: files with `id`, `sql` and `right` in each line, from `small.label` or `share data`.
        """
        self.source = load_source(SourceFiles.of(folder))
        self.drafts: dict[str, list[dict[str, Any]]] = {}
        for row in (row for path in labelled for row in read_rows(path) if row["sql"]):
            self.drafts.setdefault(row["id"], []).append(row)
        self._validator = Validator(self.source)
        self._weights = load_weights()
        self._prompts = load_prompts(BRIEF_SET)

    def gold(self, each: LabelledCase) -> str | None:
        """A case's gold on one line; None where it does not run."""
        gold = " ".join(extract_sql(each.gold).split())
        return gold if self.result(each.case, gold) is not None else None

    def result(self, case: Case, sql: str) -> QueryResult | None:
        """What a query gives; None where it does not run, or there is no database."""
        found = self._validator.result(case.database, sql)
        return found if isinstance(found, QueryResult) else None

    def right(self, case: Case, sql: str, gold: str) -> bool:
        """Whether a query is right."""
        return self._validator.right(case.database, sql, gold)[0]

    def read(self, case: Case, sql: str) -> Examined:
        """A query with its names resolved. Raises SqlError where it cannot be read."""
        schema = self.source.schema(case.database)
        return unrun(sql, Context(schema, case.question, case.evidence, self._weights.asked))

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
        schema = self.source.schema(case.database)
        change = change_text(self._text(case, old), self._text(case, new), schema)
        question = question_text(case.question, case.evidence)
        return message_texts(self._prompts.render("scorer", question=question, change=change))[1]

    def _text(self, case: Case, sql: str) -> str:
        """A query as the scorer reads it."""
        try:
            return query_text(self.read(case, sql))
        except SqlError as error:
            return query_text(Ran(sql, None, error))
