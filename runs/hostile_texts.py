"""Texts made to take long, a function a kind: what `hostile_drafts.py` has corrected."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 200_000, 500_000, 1_000_000)
DEPTHS = (5, 20, 60, 100, 200, 500, 1_000, 3_000, 10_000, 100_000)
TOKENS = (
    "SELECT", "FROM", "WHERE", "WITH", "AS", "a", "name", "singer", "concert", "JOIN", "ON", "AND", "OR",
    "NOT",
    "IN", "(", ")", ",", ";", ".", "*", "=", "<", ">", "+", "-", "||", "'", '"', "`", "[", "]", "'a'", '"a"',
    "1", "9999999999", "1.5e3", "CASE", "WHEN", "THEN", "ELSE", "END", "UNION", "ALL", "EXCEPT", "GROUP BY",
    "ORDER BY", "LIMIT", "HAVING", "BETWEEN", "LIKE", "IS", "NULL", "EXISTS", "CAST(", "COUNT(", "OVER (",
    "VALUES (", "--", "/*", "*/", "#", "//", "\\", "\\'", "{", "}", "```", "~~~", ":", "::", "@", "$1", "?",
    "&lt;", "é", "“", "’", "\u00a0", "\ufeff", "%", "INTERVAL", "TOP 3", "ILIKE", "DATEDIFF(", "<think>",
    "</think>", "<sql>", "\\n", "=>", "! =", "SELCT", "FRM", "WHEREname", "city = New York",
)  # fmt: skip
"""Tokens that are repeated."""
QUERIES = (
    "SELECT name FROM singer WHERE age > 30 ORDER BY age DESC LIMIT 3",
    "SELECT c.title, COUNT(*) FROM concert AS c JOIN singer AS s ON c.singer_id = s.id GROUP BY c.title",
    "SELECT town FROM singer WHERE town LIKE 'O%' EXCEPT SELECT place FROM concert WHERE year = 2014",
    "WITH old AS (SELECT * FROM singer WHERE age > 50) SELECT AVG(age) FROM old WHERE town = 'Oslo'",
    "SELECT CASE WHEN age > 40 THEN 'old' ELSE 'young' END AS kind, SUM(age) FROM singer GROUP BY 1",
    "SELECT s.nam FROM singer s WHERE s.id IN (SELECT singer_id FROM concert WHERE title = 'Spring')",
    "SELECT ROW_NUMBER() OVER (PARTITION BY town ORDER BY age) AS place, name FROM singer",
    "SELECT TOP 3 name FROM dbo.singer WHERE ISNULL(town, 'x') <> 'y'",
)  # fmt: skip
"""Queries that are cut, repeated and wrapped."""
SENTENCES = (
    "First, I look at the tables. ", "We select from singer where the age is right. ",
    "Let's join them, then. ",
    "So the SELECT must have a FROM. ", "Wait: with the second table it isn't so. ",
    "The answer, as asked, is: ",
)  # fmt: skip

Maker = Callable[[random.Random], str]


def repeated(rng: random.Random) -> str:
    piece = rng.choice((" ", "", "\n")).join(rng.choice(TOKENS) for _ in range(rng.randint(1, 4)))
    piece += rng.choice((" ", "", " ", "\n"))
    first = rng.choice(
        ("", "", "SELECT 1 ", "SELECT name FROM singer WHERE ", "SELECT name, ", "WITH a AS (")
    )
    return (
        first
        + piece * (rng.choice(SIZES) // max(1, len(piece)))
        + rng.choice(("", "", " 1", " FROM singer", ")"))
    )


def nested(rng: random.Random) -> str:
    opening, inside, closing = rng.choice((
        ("(", "1", ")"), ("(SELECT ", "1", ")"), ("SELECT * FROM (", "SELECT 1", ")"), ("[", "1", "]"),
        ("CASE WHEN ", "1", " THEN 1 END"), ("ABS(", "1", ")"), ("NOT ", "1", ""), ("- ", "1", ""),
        ("COALESCE(1, ", "1", ")"), ("id IN (SELECT id FROM singer WHERE ", "1", ")"), ("(1 + ", "1", ")"),
        ("CAST(", "1", " AS TEXT)"), ("EXISTS (SELECT 1 FROM singer WHERE ", "1", ")"), ("{", "", "}"),
        ("WITH a AS (", "SELECT 1", ") SELECT * FROM a"), ("((1, ", "1", "))"), ("'", "a", "'"), ("/*",
        "a", "*/"),
        ("((a)", "1", "(b))"), ("1 = (", "1", ")"), ("CASE 1 WHEN 1 THEN ", "1", " END"), ("<a>",
        "SELECT 1", "</a>"),
    ))  # fmt: skip
    depth = rng.choice(DEPTHS)
    depth = min(depth, 1_000_000 // (len(opening) + len(closing)))
    closings = rng.choice((depth, depth, depth, 0, depth - 1, depth + 1))
    first = rng.choice(("SELECT ", "SELECT ", "SELECT name FROM singer WHERE ", ""))
    last = rng.choice(("", "", " FROM singer", " x"))
    return first + opening * depth + inside + closing * closings + last


def unions(rng: random.Random) -> str:
    word = rng.choice((" UNION ALL ", " UNION ", " INTERSECT ", " EXCEPT ", "\nUNION ALL\n"))
    query = rng.choice(
        ("SELECT 1", "SELECT name FROM singer", "SELECT name, age FROM singer WHERE age > 3", *QUERIES)
    )
    return word.join([query] * max(1, rng.choice(SIZES) // (len(query) + len(word))))


def lists(rng: random.Random) -> str:
    item = rng.choice(("1", "'Oslo'", "'a b''c'", "?", "age + 1", "(1, 2)", "NULL", "Oslo", '"Oslo"'))
    items = ", ".join([item] * (rng.choice(SIZES) // (len(item) + 2) + 1))
    around = rng.choice((
        "SELECT name FROM singer WHERE town IN ({})", "SELECT {} FROM singer", "VALUES ({})",
        "SELECT COALESCE({})",
        "SELECT name FROM singer ORDER BY {}", "SELECT name FROM singer WHERE town NOT IN ({}",
        "SELECT * FROM ({})",
    ))  # fmt: skip
    return around.replace("{}", items)


def chains(rng: random.Random) -> str:
    part, word = rng.choice((
        ("age = 3", " OR "), ("town = 'Oslo'", " AND "), ("name", " || "), ("1", " + "), ("age", " * "),
        ("age", " - "),
        ("age > 3", ") AND ("), ("name LIKE '%a%'", " OR "), ("age BETWEEN 1 AND 2", " AND "),
        ("town = New York", " OR "),
        ("nam = 'a'", " OR "), ("name", " COLLATE NOCASE || "), ("1", " = "), ("1", " << "), ("a", "."),
        ("a", "::"),
        ("name", " IS NOT "), ("name", " LIKE "),
    ))  # fmt: skip
    count = max(1, rng.choice(SIZES) // (len(part) + len(word)))
    around = rng.choice(("SELECT name FROM singer WHERE ({})", "SELECT {} FROM singer", "SELECT {}"))
    return around.replace("{}", word.join([part] * count))


def literal(rng: random.Random) -> str:
    text = rng.choice(
        ("a", "''", "a b ", "\\", '"', "SELECT 1 FROM a ", "é", "\n", "- ", "%", "it''s ", "`", "it's ", "1")
    )
    size = rng.choice(SIZES)
    quote = rng.choice(("'", "'", '"', "`"))
    text = text * (size // len(text))
    return f"SELECT name FROM singer WHERE town = {quote}{text}{rng.choice((quote, quote, ''))}"


def comments(rng: random.Random) -> str:
    comment = rng.choice(
        ("-- a\n", "/* a */ ", "--\n", "/* ", "*/ ", "# a\n", "/**/", "-- it's\n", "// a\n", "/*/*")
    )
    comment *= rng.choice(SIZES) // len(comment)
    query = rng.choice(QUERIES)
    at = rng.choice([0, len(query), *(index for index, char in enumerate(query) if char == " ")])
    return query[:at] + comment + query[at:]


def blanks(rng: random.Random) -> str:
    blank = "".join(
        rng.choice((" ", "\n", "\t", "\r\n", "\u00a0", "\f", "\u2028", "\u3000"))
        for _ in range(rng.randint(1, 3))
    )
    blank *= rng.choice(SIZES) // len(blank)
    query = rng.choice(QUERIES)
    at = rng.choice([0, len(query), len(query), *(index for index, char in enumerate(query) if char == " ")])
    return query[:at] + blank + query[at:] + rng.choice(("", ";", "x", "."))


def fenced(rng: random.Random) -> str:
    mark = rng.choice(("```", "~~~", "'''", "````"))
    query = rng.choice((*QUERIES, unions(rng), blanks(rng)))
    block = f"{mark}{rng.choice(('sql', '', 'json', 'python'))}\n{query}\n{rng.choice((mark, mark, ''))}\n"
    text = rng.choice(SENTENCES) * rng.choice((0, 1, 20)) + block
    return text * max(1, rng.choice(SIZES) // len(text))


def as_json(rng: random.Random) -> str:
    query = rng.choice((*QUERIES, unions(rng)))
    depth = rng.choice(DEPTHS)
    match rng.randrange(6):
        case 0:
            return '{"a": ' * depth + json.dumps({"sql": query}) + "}" * rng.choice((depth, 0))
        case 1:
            return "[" * depth + json.dumps(query) + "]" * rng.choice((depth, 0))
        case 2:
            return json.dumps(
                [{"thought": rng.choice(SENTENCES), "sql": query}] * max(1, rng.choice(SIZES) // 300)
            )
        case 3:
            return json.dumps({"sql": query}) * max(1, rng.choice(SIZES) // (len(query) + 9))
        case 4:
            text = query
            for _ in range(rng.randint(1, 8)):
                text = json.dumps({"sql": text})
            return text
        case _:
            return '{"sql": "' + query + "\\" * rng.choice(SIZES) + rng.choice(('"}', "", '"'))


def thoughts(rng: random.Random) -> str:
    tag = rng.choice(("think", "reasoning", "thought", "analysis"))
    text = "".join(rng.choice((*SENTENCES, *QUERIES)) for _ in range(20))
    text *= max(1, rng.choice(SIZES) // len(text))
    query = rng.choice(QUERIES)
    match rng.randrange(5):
        case 0:
            return f"<{tag}>{text}</{tag}>\n{query}"
        case 1:
            return f"{text}</{tag}>\n{query}"
        case 2:
            return f"<{tag}>{text}"
        case 3:
            return f"<{tag}>" * (rng.choice(SIZES) // 10) + query
        case _:
            return f"</{tag}>" * (rng.choice(SIZES) // 10) + query


def prose(rng: random.Random) -> str:
    text = ""
    size = rng.choice(SIZES)
    while len(text) < size:
        part = "".join(rng.choice((*SENTENCES, *SENTENCES, *QUERIES)) for _ in range(8)) + rng.choice(
            ("", "\n", "\n\n")
        )
        text += part * rng.choice((1, 1, 40))
    return text[:1_000_000] + rng.choice(("", "\n\n", "\nSQL: ")) + rng.choice(QUERIES)


def spliced(rng: random.Random) -> str:
    text = ""
    size = rng.choice(SIZES)
    while len(text) < size:
        query = rng.choice(QUERIES)
        one, two = sorted(rng.randrange(len(query)) for _ in range(2))
        text += query[one:two] + rng.choice((" ", "\n", "", ";", "(", ")", "'"))
        if rng.random() < 0.05:
            text *= 2
    return rng.choice(("", "SELECT ")) + text[:1_000_000]


def long_queries(rng: random.Random) -> str:
    count = max(2, rng.choice(SIZES) // 60)
    match rng.randrange(7):
        case 0:
            items = ", ".join(f"age + {at} AS a{at}" for at in range(count))
            return f"SELECT {items} FROM singer"
        case 1:
            return "SELECT name FROM singer WHERE " + " OR ".join(
                f"(age = {at} AND town <> 'T{at}')" for at in range(count)
            )
        case 2:
            branches = " ".join(f"WHEN age = {at} THEN 'number {at}'" for at in range(count))
            return f"SELECT CASE {branches} END FROM singer"
        case 3:
            tables = ", ".join(f"t{at} AS (SELECT name FROM singer WHERE age > {at})" for at in range(count))
            return f"WITH {tables} SELECT * FROM t0"
        case 4:
            joins = " ".join(f"JOIN concert c{at} ON c{at}.singer_id = s.id" for at in range(count))
            return f"SELECT s.name FROM singer s {joins}"
        case 5:
            return " UNION ALL ".join(f"SELECT name, {at} FROM singer" for at in range(count))
        case _:
            return "SELECT " + " || ".join(f"'{at}' || name" for at in range(count)) + " FROM singer"


KINDS: dict[str, Maker] = {
    each.__name__: each
    for each in (
        repeated, repeated, nested, unions, lists, chains, literal, comments, blanks, fenced, as_json,
        thoughts,
        prose, spliced, long_queries,
    )
}  # fmt: skip
