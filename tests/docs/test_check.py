"""The docs check finds what it says it finds, and passes what is right."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from docs import check
from share_sql import errors


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "there.sh").touch()
    (tmp_path / "runs" / "module.py").touch()
    (tmp_path / "Makefile").write_text("demo: x\n\ttouch x\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("# Title\n\n## Some `code`, here\n", encoding="utf-8")
    return tmp_path


def write(root: Path, text: str) -> None:
    (root / "docs" / "page.md").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("../README.md", None),
        ("../README.md#some-code-here", None),
        ("https://example.org/nothing", None),
        ("missing.md", "leads to no file"),
        ("../README.md#elsewhere", "leads to no heading"),
    ],
)
def test_links(root: Path, link: str, problem: str | None) -> None:
    write(root, f"first\n\n[text]({link})\n\n```text\n[not a link](nowhere.md)\n```\n")
    found = list(check.check_links(root))
    assert len(found) == (problem is not None)
    assert problem is None or (problem in found[0] and found[0].startswith("docs/page.md:3:"))


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("make demo", None),
        ("make PYTHON=python3.12 demo", None),
        ("make dmeo", "no target dmeo"),
        ("share demo --out x --json | jq .counts", None),
        ("LANG=C share demo > file 2>&1", None),
        ("share demo --ouut x", "No such option"),
        ("share demo extra", "takes no extra"),
        ("share dmeo", "no verb dmeo"),
        ("share eval --cases x.jsonl --benchmark spider", None),
        ("share eval --benchmark sipder", "is not one of"),
        ("share --version", None),
        (".venv/bin/share dmeo", "no verb dmeo"),
        ("echo done && share dmeo", "no verb dmeo"),
        ("bash runs/there.sh ../shared", None),
        ("python runs/gone.py", "there is no runs/gone.py"),
        ("runs/gone.sh", "there is no runs/gone.sh"),
        ("cp runs/gone.sh elsewhere", None),
        ("python -m runs.there", "there is no module runs.there"),
        ("python -m runs.module --flag", None),
        ("python -m pytest", None),
        ("# share dmeo", None),
        ("share demo \\\n    --ouut x", "No such option"),
    ],
)
def test_commands(root: Path, command: str, problem: str | None) -> None:
    write(root, f"```sh\n{command}\n```\n\n```console\n$ make demo\nshare dmeo is output here\n```\n")
    found = list(check.check_commands(root))
    assert len(found) == (problem is not None), found
    assert problem is None or (problem in found[0] and found[0].startswith("docs/page.md:2:"))


def test_examples_in_help(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verb = click.Command(
        "verb", epilog='\b\nExamples:\n  share verb --yes\n    --no "a  b" | jq .\n  other --no\n'
    )
    verb.params = [click.Option(["--yes"], is_flag=True)]
    monkeypatch.setattr(check, "_group", lambda: click.Group("share", {"verb": verb}))
    found = list(check.check_help_examples(root))
    assert len(found) == 1
    assert found[0].startswith("share verb --help, example:")
    assert "--no" in found[0]
    verb.params.append(click.Option(["--no"]))
    assert list(check.check_help_examples(root)) == []


def test_a_command_of_a_console_block_carries_its_output() -> None:
    text = "```console run\n$ one \\\n    --flag\na\nb\n$ two\n```\n\n```console\n$ three\n```\n"
    found = list(check.commands(text, runnable=True))
    assert [(command.text, command.expected) for command in found] == [("one  --flag", "a\nb"), ("two", "")]
    assert [command.text for command in check.commands(text)] == ["one  --flag", "two", "three"]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\nb", "a  \nb \n\n", True),
        ("a\nb", "a\n", False),
        ("a", "b", False),
        ("took … s", "took 0.5 s", True),
        ("took … s", "took 0.5\n s", False),
        ("a\n…\nz", "a\nb\nc\nz", True),
        ("a\n…\nz", "a\nz", True),
        ("…\nz", "z", True),
        ("a.c", "abc", False),
        ("…", "", True),
        ("", "something", False),
    ],
)
def test_output_against_what_the_page_shows(expected: str, printed: str, same: bool) -> None:
    assert check.matches(expected, printed) == same


def test_examples_run_in_a_folder_with_the_demos_files(root: Path) -> None:
    example = '```console run\n$ python -c "import os; print(*sorted(os.listdir()))"\n{}\n```\n'
    write(root, example.format("cases.jsonl column_meaning.json shop.sqlite"))
    assert list(check.check_examples(root)) == []
    write(root, example.format("something else"))
    assert "prints something else" in next(check.check_examples(root))
    write(root, "```console run\n$ python -c \"exit('gone wrong')\"\n```\n")
    assert "ended with 1: gone wrong" in next(check.check_examples(root))


def test_the_trees_name_folders_and_modules_with_their_first_sentence(root: Path) -> None:
    package = root / "src" / "share_sql" / "part"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""A part."""\n')
    (package / "one.py").write_text('"""One thing, said\nover two lines. And more."""\n')
    (package / "two.py").write_text("x = 1\n")
    (package.parent / "top.py").write_text('"""On top."""\n')
    folders = [["src/share_sql/"], ["top.py", "On top"], ["part/", "A part"]]
    modules = [["one.py", "One thing, said over two lines"], ["two.py"]]
    for files, expected in ((False, folders), (True, folders + modules)):
        assert [line.split(maxsplit=1) for line in check.tree(root, files=files).splitlines()] == expected


