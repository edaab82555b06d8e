from __future__ import annotations

import pytest

from share_sql.schema.checks import listed


@pytest.mark.parametrize(
    ("check", "dialect", "found"),
    [
        ("CHECK ((kind = ANY (ARRAY['x'::text, 'y'::text])))", "postgres", ("kind", ("x", "y"))),
        (
            "CHECK (((side)::text = ANY ((ARRAY['l'::character varying, 'r'::character varying])::text[])))",
            "postgres",
            ("side", ("l", "r")),
        ),
        ("CHECK ((VALUE = ANY (ARRAY['a'::text, 'it''s'::text])))", "postgres", ("VALUE", ("a", "it's"))),
        ("`kind` in ('x','y')", "mysql", ("kind", ("x", "y"))),
        ("(`kind` in (_utf8mb4'x',_utf8mb4'y'))", "mysql", ("kind", ("x", "y"))),
        ("CHECK(((side = 'l') OR (side = 'r')))", "duckdb", ("side", ("l", "r"))),
        ("CHECK ((side = 'l'::text) OR (other = 'r'::text))", "postgres", None),
        ("CHECK ((kind = ANY (ARRAY['x'::text])) AND (length(kind) > 1))", "postgres", None),
        ("CHECK ((n = ANY (ARRAY[1, 2])))", "postgres", None),
        ("CHECK ((kind <> 'x'::text))", "postgres", None),
        ("CHECK ((lower(kind) = 'x'::text))", "postgres", None),
        ("CHECK ((kind IN ('x'", "postgres", None),
        ("", "duckdb", None),
    ],
)
def test_lists_of_texts(check: str, dialect: str, found: tuple[str, tuple[str, ...]] | None) -> None:
    assert listed(check, dialect) == found
