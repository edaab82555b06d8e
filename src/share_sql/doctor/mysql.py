"""MySQL and MariaDB: what a user could do beside reading, and how to make one that cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from share_sql.doctor.asked import Asked, Known, right, some
from share_sql.doctor.check import Check, Status

_ROLE = re.compile(r"GRANT (?P<role>[`'\"][^ ]+) TO ", re.DOTALL)
_HARMLESS = frozenset({"USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROXY"})
_OUTSIDE: Mapping[str, tuple[str, Status]] = MappingProxyType(
    {
        "ALL PRIVILEGES": ("do all there is, files of the server included", "failed"),
        "FILE": ("read and write files of the server", "failed"),
        "SUPER": ("change the server's settings", "failed"),
        "SHUTDOWN": ("end the server", "failed"),
        "CREATE USER": ("make users", "failed"),
        "PROCESS": ("see others' queries", "warning"),
    }
)
"""Rights on the whole server: what they are for, and how bad that is."""
_DEFINERS = """
SELECT routine_name FROM information_schema.routines
WHERE routine_schema = database() AND security_type = 'DEFINER' ORDER BY routine_name"""


def _rights(known: Known) -> Iterator[Check]:
    granted: dict[str, set[str]] = {}
    roles = []
    found = False
    # A line may hold a password's hash: only what is matched is told.
    for (line,) in known.ask("SHOW GRANTS"):
        what, on, rest = str(line).removeprefix("GRANT ").partition(" ON ")
        where, to, _ = rest.partition(" TO ")
        if on and to:
            where = where.replace("`", "")
            granted.setdefault(where, set()).update(_privileges(what))
            if "WITH GRANT OPTION" in str(line):
                granted[where].add("GRANT OPTION")
        elif role := _ROLE.match(str(line)):
            roles.append(role["role"].strip("`'\""))
    whole = granted.get("*.*", set())
    for name, (purpose, status) in _OUTSIDE.items():
        if name in whole:
            found = True
            yield right(name, f"may {purpose}", "use a user of its own, as below", status)
    for where, names in sorted(granted.items()):
        told_above = frozenset(_OUTSIDE) if where == "*.*" else frozenset()
        writes = sorted(names - _HARMLESS - told_above)
        if writes:
            found = True
            yield right(f"on {where}", f"has {some(writes)}", "REVOKE them, or use a user of its own")
    if "FILE" in whole or "ALL PRIVILEGES" in whole:
        folder, version = known.ask("SELECT @@global.secure_file_priv, version()")[0]
        # NULL: MySQL lets nobody, MariaDB everybody.
        if folder is not None or "mariadb" in str(version).lower():
            place = f"files in {folder!s}" if folder else "any file that the server may"
            mend = "set secure_file_priv to an empty folder"
            yield right("secure_file_priv", f"lets it read and write {place}", mend)
    if definers := [str(row[0]) for row in known.ask(_DEFINERS)]:
        found = True
        told = f"sees {some(definers)}, which run with their definer's rights"
        yield right("routines", told, "see that none writes, or do not grant EXECUTE")
    if roles:
        yield right("roles", f"has the roles {some(roles)}; look at what they may do, too", "", "ok")
    if not found:
        yield right("rights", "it can read, and nothing else that was looked for", "", "ok")


def _privileges(text: str) -> list[str]:
    """The names in `SELECT (a, b), INSERT`, without columns."""
    return [name.strip().upper() for name in re.sub(r"\([^)]*\)", "", text).split(",") if name.strip()]


def _recipe(known: Known) -> str:
    database = str(known.ask("SELECT database()")[0][0]).replace("`", "``")
    return f"""\
-- As an administrator of the server:
CREATE USER 'share_reader'@'%' IDENTIFIED BY 'choose one';
GRANT SELECT, SHOW VIEW ON `{database}`.* TO 'share_reader'@'%';
"""


ASKED = Asked(
    version="SELECT concat(version(), ' ', @@version_comment)",
    settings="""
        SHOW SESSION VARIABLES WHERE variable_name IN (
            'max_statement_time', 'max_execution_time', 'lock_wait_timeout', 'sql_mode'
        )""",
    rights=_rights,
    recipe=_recipe,
)
