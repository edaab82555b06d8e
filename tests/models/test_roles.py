"""The registry of roles: each has its prompt, and those that are trained have their adapter's place."""

from __future__ import annotations

from share_sql.models.embedded_load import answers_from
from share_sql.models.load import shipped_adapters
from share_sql.models.lora import is_adapter
from share_sql.models.roles import ROLES, ROLES_OF_MODELS_FILES, TRAINED_ROLES
from share_sql.models.run_files import STEP_FILES
from share_sql.prompts.library import load_prompts


def test_every_role_has_a_prompt_and_every_prompt_a_role() -> None:
    assert load_prompts().roles == tuple(ROLES)
    assert all(role.name == name and role.purpose and role.variables for name, role in ROLES.items())


def test_what_a_role_can_do_hangs_together() -> None:
    for role in ROLES.values():
        assert role.adapter or not role.trained
        assert role.examples or not role.trained
        if role.embedded:
            assert is_adapter(shipped_adapters() / role.name) == role.adapter
            assert answers_from(shipped_adapters() / role.name)
        if role.reference is not None:
            assert set(role.reference.renamed.values()) <= set(role.variables)
    assert TRAINED_ROLES == ("bam", "sam", "lom")
    assert "drafter" in ROLES_OF_MODELS_FILES
    assert "errors" not in ROLES_OF_MODELS_FILES
    assert len(set(STEP_FILES.values())) == len(STEP_FILES) == 4
