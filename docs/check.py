"""Check the docs against the code: `python docs/check.py`, part of `make check`.

What is checked, in README.md, CONTRIBUTING.md, CHANGELOG.md and docs/*.md:

- relative links lead to files, and their anchors to headings;
- commands in `sh` and `console` blocks exist: `make` targets, verbs and flags of `share`, scripts of the
  project, and its modules after `python -m`;
- the same for the examples at the end of each verb's help;
- `console run` blocks are run in a folder with the demo's `shop.sqlite` and `cases.jsonl`, and the page's
  `toml file` block as `share.toml`, and must print what is shown below each `$` line (`…` matches
  anything, on a line of its own any number of lines);
- `python run` blocks are run, and print what the `text output` block below them shows; the notebook's outputs
  are those of its cells (`docs/python_blocks.py`);
- README's tree names each folder of the package, and docs/code.md each module, once, with the first sentence
  of its docstring;
- docs/cli.md holds the help of every verb, as the verb prints it, and docs/design.md the layers;
- the tables of metrics, rules, roles and base models are those of the registries in the code;
- README.md and docs/design.md name the stages as assistant.py does;
- the tree drawn at the top of errors.py is the tree of its classes.

`--fix` writes the trees, the help, the layers and the notebook's outputs anew. `--no-run` leaves the examples
unrun.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_FENCE = re.compile(r"^```(\w*)[ \t]*(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
_TABLE = "<!-- {0}: written by docs/check.py --fix -->\n{1}<!-- {0}: end -->"
_SCRIPTS = ("benchmarks/", "runs/", "small/", "docs/")
"""Folders whose scripts the pages call."""
_BLOCK = "<!-- {0}: written by docs/check.py --fix -->\n```text\n{1}```\n<!-- {0}: end -->"


@dataclass(frozen=True)
class Command:
    """A command that a page tells its reader to type."""

    text: str
    line: int
    expected: str = ""
    """The output that a `console` block shows below it."""


def main() -> int:
    """Run all checks, print what is wrong, return the exit code."""
    parser = argparse.ArgumentParser(description="Check the docs against the code.")
    parser.add_argument("--fix", action="store_true", help="write what is generated anew")
    parser.add_argument("--no-run", action="store_true", help="do not run the examples")
    options = parser.parse_args()
    if options.fix:
        fix(ROOT)
    problems = [
        *check_links(ROOT),
        *check_generated(ROOT),  # first: click keeps the help option of the first context it sees
        *check_commands(ROOT),
        *check_help_examples(ROOT),
        *check_error_tree(),
        *check_stages(ROOT),
        *([] if options.no_run else (*check_examples(ROOT), *check_python(ROOT))),
    ]
    for problem in problems:
        print(problem)
    print(f"docs: {len(problems)} problem{'' if len(problems) == 1 else 's'} in {len(pages(ROOT))} pages")
    return 1 if problems else 0


def pages(root: Path) -> list[Path]:
    """The pages that are checked."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md"))]


# ---------------------------------------------------------------------- links


def check_links(root: Path) -> Iterator[str]:
    """Yield a line for each relative link that leads nowhere."""
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        prose = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
        for match in _LINK.finditer(prose):
            target, _, anchor = match[1].partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            where = f"{page.relative_to(root)}:{_line(prose, match.start())}"
            file = page if not target else (page.parent / target)
            if not file.exists():
                yield f"{where}: {match[1]} leads to no file"
            elif anchor and anchor not in _anchors(file):
                yield f"{where}: {match[1]} leads to no heading"


def _anchors(page: Path) -> set[str]:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        for heading in _HEADING.findall(text)
    }


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


# ------------------------------------------------------------------- commands


def commands(text: str, *, runnable: bool = False) -> Iterator[Command]:
    """Yield the commands of a page's `sh` and `console` blocks.

    Args:
        text: the page.
        runnable: only those of blocks marked `console run`.
    """
    for match in _FENCE.finditer(text):
        language, mark, body = match[1], match[2], match[3]
        if language not in ("sh", "console") or (runnable and mark != "run"):
            continue
        lines = body.splitlines()
        at = 0
        while at < len(lines):
            start, line = at, lines[at]
            at += 1
            while line.endswith("\\") and at < len(lines):
                line = line[:-1] + " " + lines[at].strip()
                at += 1
            if language == "console":
                if not line.startswith("$ "):
                    continue
                line = line[2:]
            output = []
            while language == "console" and at < len(lines) and not lines[at].startswith("$ "):
                output.append(lines[at])
                at += 1
            if line.strip() and not line.lstrip().startswith("#"):
                yield Command(line.strip(), _line(text, match.start(3)) + start, "\n".join(output))