def test_generated_parts_are_checked_and_written_anew(root: Path) -> None:
    package = root / "src" / "share_sql" / "part"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""A part."""\n')
    contract = '[[tool.importlinter.contracts]]\nlayers = ["share_sql.part"]\n'
    (root / "pyproject.toml").write_text(contract, encoding="utf-8")
    pages = {
        "README.md": "folders",
        "docs/code.md": "files",
        "docs/cli.md": "help",
        "docs/design.md": "layers",
    }
    for page, name in pages.items():
        mark = f"<!-- {name}: written by docs/check.py --fix -->\n```text\nold\n```\n<!-- {name}: end -->"
        (root / page).write_text(f"before\n{mark}\nafter\n", encoding="utf-8")
    tables = {"docs/evaluation.md": ("metrics", "rules"), "docs/models.md": ("roles", "bases")}
    tables["docs/kinds.md"] = ("proved", "guessed", "findings", "warnings", "names")
    for page, names in tables.items():
        marks = [
            f"<!-- {name}: written by docs/check.py --fix -->\nold\n<!-- {name}: end -->" for name in names
        ]
        (root / page).write_text("\n".join(marks), encoding="utf-8")
    outdated = [line.split(":")[0] for line in check.check_generated(root)]
    assert sorted(set(outdated)) == sorted([*pages, *tables])
    assert len(outdated) == len(pages) + sum(len(names) for names in tables.values())
    check.fix(root)
    assert list(check.check_generated(root)) == []
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("before\n<!-- folders")
    assert readme.endswith("-->\nafter\n")
    assert "part/" in readme
    (package / "mute.py").write_text("x = 1\n")
    assert "docs/code.md: mute.py has no comment; give the module a docstring" in check.check_generated(root)


def test_the_errors_tree_is_held_to_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(check.check_error_tree()) == []
    drawn = errors.__doc__ or ""
    monkeypatch.setattr(errors, "__doc__", drawn.replace("│   ├── CaseError ", "├── CaseError "))
    assert "CaseError" in next(check.check_error_tree())
    monkeypatch.setattr(errors, "__doc__", drawn.replace("SqlEmpty", "SqlEmptied"))
    assert len(list(check.check_error_tree())) == 2


def test_every_module_has_a_comment_in_the_tree() -> None:
    lines = check.tree(check.ROOT, files=True).splitlines()[1:]
    assert [line for line in lines if len(line.split()) == 1] == []
