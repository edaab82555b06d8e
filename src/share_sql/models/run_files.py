"""The names of a run folder's files: `runfolder` writes them, recorded models and `share eval` read them."""

from __future__ import annotations

from collections.abc import Mapping

from share_sql.models.roles import ROLES

STEP_FILES: Mapping[str, str] = {role.name: role.file for role in ROLES.values() if role.file}
"""By role, the file with a line a case: {"idx", "prompt", "response"}; a null is no answer."""

GENERATOR_PROMPTS = "prompts_for_generator.jsonl"
"""The generator's prompts: {"idx", "prompt"}."""

FINAL_SQL = "final_sql.json"
"""The SQL by case, with BIRD's tag."""

AUGMENTED = "augmented_schema.json"
"""The augmented schema by case: {"idx": ["table.column", …]}."""

CORRECTIONS = "corrections.jsonl"
"""A correction a line."""

TIMINGS = "timings.jsonl"
"""Seconds by stage, a case a line."""
