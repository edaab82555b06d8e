"""SQLite: who may write the file."""

from __future__ import annotations

from share_sql.doctor.asked import Asked
from share_sql.doctor.files import file_recipe, file_rights

ASKED = Asked(version="SELECT sqlite_version()", settings="", rights=file_rights, recipe=file_recipe)
