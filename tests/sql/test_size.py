"""What is too large is refused before the parser sees it; what people and programs write is not."""

from __future__ import annotations

import pytest
from tests.limited import limited

from share_sql.errors import SqlTooLarge
from share_sql.sql.size import MAX_NESTING, MAX_TOKENS
from share_sql.sql.text import parse_select

NESTED = {
    "parentheses": ("SELECT ", "(", "1", ")"),
    "CASE": ("SELECT ", "CASE WHEN a THEN ", "1", " END"),
    "CASE with names like keywords": ("SELECT ", "CASE WHEN end THEN ", "1", ""),
    "NOT": ("SELECT ", "NOT ", "1", ""),
    "signs": ("SELECT ", "- ", "1", ""),
    "subqueries": ("SELECT ", "(SELECT ", "1", ")"),
    "subqueries in FROM": ("SELECT * FROM ", "(SELECT * FROM ", "t", ")"),
    "FROM without SELECT": ("", "FROM ", "t", ""),
    "FROM, again and again": ("", "FROM a, ", "b", ""),
    "IN": ("SELECT 1 WHERE ", "a IN (SELECT a FROM t WHERE ", "1", ")"),
    "calls": ("SELECT ", "abs(", "1", ")"),
    "casts": ("SELECT ", "CAST(", "1", " AS int)"),
    "WITH": ("", "WITH a AS (", "SELECT 1", ") SELECT 1"),
    "joins in parentheses": ("SELECT * FROM ", "(", "t", " JOIN t)"),
    "LATERAL": ("SELECT * FROM t ", ", LATERAL (SELECT * FROM t ", "", ")"),
    "braces": ("SELECT ", "{", "1", "}"),
    "unions in parentheses": ("", "(", "SELECT 1", " UNION SELECT 1)"),
    "unions in a row": ("SELECT 1", " UNION ALL SELECT 1", "", ""),
    "additions": ("SELECT 1", " + 1", "", ""),
    "joins without ON": ("SELECT * FROM t ", "JOIN t ", "", ""),
    "joins without ON inside each other": ("SELECT * FROM t ", "JOIN (SELECT * FROM t JOIN t ", "", ")"),
}


def written(shape: tuple[str, str, str, str], depth: int) -> str:
    """A text that is nested so deep."""
    start, before, core, after = shape
    return start + before * depth + core + after * depth


def test_no_nesting_kills_the_process_or_hangs_it() -> None:
    # A thread's stack may be as small as this on some systems; sqlglot's compiled parser does not notice
    # its end.
    made = {name: [written(shape, depth) for depth in (45, 90, 4_000)] for name, shape in NESTED.items()}
    said = limited(f"""
        import threading
        from share_sql.errors import SqlError
        from share_sql.sql.text import parse_select

        def tried():
            for name, texts in {made!r}.items():
                for text in texts:
                    try:
                        parse_select(text, "sqlite")
                    except SqlError as error:
                        print(name, type(error).__name__)

        threading.stack_size(512 * 1024)
        thread = threading.Thread(target=tried)
        thread.start()
        thread.join()
        print("done")
        """)
    assert said.endswith("done\n")
    for name in NESTED:
        assert f"{name} Sql" in said


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        (f"SELECT a WHERE a IN ({', '.join(map(str, range(MAX_TOKENS // 2)))})", "20,006 tokens"),
        ("SELECT " + "x" * 200_000, "200,007 characters"),
        ("SELECT " + "(" * (MAX_NESTING + 1) + "1" + ")" * (MAX_NESTING + 1), "nested 101 deep"),
        ("SELECT " + " || ".join(["a"] * 2_000), "2,002 levels"),
        ("SELECT * FROM t " + "JOIN t " * 30, "too many joins without a condition"),
    ],
)
def test_the_refusal_says_what_is_too_large(sql: str, what: str) -> None:
    with pytest.raises(SqlTooLarge, match=what):
        parse_select(sql, "sqlite")


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT a FROM t WHERE a IN ({', '.join(map(str, range(5_000)))})",
        " UNION ALL ".join(["SELECT a, b FROM t WHERE c = 'x'"] * 450),
        f"SELECT {', '.join(f'c{at} AS x{at}' for at in range(1_900))} FROM t",
        "SELECT * FROM t0 " + " ".join(f"JOIN t{at} ON t{at}.id = t{at - 1}.id" for at in range(1, 64)),
        "SELECT * FROM t0 " + " ".join(f"NATURAL JOIN t{at}" for at in range(1, 14)),
        "SELECT * FROM t0 " + " ".join(f"JOIN t{at}" for at in range(1, 12)) + " WHERE t0.id = t1.id",
        "SELECT * FROM t0 JOIN t1 JOIN t2 ON t1.id = t2.id ON t0.id = t1.id",
        f"SELECT a FROM t WHERE {' OR '.join(['a = 1'] * 900)}",
        f"SELECT CASE {' '.join(f'WHEN a = {at} THEN {at}' for at in range(1_000))} END FROM t",
        f"SELECT {', '.join(['CASE WHEN a IS NULL THEN 0 ELSE a END'] * 300)} FROM t",
        "SELECT " + "replace(" * 60 + "a" + ", 'a', 'b')" * 60 + " FROM t",
        f"SELECT a FROM t WHERE b = '{'lorem ipsum ' * 4_000}'",
        "SELECT " + "(SELECT " * 60 + "1" + ")" * 60,
    ],
)
def test_what_programs_write_is_worked_on(sql: str) -> None:
    assert parse_select(sql, "sqlite") is not None
