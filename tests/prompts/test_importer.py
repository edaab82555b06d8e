"""Importing a prompt module: literals are read, everything else is refused, nothing runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from share_sql.errors import PromptError
from share_sql.models.base import Message
from share_sql.prompts.importer import import_prompts, read_literals, write_prompts
from share_sql.prompts.library import load_prompts

MODULE = '''"""Prompts."""

system_prompt = """Be brief."""

sql2sr_user_prompt = """List: {schema}
Braces {{stay}}, {{{sql}}} too.""" + " End" "."

mask_schema_user_prompt: str = "Hide {sr}\\n"

ft_sr_to_sql = ("Keys {fk_dic}, "
                "steps {sr} {schema} {column_description} {question} {evidence}")
other = "unused"
'''


def write(folder: Path, text: str) -> Path:
    path = folder / "module.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_names_and_fields_are_mapped_and_the_set_loads_again(tmp_path: Path) -> None:
    prompts = import_prompts(write(tmp_path, MODULE), "paper")
    assert prompts.roles == ("bam", "mask", "generator")
    assert len(write_prompts(prompts, tmp_path / "paper")) == 3
    loaded = load_prompts(tmp_path / "paper")
    assert loaded == prompts
    assert loaded.render("bam", schema="['a.b']", sql="SELECT {x}") == (
        Message("system", "Be brief."),
        Message("user", "List: ['a.b']\nBraces {stay}, {SELECT {x}} too. End."),
    )
    assert loaded.render("mask", trajectory="T")[1].content == "Hide T\n"


def test_the_generator_is_sent_without_a_system_message(tmp_path: Path) -> None:
    template = import_prompts(write(tmp_path, MODULE), "paper").template("generator")
    assert [message.role for message in template.messages] == ["user"]
    assert template.messages[0].content.startswith("Keys {{foreign_keys}}, steps {{trajectory}} {{schema}}")


def test_the_last_assignment_wins_as_in_python() -> None:
    assert read_literals("a = 'x'\na = 'y'", "m.py") == {"a": "y"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import os", "line 1: Import is refused"),
        ("a = 'x'\nopen('f', 'w')", "line 2: Expr is refused"),
        ("a = open('f').read()", "variable a: Call is refused"),
        ("a = f'{1}'", "variable a: JoinedStr is refused"),
        ("a = 'x' * 10", "variable a: BinOp is refused"),
        ("a = b'x'", "variable a: Constant is refused"),
        ("a = 3", "variable a: Constant is refused"),
        ("a = 'x' + b", "variable a: Name is refused"),
        ("a = '%s' % 'x'", "variable a: BinOp is refused"),
        ("a, b = 'x', 'y'", "only plain names"),
        ("a.b = 'x'", "only plain names"),
        ("def f(): pass", "FunctionDef is refused"),
        ("a += 'x'", "AugAssign is refused"),
        ("if True: a = 'x'", "If is refused"),
        ("a = (", "line 1 is not a Python module"),
        ("a = 'x\x00y'", "is not a Python module"),
    ],
)
def test_everything_but_string_literals_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(PromptError, match=r"m\.py") as caught:
        read_literals(text, "m.py")
    assert reason in str(caught.value)


def test_nothing_is_executed(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with pytest.raises(PromptError):
        import_prompts(write(tmp_path, f"sql2sr_user_prompt = open({str(trace)!r}, 'w').name\n"), "paper")
    assert not trace.exists()


@pytest.mark.parametrize(
    "text",
    [
        "{sr.__class__}",
        "{sr!r}",
        "{sr:>10}",
        "{}",
        "{0}",
        "{sr[0]}",
        "{schema}",
        "{sr",
        "{{trajectory}}{{{{trajectory}}}}{sr}",
    ],
)
def test_fields_that_would_compute_or_are_unknown_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PromptError, match="variable mask_schema_user_prompt"):
        import_prompts(write(tmp_path, f"mask_schema_user_prompt = {text!r}\n"), "paper")


def test_a_module_without_known_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="has none of the variables sql2sr_user_prompt"):
        import_prompts(write(tmp_path, "a = 'x'"), "paper")


def test_a_text_with_a_message_marker_of_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="looks like a placeholder or a message marker"):
        import_prompts(write(tmp_path, "mask_schema_user_prompt = '{sr}\\n--- user ---\\n'"), "paper")


def test_missing_and_binary_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"none\.py cannot be read"):
        import_prompts(tmp_path / "none.py", "paper")
    (tmp_path / "latin.py").write_bytes(b"a = '\xff'")
    with pytest.raises(PromptError, match="is not UTF-8"):
        import_prompts(tmp_path / "latin.py", "paper")
