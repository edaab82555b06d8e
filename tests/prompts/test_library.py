"""Prompt sets: what loads, what is refused, and that values are never scanned."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.errors import PromptError
from share_sql.models.base import Message
from share_sql.models.roles import ROLES
from share_sql.prompts.library import (
    Template,
    format_template,
    load_prompts,
    parse_template,
    prompt_set_names,
)

MASK = "role: mask\nvariables: trajectory\n--- user ---\nHide: {{trajectory}}\n"


SMALL = {
    "tables", "columns", "described_columns", "marked", "changed_columns", "rows_before",
    "rows_after",
}  # fmt: skip
"""Variables that the sets for small models use, which are fitted to them."""


@pytest.mark.parametrize("role", ROLES)
def test_the_default_set_has_every_role_with_all_its_variables(role: str) -> None:
    template = load_prompts().template(role)
    assert template.variables == tuple(name for name in ROLES[role].variables if name not in SMALL)
    messages = load_prompts().render(role, **{name: f"<{name}>" for name in template.variables})
    assert [message.role for message in messages] == ["system", "user"]
    for name in template.variables:
        assert messages[1].content.count(f"<{name}>") == 1


def test_default_prompts_ask_for_the_answer_in_a_fence() -> None:
    prompts = load_prompts()
    for role in ("bam", "mask", "sam", "lom"):
        assert "```SR" in prompts.template(role).messages[-1].content
    assert "```{{fence}}" in prompts.template("generator").messages[-1].content


@given(st.text())
def test_a_value_comes_through_as_it_is(value: str) -> None:
    template = parse_template(MASK, "mask.md")
    assert template.render({"trajectory": value}) == (Message("user", f"Hide: {value}"),)


def test_a_value_that_looks_like_a_placeholder_is_not_filled() -> None:
    [*_, message] = load_prompts().render("bam", schema="{{sql}}", sql="{0.__class__} {schema}")
    assert "Columns that the SQL uses: {{sql}}\nSQL: {0.__class__} {schema}\n" in message.content


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(PromptError, match="bam needs sql"):
        load_prompts().render("bam", schema="[]")


def test_an_unknown_variable_is_named() -> None:
    with pytest.raises(PromptError, match="does not declare shema"):
        load_prompts().render("bam", schema="[]", sql="", shema="[]")


def test_a_shorter_template_leaves_out_what_it_does_not_declare(tmp_path: Path) -> None:
    (tmp_path / "bam.md").write_text("role: bam\nvariables: sql\n--- user ---\n{{sql}}\n", encoding="utf-8")
    prompts = load_prompts(tmp_path)
    assert prompts.render("bam", sql="SELECT 1", schema="[]") == (Message("user", "SELECT 1"),)


def test_a_role_that_the_set_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "mask.md").write_text(MASK, encoding="utf-8")
    with pytest.raises(
        PromptError, match=f"the prompt set {tmp_path.name} has no prompt for lom; it has mask"
    ):
        load_prompts(tmp_path).render("lom")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "role is ''"),
        ("role: critic\nvariables: x\n--- user ---\n{{x}}\n", "role is 'critic'"),
        ("hello\n--- user ---\n", "is not `name: value`"),
        ("role: mask\nvariables: sr\n--- user ---\n{{sr}}\n", "sr is no variable of mask"),
        ("role: mask\nvariables: trajectory\n{{trajectory}}\n", "is not `name: value`"),
        ("role: mask\nvariables: trajectory\n--- system ---\n{{trajectory}}\n", "no user message"),
        ("role: mask\n--- user ---\n{{trajectory}}\n", "is used but not declared"),
        ("role: mask\nvariables: trajectory\n--- user ---\nHi\n", "is nowhere in the text"),
    ],
)
def test_a_bad_template_is_refused_with_its_fault(text: str, reason: str) -> None:
    with pytest.raises(PromptError, match=r"mask\.md") as caught:
        parse_template(text, "mask.md")
    assert reason in str(caught.value)


_text = st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=60).filter(
    lambda text: "{{" not in text and "---" not in text
)


@given(_text, _text)
def test_a_written_template_reads_back_the_same(system: str, before: str) -> None:
    template = Template(
        "mask", ("trajectory",), (Message("system", system), Message("user", before + "{{trajectory}}\n"))
    )
    assert parse_template(format_template(template), "mask.md") == template


def test_sets_of_ones_own_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARE_PROMPTS", str(tmp_path))
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "mask.md").write_text(MASK, encoding="utf-8")
    assert prompt_set_names() == ("default", "brief", "coder", "paper")
    assert load_prompts("paper").roles == ("mask",)
    with pytest.raises(PromptError, match="no prompt set 'papers'; there are default, brief, coder, paper"):
        load_prompts("papers")


def test_two_files_for_one_role_are_refused(tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(MASK, encoding="utf-8")
    with pytest.raises(PromptError, match="another file of the set is for mask"):
        load_prompts(tmp_path)


def test_the_fingerprint_tells_texts_apart(tmp_path: Path) -> None:
    (tmp_path / "mask.md").write_text(MASK, encoding="utf-8")
    first = load_prompts(tmp_path).fingerprint
    assert load_prompts(tmp_path).fingerprint == first
    (tmp_path / "mask.md").write_text(MASK.replace("Hide", "Mask"), encoding="utf-8")
    assert load_prompts(tmp_path).fingerprint != first
