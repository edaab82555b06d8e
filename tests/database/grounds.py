"""Grounds for hostile statements: a database with something to steal and to break, one kind a class."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.servers.database import ServerDatabase, connection

SECRET = "xyzzy-the-secret"
PEOPLE = 3000


@dataclass(frozen=True)
class Hostile:
    """One statement of a golden file."""

    title: str
    template: str
    section: str

    def sql(self, names: dict[str, str]) -> str:
        text = re.sub(r"\{\{(\d+)\|(.*?)\}\}", lambda match: match[2] * int(match[1]), self.template)
        names = {"$NL": "\n", **names}
        return re.sub("|".join(map(re.escape, names)), lambda match: names[match[0]], text)


def statements(dialect: str) -> list[Hostile]:
    """The statements of a dialect's golden file."""
    found, section = [], ""
    path = Path(__file__).parent / "hostile" / f"{dialect}.txt"
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            title, bar, template = line.partition(" | ")
            assert bar, line
            found.append(Hostile(title, template, section))
    return found


@dataclass
class Ground:
    """A database, what a statement may name, and what must not change."""

    folder: Path
    places: dict[str, str]
    """Where to open it, by role."""
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names |= {
            "$OUT": str(self.folder / "out" / "made"),
            "$SECRET": str(self.folder / "secret.txt"),
            "$OTHER": str(self.folder / "other.duckdb"),
            "$DIR": str(self.folder),
        }

    def files(self) -> dict[str, bytes | None]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.folder.rglob("*"))
        }

    def state(self) -> Any:
        """What is in the database, as its owner sees it."""
        raise NotImplementedError

    def active(self) -> list[Any]:
        """Queries of ours that run now."""
        raise NotImplementedError


def make_folder(folder: Path) -> None:
    """A folder with a secret that the server's user, too, could read and write."""
    (folder / "out").mkdir()
    (folder / "secret.txt").write_text(SECRET)
    (folder / "secret.csv").write_text(f"a\n{SECRET}\n")
    for path in (folder, folder / "out"):
        path.chmod(0o777)


# -- PostgreSQL --

_POSTGRES = """
CREATE TABLE person (id INT PRIMARY KEY, name TEXT, age INT);
INSERT INTO person SELECT i, 'person ' || i % 97, i % 80 FROM generate_series(1, 3000) i;
CREATE TABLE locked (a INT);
CREATE SEQUENCE counter;
CREATE VIEW adult AS SELECT * FROM person WHERE age > 18;
CREATE MATERIALIZED VIEW old AS SELECT * FROM person WHERE age > 65;
CREATE VIEW endless_view AS
    WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c;
CREATE FUNCTION writes() RETURNS INT LANGUAGE plpgsql AS 'BEGIN DELETE FROM person; RETURN 1; END';
CREATE FUNCTION writes_as_owner() RETURNS INT LANGUAGE plpgsql SECURITY DEFINER
    AS 'BEGIN DELETE FROM person; RETURN 1; END';
CREATE FUNCTION "odd (name"() RETURNS INT LANGUAGE plpgsql
    AS 'BEGIN DELETE FROM person; RETURN 1; END';
CREATE FUNCTION row_writes(person) RETURNS INT LANGUAGE plpgsql
    AS 'BEGIN DELETE FROM person; RETURN 1; END';
CREATE FUNCTION lies() RETURNS INT LANGUAGE plpgsql STABLE AS 'BEGIN DELETE FROM person; RETURN 1; END';
CREATE FUNCTION runs(TEXT) RETURNS INT LANGUAGE plpgsql SECURITY DEFINER
    AS 'BEGIN EXECUTE $1; RETURN 1; END';
CREATE FUNCTION reads() RETURNS BIGINT LANGUAGE sql STABLE AS 'SELECT count(*) FROM person';
CREATE FUNCTION loops() RETURNS INT LANGUAGE plpgsql STABLE AS 'BEGIN LOOP NULL; END LOOP; END';
CREATE PROCEDURE procedure_writes() LANGUAGE plpgsql AS 'BEGIN DELETE FROM person; COMMIT; END';
CREATE PROCEDURE procedure_gives(INOUT a INT) LANGUAGE plpgsql
    AS 'BEGIN DELETE FROM person; a := 1; COMMIT; END';
DO $$ BEGIN
    CREATE EXTENSION dblink; CREATE EXTENSION tablefunc;
    CREATE FUNCTION connects() RETURNS TEXT LANGUAGE sql SECURITY DEFINER
        AS 'SELECT dblink_exec(''dbname='' || current_database(), ''DROP TABLE person'')';
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO reader;
EXCEPTION WHEN OTHERS THEN NULL; END $$;
"""
_POSTGRES_STATE = """
SELECT (SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM person AS p), (SELECT count(*) FROM pg_class),
    (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_largeobject_metadata),
    (SELECT md5(string_agg(rolname || rolsuper || coalesce(rolpassword, ''), ',' ORDER BY rolname))
        FROM pg_authid WHERE rolname IN ('admin', 'reader', 'mallory')),
    (SELECT count(*) FROM pg_db_role_setting), (SELECT last_value || ' ' || is_called FROM counter),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42),
    (SELECT count(*) FROM pg_replication_slots),
    (SELECT count(*) FROM pg_prepared_xacts), pg_conf_load_time(),
    (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
    (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pg_temp%')
"""


