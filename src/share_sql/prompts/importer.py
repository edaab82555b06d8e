"""Bring in the prompts of a Python module of string literals, without executing it.

The published checkpoints were trained on prompt texts that stand in such a module. `import_prompts` reads
it as a syntax tree, takes the strings it knows the names of, and turns their `str.format` fields into
this package's placeholders. Anything in an assignment but string literals (and literals put together
with `+` or side by side) is refused, by name.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Mapping
from pathlib import Path

from share_sql.errors import PromptError
from share_sql.models.base import Message
from share_sql.models.roles import ROLES
from share_sql.prompts.library import (
    MARKER,
    PLACEHOLDER,
    PromptSet,
    Template,
    format_template,
    parse_template,
)

MAX_MODULE_BYTES = 5_000_000
"""Larger files are refused unread; a module of prompts is some kilobytes."""


SYSTEM_PROMPT = "system_prompt"
"""Name of the module's system message."""


def read_literals(source: str, name: str) -> dict[str, str]:
    """Read the string variables of a module, as literals.

    Args:
        source: the module's text.
        name: its file name, for messages.

    Returns:
        Each variable's string, in the module's order; a later assignment of the same name wins.

    Raises:
        PromptError: the text is no Python, or holds anything but assignments of string literals (and
            docstrings); the message names the variable or the line.
    """
    try:
        module = ast.parse(source, filename=name)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise PromptError(f"{name}{line} is not a Python module that can be read: {error}") from error
    literals: dict[str, str] = {}
    for statement in module.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a docstring, or a string on its own
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            what = type(statement).__name__
            raise PromptError(
                f'{name}, line {statement.lineno}: {what} is refused; only `name = "text"` is read, '
                "and nothing is executed"
            )
        for target in targets:
            if not isinstance(target, ast.Name):
                raise PromptError(f"{name}, line {statement.lineno}: only plain names can be assigned to")
            literals[target.id] = _literal(value, f"{name}, line {statement.lineno}, variable {target.id}")
    return literals


def _literal(value: ast.expr, where: str) -> str:
    # Iterative over the left spine: `a + b + c + …` nests to the left, a line a term.
    parts: list[str] = []
    while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        parts.append(_constant(value.right, where))
        value = value.left
    parts.append(_constant(value, where))
    return "".join(reversed(parts))


def _constant(value: ast.expr, where: str) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return _literal(value, where)
    raise PromptError(f"{where}: {type(value).__name__} is refused; give a string literal")


def convert(text: str, fields: Mapping[str, str], where: str) -> str:
    """Turn a `str.format` template into one with this package's placeholders.

    Args:
        text: the template; `{{` and `}}` stand for braces.
        fields: from its field names to SHARE's variables.
        where: its name, for messages.

    Returns:
        The text with `{{variable}}` placeholders and single braces.

    Raises:
        PromptError: a field is unknown, or uses attributes, indexes, conversions or format specs.
    """
    parts: list[str] = []
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError as error:
        raise PromptError(f"{where} is no str.format template: {error}") from error
    for literal, field, spec, conversion in pieces:
        parts.append(literal)
        if field is None:
            continue
        if spec or conversion or field not in fields:
            known = ", ".join(f"{{{each}}}" for each in fields)
            raise PromptError(f"{where}: the field {{{field}}} is refused; expected {known}")
        parts.append("{{" + fields[field] + "}}")
    converted = "".join(parts)
    found = PLACEHOLDER.findall(converted)
    expected = [fields[field] for _, field, _, _ in pieces if field is not None]
    if found != expected or MARKER.search(converted):
        raise PromptError(f"{where}: its own text looks like a placeholder or a message marker; change that")
    return converted


def import_prompts(path: Path, name: str) -> PromptSet:
    """Read a prompt module into a prompt set.

    Args:
        path: a Python file of string literals, with the reference's variable names.
        name: the new set's name.

    Returns:
        The set, in memory; `write_prompts` stores it. Roles whose variable the module lacks are left out.

    Raises:
        PromptError: the file cannot be read, is refused, or has none of the known variables.
    """
    try:
        if path.stat().st_size > MAX_MODULE_BYTES:
            raise PromptError(
                f"{path} is larger than {MAX_MODULE_BYTES:,} bytes; this is no module of prompts"
            )
        # read_bytes, and let the parser find a declared encoding, as Python itself does
        source = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise PromptError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PromptError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    literals = read_literals(source, path.name)
    system = literals.get(SYSTEM_PROMPT)
    templates: dict[str, Template] = {}
    known = [(role, role.reference) for role in ROLES.values() if role.reference is not None]
    for role, reference in known:
        if reference.variable not in literals:
            continue
        where = f"{path.name}, variable {reference.variable}"
        own = {each: each for each in role.variables if each not in reference.renamed.values()}
        messages = [
            Message("user", convert(literals[reference.variable], own | dict(reference.renamed), where))
        ]
        if system and reference.system:
            if PLACEHOLDER.search(system) or MARKER.search(system):
                raise PromptError(f"{path.name}, variable {SYSTEM_PROMPT}: its text looks like a placeholder")
            messages.insert(0, Message("system", system))
        used = set(PLACEHOLDER.findall(messages[-1].content))
        variables = tuple(each for each in role.variables if each in used)
        template = Template(role.name, variables, tuple(messages))
        if parse_template(format_template(template), where) != template:
            raise PromptError(f"{where}: its text cannot be kept as a template file")
        templates[role.name] = template
    if not templates:
        raise PromptError(
            f"{path.name} has none of the variables {', '.join(each.variable for _, each in known)}"
        )
    return PromptSet(name, templates)


def write_prompts(prompts: PromptSet, folder: Path) -> tuple[Path, ...]:
    """Write a prompt set as a folder of template files, replacing files of the same roles.

    Raises PromptError where the folder cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for role in prompts.roles:
            file = folder / f"{role}.md"
            file.write_bytes(format_template(prompts.templates[role]).encode())
            written.append(file)
    except OSError as error:
        raise PromptError(f"{folder} cannot be written: {error.strerror}") from error
    return tuple(written)
