"""`check` and `acheck`, as called from Python; what they see is in tests/cli/test_check.py."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from share_sql import Assistant, Case, UsageError
from share_sql.check import acheck, check


def test_a_draft_is_looked_at_from_threads_and_event_loops(shop_path: Path, tmp_path: Path) -> None:
    case = Case(database=str(shop_path), draft="SELECT nosuch FROM store")
    with Assistant(inspect=True) as assistant:
        checked = check(assistant, case)
        assert asyncio.run(acheck(assistant, case)) == checked
    assert not checked.runs
    assert checked.found


def test_an_assistant_that_sees_no_warnings_is_refused(shop_path: Path) -> None:
    with Assistant() as assistant, pytest.raises(UsageError, match="inspect=True"):
        check(assistant, Case(database=str(shop_path), draft="SELECT 1"))
