"""The proofs on each kind of database: DuckDB in process, PostgreSQL and MariaDB as servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from share_sql.database.base import Database
from share_sql.database.open import open_database
from share_sql.edits.proofs import PROVED
from share_sql.judgement.weights import load_weights
from share_sql.query.examined import Examined
from share_sql.stages.repair import repair
from share_sql.stages.warn import warn
from tests.golden import titled_pairs
from tests.stages.driving import start, take

GOLDEN = Path(__file__).with_name("golden") / "dialects.txt"
EVERYTHING = replace(load_weights(), enabled=frozenset(PROVED))
PAIRS = [
    (f"{title} ({dialect})", dialect, pair)
    for title, pair in titled_pairs(GOLDEN)
    for dialect in pair["on"].split()
]
SCRIPT = """
CREATE TABLE "Customers" ("CustomerID" INT PRIMARY KEY, "FullName" VARCHAR(50), "City" VARCHAR(50),
    "Opened" DATE, "Code" VARCHAR(10), "Size" INT);
CREATE TABLE visit (id INT PRIMARY KEY, who VARCHAR(50));
CREATE TABLE kind (id INT PRIMARY KEY, kind VARCHAR(20));
CREATE TABLE orders (id INT PRIMARY KEY, "CustomerID" INT, visit_id INT, "order" INT, paid VARCHAR(30),
    placed TIMESTAMP, wanted DATE, qty INT, rate BIGINT, score VARCHAR(10), status VARCHAR(20),
    town VARCHAR(20), level INT, FOREIGN KEY ("CustomerID") REFERENCES "Customers" ("CustomerID"),
    FOREIGN KEY (visit_id) REFERENCES visit (id));
CREATE TABLE item (no INT PRIMARY KEY, order_id INT, kind_id INT,
    FOREIGN KEY (order_id) REFERENCES orders (id), FOREIGN KEY (kind_id) REFERENCES kind (id));
INSERT INTO "Customers" VALUES (1, 'Ann Lee', 'Bonn', '2021-03-14', '0042', 5),
    (2, 'Bob Roy', 'Jena', '2022-05-01', '0043', NULL), (3, 'Cyd Poe', 'Ulm', '2022-06-02', '0044', 7);
INSERT INTO visit VALUES (1, 'Ann Lee'), (2, 'Bob Roy');
INSERT INTO kind VALUES (1, 'tea'), (2, 'salt');
INSERT INTO orders VALUES
    (10, 1, 1, 1, '2022-01-31T10:00:00', '2022-05-01 08:30:00', '2022-05-03', 3, 2, '98', 'Open', 'Jena', 1),
    (11, 1, 1, 2, '2022-02-01T11:00:00', '2022-05-02 09:30:00', '2022-05-03', 4, 3, '204', 'Closed',
        'Bonn', 2),
    (12, 2, 2, 3, '2022-02-02T12:00:00', '2022-05-03 10:30:00', '2022-05-04', 7, 4, '30', 'Open', 'Ulm', 2);
INSERT INTO item VALUES (1, 10, 1), (2, 11, 2), (3, 12, 1);
"""
IN_A_NAMESPACE = """
CREATE SCHEMA archive;
CREATE TABLE archive.invoice (id INT PRIMARY KEY, billed TIMESTAMP, state VARCHAR(20));
INSERT INTO archive.invoice VALUES (1, '2022-05-01 08:30:00', 'Sent'), (2, '2022-06-01 08:30:00', 'Lost');
"""
GRANTS = "GRANT USAGE ON SCHEMA archive TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA archive TO reader"
Opens = Callable[[str], Database]


@pytest.fixture(scope="module")
def opens(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opens]:
    """Gives the database of a dialect; each is made when it is first asked for."""
    made: dict[str, Database] = {}
    with ExitStack() as stack:

        def give(dialect: str) -> Database:
            if dialect not in made:
                made[dialect] = stack.enter_context(open_database(_made(dialect, request, tmp_path_factory)))
            return made[dialect]

        yield give


def _made(dialect: str, request: pytest.FixtureRequest, folder: pytest.TempPathFactory) -> str:
    if dialect == "duckdb":
        duckdb = pytest.importorskip("duckdb")
        path = folder.mktemp("dialects") / "shop.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute(SCRIPT + IN_A_NAMESPACE)
        return f"duckdb:///{path}"
    server = request.getfixturevalue(f"{dialect}_database")
    server.run(SCRIPT if dialect == "postgres" else f"SET sql_mode = 'ANSI_QUOTES'; {SCRIPT}")
    if dialect == "postgres":
        server.run(IN_A_NAMESPACE + GRANTS)
    reader: str = server.reader
    return reader


@pytest.mark.parametrize(("dialect", "pair"), [each[1:] for each in PAIRS], ids=[each[0] for each in PAIRS])
def test_golden(dialect: str, pair: dict[str, str], opens: Opens) -> None:
    state = start(opens(dialect), pair["question"], pair["draft"], pair.get("evidence", ""), EVERYTHING)
    repaired = [each for each in take(repair, opens(dialect), state).candidates if each.origin == "repair"]
    if pair["kinds"] == "-":
        assert [each.sql for each in repaired] == []
        return
    (candidate,) = repaired
    wanted = pair.get(f"result {dialect}", pair.get("result"))
    assert candidate.sql == wanted
    assert [finding.kind for finding in candidate.evidence] == pair["kinds"].split(", ")
    assert isinstance(candidate.query, Examined)
    assert candidate.query.runs


@pytest.mark.parametrize(
    ("dialect", "draft", "kinds"),
    [
        ("duckdb", "SELECT SUM(qty) / COUNT(*) FROM orders", set()),
        ("postgres", "SELECT SUM(qty) / COUNT(*) FROM orders", {"division-cut"}),
        ("duckdb", "SELECT town FROM orders ORDER BY town LIMIT 1", set()),
        ("duckdb", "SELECT id FROM orders WHERE status = 'Lost'", {"literal-unstored"}),
        ("mysql", "SELECT id FROM orders WHERE status = 'lost'", {"literal-unstored"}),
        ("mysql", "SELECT id FROM orders WHERE status = 'open'", set()),
        ("postgres", 'SELECT "FullName" FROM "Customers" ORDER BY "Size" DESC LIMIT 1', {"null-first"}),
        ("mysql", "SELECT town, qty FROM orders GROUP BY status", {"group-value"}),
        ("duckdb", "SELECT id FROM orders ORDER BY score LIMIT 1", {"text-number"}),
    ],
)
def test_warnings(dialect: str, draft: str, kinds: set[str], opens: Opens) -> None:
    state = start(opens(dialect), "Which?", draft)
    state = replace(state, plan=replace(state.plan, inspects=True))
    inspection = take(warn, opens(dialect), state).inspection
    assert inspection is not None
    told = {each.kind for each in inspection.warnings}
    assert told & {"division-cut", "null-first", "literal-unstored", "group-value", "text-number"} == kinds
