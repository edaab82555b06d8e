"""`share explain`."""

from __future__ import annotations

import json

from click.testing import CliRunner

from share_sql.cli.main import cli
from share_sql.edits.table import KINDS


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["explain", *arguments], standalone_mode=False)
    assert result.exception is None
    return result.output


def test_a_kind_is_explained_with_an_example() -> None:
    kind = KINDS["literal-case"]
    text = _run("literal-case")
    for part in ("proved", "literal", kind.line, kind.before, kind.after):
        assert part in text
    assert json.loads(_run("literal-case", "--json"))["before"] == kind.before


def test_a_finding_that_mends_nothing_has_no_after() -> None:
    assert "after:" not in _run("empty-result")


def test_all_kinds_are_listed() -> None:
    assert len(_run().splitlines()) == len(KINDS)
    assert [each["name"] for each in json.loads(_run("--json"))] == list(KINDS)