def check_commands(root: Path) -> Iterator[str]:
    """Yield a line for each command whose target, verb, flag or script does not exist."""
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    for page in pages(root):
        for command in commands(page.read_text(encoding="utf-8")):
            for words in _simple_commands(command.text):
                problem = _problem(root, targets, words)
                if problem:
                    yield f"{page.relative_to(root)}:{command.line}: {problem}"


def check_help_examples(root: Path) -> Iterator[str]:
    """Yield a line for each example in the help of `share` and its verbs that is no call of `share`."""
    for path, epilog in _epilogs(_group(), "share"):
        # An example may go on in deeper indented lines.
        for example in re.findall(r"^ *share .*(?:\n {4,}\S.*)*", epilog, re.MULTILINE):
            for words in _simple_commands(" ".join(example.split())):
                problem = _problem(root, set(), words)
                if problem:
                    yield f"{path} --help, example: {problem}"


def _epilogs(command: Any, path: str) -> Iterator[tuple[str, str]]:
    import click

    yield path, inspect.cleandoc(command.epilog or "")
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for verb in command.list_commands(context):
            yield from _epilogs(command.get_command(context, verb), f"{path} {verb}")


def _simple_commands(text: str) -> Iterator[list[str]]:
    """Split a line at pipes, `&&`, `;` and redirections; settings of variables in front are dropped."""
    lexer = shlex.shlex(re.sub(r"\d>&\d", "", text), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    skip = False
    for token in [*lexer, ";"]:
        if skip:
            skip = False
        elif set(token) <= set("<>&") and set(token) & set("<>"):
            skip = True
        elif set(token) <= set("|&;"):
            while words and re.match(r"\w+=", words[0]):
                del words[0]
            if words:
                yield words
            words = []
        else:
            words.append(token)


def _problem(root: Path, targets: set[str], words: list[str]) -> str | None:
    name, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
    if name == "make":
        wanted = [word for word in arguments if "=" not in word and not word.startswith("-")]
        return next((f"make has no target {word}" for word in wanted if word not in targets), None)
    if name == "share":
        return _share_problem(arguments)
    python = name in ("python", "python3")
    if python and arguments[:1] == ["-m"] and len(arguments) > 1:
        module = root / arguments[1].replace(".", "/")
        ours = (root / arguments[1].split(".")[0]).is_dir()
        found = module.with_suffix(".py").is_file() or (module / "__main__.py").is_file()
        return f"there is no module {arguments[1]}" if ours and not found else None
    called = [name] if name.startswith(_SCRIPTS) else arguments if python or name == "bash" else []
    script = next((word for word in called if word.startswith(_SCRIPTS)), None)
    return f"there is no {script}" if script and not (root / script).is_file() else None


def _share_problem(arguments: list[str]) -> str | None:
    import click

    command: Any = _group()
    path = ["share"]
    while True:
        context = click.Context(command, info_name=path[-1])
        try:
            values, rest, _ = command.make_parser(context).parse_args([*arguments])
            for parameter in command.params:
                value = values.get(parameter.name)
                if isinstance(parameter.type, click.Choice) and isinstance(value, str):
                    parameter.type.convert(value, parameter, context)
        except click.UsageError as error:
            return f"{' '.join(path)}: {error.format_message()}"
        if not rest:
            return None
        if not isinstance(command, click.Group):
            return f"{' '.join(path)} takes no {rest[0]}"
        command = command.get_command(context, rest[0])
        if command is None:
            return f"{' '.join(path)} has no verb {rest[0]}"
        path, arguments = [*path, rest[0]], rest[1:]


def _group() -> Any:
    """The command line's group."""
    import click

    from share_sql.cli import main as module

    return next(value for value in vars(module).values() if isinstance(value, click.Group))


# ------------------------------------------------------------------- examples


def check_examples(root: Path) -> Iterator[str]:
    """Run the `console run` blocks and yield a line for each that fails or prints something else."""
    from share_sql.demo.cases import write_cases, write_meanings
    from share_sql.demo.database import write_database

    for page in pages(root):
        examples = list(commands(page.read_text(encoding="utf-8"), runnable=True))
        if not examples:
            continue
        with tempfile.TemporaryDirectory(prefix="share-docs-") as name:
            folder = Path(name)
            write_database(folder / "shop.sqlite")
            write_cases(folder / "cases.jsonl", "shop.sqlite")
            write_meanings(folder / "column_meaning.json")
            for match in _FENCE.finditer(page.read_text(encoding="utf-8")):
                if (match[1], match[2]) == ("toml", "file"):
                    (folder / "share.toml").write_text(match[3], encoding="utf-8")
            for example in examples:
                problem = _run_example(example, folder)
                if problem:
                    yield f"{page.relative_to(root)}:{example.line}: {problem}"


def check_python(root: Path) -> Iterator[str]:
    """Run the Python of the pages and of the notebook; yield a line for each piece that fails or shows
    something else."""
    from docs import python_blocks

    for page in pages(root):
        yield from python_blocks.check_python(page, str(page.relative_to(root)))
    yield from python_blocks.check_notebook(root)


def _run_example(example: Command, folder: Path) -> str | None:
    words = shlex.split(example.text)
    words[0] = str(Path(sys.executable).parent / Path(words[0]).name)
    environment = {"PATH": "", "HOME": str(folder), "COLUMNS": "100", "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=300
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        return f"`{example.text}` ended with {done.returncode}: {''.join(last)}"
    if not matches(example.expected, done.stdout):
        return f"`{example.text}` prints something else:\n{done.stdout.rstrip()}"
    return None


def matches(expected: str, printed: str) -> bool:
    """Whether an output is as a page shows it; `…` matches anything.

    Args:
        expected: what the page shows. A line that is only `…` matches any number of lines.
        printed: what the command printed. Space at the ends of lines and of the whole does not count.
    """
    parts = []
    for line in expected.strip().splitlines():
        if line.strip() == "…":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r"[^\n]*".join(re.escape(piece) for piece in line.rstrip().split("…")) + r"[ \t]*\n")
    text = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.fullmatch("".join(parts), text + "\n" if text else "") is not None


# ------------------------------------------------------------------ generated


def tree(root: Path, *, files: bool) -> str:
    """The package as a tree: each entry with the first sentence of its docstring.

    Args:
        root: the project's folder.
        files: with the modules of each folder (docs/code.md), or only folders and the modules beside them
            (README).
    """
    package = root / "src" / "share_sql"
    lines: list[tuple[str, str]] = [("src/share_sql/", "")]
    modules = sorted(package.glob("*.py"))
    lines += [(f"  {file.name}", _first_sentence(file)) for file in modules if file.name != "__init__.py"]
    for folder in sorted(path.parent for path in package.glob("*/__init__.py")):
        lines.append((f"  {folder.name}/", _first_sentence(folder / "__init__.py")))
        for file in sorted(folder.rglob("*.py")) if files else ():
            if file.name != "__init__.py":
                lines.append((f"    {file.relative_to(folder).as_posix()}", _first_sentence(file)))
    width = max(len(name) for name, _ in lines) + 2
    return "".join(f"{name:<{width}}{comment}".rstrip() + "\n" for name, comment in lines)


def layers(root: Path) -> str:
    """The layers that pyproject.toml lists, top first, each with what it is."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    lines: list[tuple[str, str]] = []
    for layer in contract["layers"]:
        for at, module in enumerate(layer.split(" | ")):
            path = root / "src" / module.replace(".", "/")
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            lines.append((f"{'| ' if at else ''}{module.removeprefix('share_sql.')}", _first_sentence(file)))
    width = max(len(name) for name, _ in lines) + 2
    return "".join(f"{name:<{width}}{comment}\n" for name, comment in lines)


def _first_sentence(file: Path) -> str:
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s", paragraph)[0].removesuffix(".")


def verbs_help() -> str:
    """The help of `share` and of every verb, as printed on a terminal of 100 columns."""
    import click

    parts: list[str] = []

    def add(command: click.Command, name: str, parent: click.Context | None) -> None:
        settings = command.context_settings
        context = click.Context(command, info_name=name, parent=parent, terminal_width=100, **settings)
        parts.append(f"$ {context.command_path} --help\n{command.get_help(context)}\n")
        if isinstance(command, click.Group):
            for verb in command.list_commands(context):
                below = command.get_command(context, verb)
                if below is not None and not below.hidden:
                    add(below, verb, context)

    add(_group(), "share", None)
    return "\n".join(parts)


def _generated(root: Path) -> dict[Path, tuple[str, str]]:
    return {
        root / "README.md": ("folders", tree(root, files=False)),
        root / "docs" / "code.md": ("files", tree(root, files=True)),
        root / "docs" / "cli.md": ("help", verbs_help()),
        root / "docs" / "design.md": ("layers", layers(root)),
    }


def _tables(root: Path) -> Iterator[tuple[Path, str, str]]:
    """Page, name and text of each table that is made of a registry."""
    from share_sql.benchmarks.registry import BENCHMARKS
    from share_sql.edits.table import KINDS
    from share_sql.evaluation.metrics import METRICS
    from share_sql.models.bases import BASES
    from share_sql.models.roles import ROLES

    def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
        return "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *rows))

    evaluation, models = root / "docs" / "evaluation.md", root / "docs" / "models.md"
    metrics = ((f"`{each.name}`", each.about, each.after) for each in METRICS.values())
    yield evaluation, "metrics", table(("name", "what is right", "after"), metrics)
    rules = ((f"`{each.name}`", each.about, each.after) for each in BENCHMARKS.values())
    yield evaluation, "rules", table(("benchmark", "`ex`: what is right", "after"), rules)
    roles = (
        (
            f"`{each.name}`",
            each.purpose,
            each.without,
            ", ".join(
                name for name, has in (("`share train`", each.trained), ("`embedded`", each.embedded)) if has
            ),
        )
        for each in ROLES.values()
        if each.in_models_file
    )
    yield models, "roles", table(("role", "what the model does", "without a model", "adapter"), roles)
    bases = (
        (
            f"`{each.name}`",
            f"`{each.template}`",
            f"{each.weights.file}, {each.weights.licence}" if each.weights else "",
        )
        for each in BASES.values()
    )
    yield models, "bases", table(("base model", "chat template", "`share models pull`"), bases)
    kinds = root / "docs" / "kinds.md"
    for name, role in (
        ("proved", "proved"),
        ("guessed", "guessed"),
        ("findings", "finding"),
        ("warnings", "warning"),
        ("names", ""),
    ):
        rows = (
            (
                f"`{each.name}`",
                each.about,
                *([each.conventions] if role in ("proved", "guessed") else []),
                each.line,
                _sql(each.before),
                _sql(each.after),
            )
            for each in KINDS.values()
            if (role in each.roles if role else not each.roles)
        )
        acts = ("conventions",) if role in ("proved", "guessed") else ()
        yield kinds, name, table(("kind", "about", *acts, "what it means", "before", "after"), rows)


def _sql(query: str) -> str:
    """A query in a cell of a table."""
    return f"`{query.replace('|', chr(92) + '|')}`" if query else ""


def check_generated(root: Path) -> Iterator[str]:
    """Yield a line for each generated part that is not what the code says, or lacks a comment."""
    for page, name, body in _tables(root):
        if _TABLE.format(name, body) not in page.read_text(encoding="utf-8"):
            yield f"{page.relative_to(root)}: its {name} are not the code's; run python docs/check.py --fix"
    for page, (name, body) in _generated(root).items():
        if _BLOCK.format(name, body) not in page.read_text(encoding="utf-8"):
            yield f"{page.relative_to(root)}: its {name} is not the code's; run python docs/check.py --fix"
    for line in tree(root, files=True).splitlines()[1:]:
        if len(line.split()) == 1:
            yield f"docs/code.md: {line.strip()} has no comment; give the module a docstring"


def fix(root: Path) -> None:
    """Write the generated parts of the pages anew, and the notebook's outputs."""
    from docs import python_blocks

    for page, (name, body) in _generated(root).items():
        _write(page, name, _BLOCK, body)
    for page, name, body in _tables(root):
        _write(page, name, _TABLE, body)
    python_blocks.fix_notebook(root)


def _write(page: Path, name: str, form: str, body: str) -> None:
    begin, end = (re.escape(part) for part in form.format(name, "\0").split("\0"))
    old = page.read_text(encoding="utf-8")
    new = re.sub(f"{begin}.*?{end}", lambda _: form.format(name, body), old, flags=re.DOTALL)
    page.write_text(new, encoding="utf-8")


# --------------------------------------------------------------------- stages


def check_stages(root: Path) -> Iterator[str]:
    """Yield a line for each page that tells the story with other stages than the code's."""
    from share_sql.assistant import STAGES

    story = f"STAGES = ({', '.join(stage.__name__ for stage in STAGES)})"
    for page in (root / "README.md", root / "docs" / "design.md"):
        if story not in page.read_text(encoding="utf-8"):
            yield f"{page.relative_to(root)}: the stages are `{story}`"


# --------------------------------------------------------------------- errors


def check_error_tree() -> Iterator[str]:
    """Yield a line for each error class that the tree in errors.py's docstring misplaces or misses."""
    from share_sql import errors

    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"((?:    )?(?:│   |    )*?)(?:├── |└── )?([A-Z]\w+)(?: {2,}.*)?$", line)
        if match and (match[2] == "ShareError" or "──" in line):
            depth = (line.index(match[2]) - 4) // 4
            del path[depth:]
            drawn[match[2]] = path[-1] if path else "Exception"
            path.append(match[2])
    real = {
        name: value.__bases__[0].__name__
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.ShareError)
    }
    for name in sorted(drawn.keys() | real.keys()):
        if drawn.get(name) != real.get(name):
            yield f"errors.py: the tree draws {name} under {drawn.get(name)}, the code has {real.get(name)}"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # for what lies beside it
    sys.exit(main())