class PostgresGround(Ground):
    owner: Any
    victim: Any

    def state(self) -> Any:
        self.victim.execute("SELECT 1")  # no statement ended it
        return self.owner.execute(_POSTGRES_STATE).fetchall()

    def active(self) -> list[Any]:
        found: list[Any] = self.owner.execute(
            "SELECT pid, state, query FROM pg_stat_activity WHERE application_name = 'share'"
            " AND state <> 'idle' AND datname = current_database()"
        ).fetchall()
        return found


@contextmanager
def postgres_ground(database: ServerDatabase, folder: Path) -> Iterator[PostgresGround]:
    make_folder(folder)
    database.run(_POSTGRES)
    with ExitStack() as stack:
        owner = stack.enter_context(connection(database.owner))
        victim = stack.enter_context(connection(database.owner))
        locker = stack.enter_context(connection(database.owner))
        locker.execute("BEGIN")
        locker.execute("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
        ground = PostgresGround(folder, {"reader": database.reader, "admin": database.owner})
        ground.owner, ground.victim = owner, victim
        ground.names |= {"$VICTIM": str(victim.info.backend_pid), "$PORT": str(urlsplit(database.owner).port)}
        yield ground


# -- MariaDB --

_MYSQL = """
CREATE TABLE person (id INT PRIMARY KEY, name VARCHAR(100), age INT);
INSERT INTO person SELECT seq, CONCAT('person ', seq % 97), seq % 80 FROM seq_1_to_3000;
CREATE TABLE old AS SELECT * FROM person WHERE age > 65;
CREATE TABLE plain (a INT) ENGINE = MyISAM;
CREATE TABLE locked (a INT);
CREATE SEQUENCE counter;
CREATE VIEW adult AS SELECT * FROM person WHERE age > 18;
CREATE VIEW endless_view AS SELECT a.seq FROM seq_1_to_1000000000 a, seq_1_to_1000000000 b;
CREATE FUNCTION writes() RETURNS INT BEGIN DELETE FROM person; RETURN 1; END;
CREATE FUNCTION lies() RETURNS INT DETERMINISTIC READS SQL DATA BEGIN DELETE FROM person; RETURN 1; END;
CREATE FUNCTION writes_plain() RETURNS INT DETERMINISTIC BEGIN INSERT INTO plain VALUES (1); RETURN 1; END;
CREATE FUNCTION writes_file() RETURNS INT BEGIN SELECT 1 INTO OUTFILE '$OUT'; RETURN 1; END;
CREATE FUNCTION reads_only() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM person);
CREATE FUNCTION loops() RETURNS INT NO SQL
    BEGIN DECLARE a INT DEFAULT 1; WHILE a > 0 DO SET a = 1; END WHILE; RETURN a; END;
CREATE PROCEDURE procedure_writes() BEGIN DELETE FROM person; COMMIT; END;
CREATE PROCEDURE procedure_gives() BEGIN SELECT 1; DELETE FROM person; COMMIT; END;
"""
_MYSQL_STATE = (
    "CHECKSUM TABLE person, old, plain EXTENDED",
    "SELECT COUNT(*), GROUP_CONCAT(table_name ORDER BY 1) FROM information_schema.tables"
    " WHERE table_schema = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.events WHERE event_schema = DATABASE()",
    "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name NOT LIKE 't!_%' ESCAPE '!'",
    "SELECT user, host, authentication_string FROM mysql.user"
    " WHERE user IN ('admin', 'reader', 'mallory', 'root') ORDER BY 1, 2",
    "SELECT next_not_cached_value FROM counter",
    "SELECT @@global.max_connections, @@global.general_log_file, @@global.general_log, IS_USED_LOCK('x')",
    "SELECT COUNT(*) FROM information_schema.plugins WHERE plugin_status = 'ACTIVE'",
)


class MysqlGround(Ground):
    owner: Any
    victim: Any
    locker: int

    def _ask(self, sql: str) -> list[Any]:
        with self.owner.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def state(self) -> Any:
        self.victim.query("SELECT 1")  # no statement ended it
        return [self._ask(sql) for sql in _MYSQL_STATE]

    def active(self) -> list[Any]:
        return self._ask(
            "SELECT id, command, state, info FROM information_schema.processlist WHERE db = DATABASE()"
            f" AND command <> 'Sleep' AND id <> CONNECTION_ID() AND id <> {self.locker}"
        )


@contextmanager
def mysql_ground(database: ServerDatabase, folder: Path) -> Iterator[MysqlGround]:
    make_folder(folder)
    database.run(_MYSQL.replace("$OUT", str(folder / "out" / "made")))
    database.run(f"GRANT EXECUTE ON {database.name}.* TO 'reader'@'%'")
    with ExitStack() as stack:
        owner = stack.enter_context(connection(database.owner))
        victim = stack.enter_context(connection(database.owner))
        locker = stack.enter_context(connection(database.owner))
        locker.query("LOCK TABLES locked WRITE")
        ground = MysqlGround(folder, {"reader": database.reader, "admin": database.owner})
        ground.owner, ground.victim, ground.locker = owner, victim, locker.thread_id()
        ground.names |= {"$VICTIM": str(victim.thread_id())}
        yield ground


# -- DuckDB --

_DUCKDB = """
CREATE TABLE person (id INT PRIMARY KEY, name TEXT, age INT);
INSERT INTO person SELECT range, 'person ' || range % 97, range % 80 FROM range(1, 3001);
CREATE SEQUENCE counter;
CREATE MACRO plus_one(a) AS a + 1;
CREATE MACRO reads_file() AS TABLE SELECT * FROM read_text('$SECRET');
CREATE VIEW file_view AS SELECT * FROM read_text('$SECRET');
CREATE VIEW endless_view AS
    WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c;
"""


def workers_of(parent: int, module: str) -> list[int]:
    """The worker processes of a process, by what they run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = int(_stat(folder)[1]) == parent
            if ours and module in (folder / "cmdline").read_bytes().decode(errors="replace"):
                found.append(int(folder.name))
        except (OSError, IndexError):  # it has ended
            continue
    return found


def busy(pid: int) -> bool:
    """Whether a thread of a process works, or waits for a disk."""
    try:
        return any(_stat(thread)[0] in "RD" for thread in Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # it has ended
        return False


def _stat(folder: Path) -> list[str]:
    """A process's or thread's state, its parent and more, as /proc has them."""
    return (folder / "stat").read_text().rsplit(")", 1)[1].split()


class DuckdbGround(Ground):
    def state(self) -> Any:
        return None  # a file among the others

    def active(self) -> list[Any]:
        return [pid for pid in workers_of(os.getpid(), "duckdb_worker") if busy(pid)]


@contextmanager
def duckdb_ground(folder: Path) -> Iterator[DuckdbGround]:
    import duckdb

    make_folder(folder)
    ground = DuckdbGround(folder, {"reader": str(folder / "ground.duckdb")})
    with duckdb.connect(str(folder / "ground.duckdb")) as made:
        made.execute(_DUCKDB.replace("$SECRET", ground.names["$SECRET"]))
    with duckdb.connect(ground.names["$OTHER"]) as other:
        other.execute("CREATE TABLE secret AS SELECT ? AS word", [SECRET])
    yield ground
