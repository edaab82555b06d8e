"""DuckDB: who may write the file, and what the connection may reach."""

from __future__ import annotations

from share_sql.doctor.asked import Asked
from share_sql.doctor.files import file_recipe, file_rights

ASKED = Asked(
    version="SELECT version()",
    settings="""
        SELECT name, value FROM duckdb_settings() WHERE name IN (
            'access_mode', 'enable_external_access', 'lock_configuration', 'memory_limit', 'threads'
        ) ORDER BY name""",
    rights=file_rights,
    recipe=file_recipe,
)
