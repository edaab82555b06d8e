"""PostgreSQL: what a role could do beside reading, and how to make one that cannot."""

from __future__ import annotations

from collections.abc import Iterator

from share_sql.doctor.asked import Asked, Known, right, some
from share_sql.doctor.check import Check

_ATTRIBUTES = """
SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolname
FROM pg_catalog.pg_roles WHERE rolname = current_user"""
_MEMBERSHIPS = """
SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN (
    'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_write_all_data',
    'pg_signal_backend', 'pg_checkpoint', 'pg_maintain', 'pg_create_subscription'
) AND pg_has_role(current_user, oid, 'MEMBER') ORDER BY rolname"""
_WRITABLE = """
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
        OR has_any_column_privilege(c.oid, 'INSERT, UPDATE'))
ORDER BY 1"""
_SCHEMAS = """
SELECT format('%I', n.nspname) FROM pg_catalog.pg_namespace AS n
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND has_schema_privilege(n.oid, 'CREATE')
ORDER BY 1"""
_DATABASE = """
SELECT has_database_privilege(current_database(), 'TEMPORARY'),
    has_database_privilege(current_database(), 'CREATE'), current_database()"""
_EXTENSIONS = """
SELECT extname FROM pg_catalog.pg_extension WHERE extname IN (
    'adminpack', 'aws_s3', 'dblink', 'file_fdw', 'http', 'lo', 'pg_background', 'pg_cron', 'pg_net',
    'plperlu', 'plpython3u', 'pltclu', 'postgres_fdw'
) ORDER BY extname"""
_FUNCTIONS = """
SELECT DISTINCT p.proname FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN (
    'pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import', 'lo_export',
    'pg_reload_conf', 'pg_rotate_logfile', 'pg_promote', 'pg_switch_wal'
) AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY p.proname"""
_DEFINERS = """
SELECT format('%I.%I', n.nspname, p.proname)
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.prosecdef AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND has_function_privilege(p.oid, 'EXECUTE')
    AND has_schema_privilege(n.oid, 'USAGE') AND p.proowner <> current_user::regrole
ORDER BY 1"""
_READ_ONLY = """
SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'default_transaction_read_only'"""


def _rights(known: Known) -> Iterator[Check]:
    *flags, name = known.ask(_ATTRIBUTES)[0]
    role = str(name)
    attributes = ("SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS")
    held = [attribute for attribute, has in zip(attributes, flags, strict=True) if has]
    found = False
    if "SUPERUSER" in held:
        told = f"{role} is a superuser: it may do all there is, files and programs of the server included"
        yield right("superuser", told, "use a role of its own, as below", "failed")
        return
    if held:
        found = True
        yield right("attributes", f"{role} has {', '.join(held)}", "use a role without them")
    for check in _asked(known):
        found = True
        yield check
    if not found:
        yield right("rights", f"{role} can read, and nothing else that was looked for", "", "ok")


def _asked(known: Known) -> Iterator[Check]:
    """The rights that are lists of names."""
    if names := _names(known, _MEMBERSHIPS):
        dangerous = any("server" in name for name in names)
        told = f"is a member of {some(names)}"
        yield right("membership", told, "REVOKE it from the role", "failed" if dangerous else "warning")
    if names := _names(known, _WRITABLE):
        yield right("tables", f"may write {len(names)} tables: {some(names)}", "grant SELECT alone")
    if names := _names(known, _SCHEMAS):
        mend = "REVOKE CREATE ON SCHEMA … FROM PUBLIC"
        yield right("schemas", f"may create in {some(names)}", mend)
    temporary, create, current = known.ask(_DATABASE)[0]
    database = str(current)
    if create:
        told = f"may create schemas in {database}"
        yield right("database", told, f"REVOKE CREATE ON DATABASE {_quoted(database)} FROM it")
    if temporary:
        mend = f"REVOKE TEMPORARY ON DATABASE {_quoted(database)} FROM PUBLIC"
        yield right("temporary tables", f"may create temporary tables in {database}", mend)
    if names := _names(known, _FUNCTIONS):
        yield right("functions", f"may call {some(names)}", "REVOKE EXECUTE on them from it", "failed")
    if names := _names(known, _EXTENSIONS):
        told = f"the database has {some(names)}, which reach outside it"
        yield right(
            "extensions", told, "REVOKE EXECUTE on their functions, USAGE on their servers, FROM PUBLIC"
        )
    if names := _names(known, _DEFINERS):
        told = f"may call {some(names)}, which run with their owner's rights"
        yield right("security definer", told, "see that none writes, or REVOKE EXECUTE on it FROM PUBLIC")
    if [str(row[0]) for row in known.ask(_READ_ONLY)] != ["on"]:
        told = "its transactions write unless told otherwise; SHARE tells them otherwise"
        yield right("read-only", told, "ALTER ROLE … SET default_transaction_read_only = on")


def _names(known: Known, sql: str) -> list[str]:
    return [str(row[0]) for row in known.ask(sql)]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _recipe(known: Known) -> str:
    database = _quoted(str(known.ask("SELECT current_database()")[0][0]))
    schemas = ", ".join(_quoted(name) for name in known.namespaces or ("public",))
    return f"""\
-- As a superuser or the database's owner, in the database {database}:
CREATE ROLE share_reader LOGIN PASSWORD 'choose one' NOSUPERUSER NOCREATEDB NOCREATEROLE;
ALTER ROLE share_reader SET default_transaction_read_only = on;
ALTER ROLE share_reader SET statement_timeout = '60s';
GRANT CONNECT ON DATABASE {database} TO share_reader;
GRANT USAGE ON SCHEMA {schemas} TO share_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA {schemas} TO share_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA {schemas} GRANT SELECT ON TABLES TO share_reader;
-- What every role may do is PUBLIC's; this takes it from all that it was not granted to:
REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
REVOKE CREATE ON SCHEMA {schemas} FROM PUBLIC;
"""  # noqa: S608 (names are quoted, and it is for people)


ASKED = Asked(
    version="SELECT version()",
    settings="""
        SELECT name, setting || coalesce(unit, '') FROM pg_catalog.pg_settings WHERE name IN (
            'transaction_read_only', 'statement_timeout', 'lock_timeout',
            'idle_in_transaction_session_timeout', 'search_path'
        ) ORDER BY name""",
    rights=_rights,
    recipe=_recipe,
)
