"""BIRD's tag goes on and comes off."""

from __future__ import annotations

import pytest

from share_sql.sql.tag import split_tag, with_tag


@pytest.mark.parametrize("sql", ["SELECT 1", "", "SELECT '\t-----'"])
def test_a_tag_comes_off_as_it_went_on(sql: str) -> None:
    assert with_tag(sql, "shop") == f"{sql}\t----- bird -----\tshop"
    assert split_tag(with_tag(sql, "shop")) == (sql, "shop")
    assert split_tag(sql) == (sql, "")
