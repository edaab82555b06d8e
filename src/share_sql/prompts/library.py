"""Prompt sets: a folder with one template file a role, loaded and filled.

A template file is text. It opens with a header of two lines, then come its messages:

    role: bam
    variables: schema, sql
    --- system ---
    You read SQL …
    --- user ---
    … {{sql}} …

`{{name}}` is a variable, which must be declared in the header; each declared variable must be
used. Placeholders are replaced in one pass over the template, so that a value may hold braces, or even
`{{sql}}`, and comes through as it is. The text of a message runs to the next marker or the end of the
file, less one line break.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from share_sql.errors import PromptError
from share_sql.models.base import Message
from share_sql.models.roles import ROLES

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

DEFAULT_SET = "default"
"""Name of the prompt set for models that follow instructions."""

BRIEF_SET = "brief"
"""Name of the prompt set that the shipped small models were trained on."""

CODER_SET = "coder"
"""Name of the prompt set for small models that are fitted on a code model's weights."""

SHIPPED_SETS = (DEFAULT_SET, BRIEF_SET, CODER_SET)
"""Prompt sets that come with the package."""

PLACEHOLDER = re.compile(r"\{\{([a-z_][a-z0-9_]*)\}\}")
"""A variable's place in a template."""

MARKER = re.compile(r"^--- (system|user|assistant) ---$", re.MULTILINE)
"""The line that opens a message."""


@dataclass(frozen=True)
class Template:
    """One prompt: its role, its variables and its messages with placeholders."""

    role: str
    """Which model it is for: a name in ROLES."""
    variables: tuple[str, ...]
    """Names that must be given to fill it."""
    messages: tuple[Message, ...]
    """System and user messages, with placeholders."""

    def render(self, values: Mapping[str, str]) -> tuple[Message, ...]:
        """Fill the placeholders.

        Args:
            values: text of each declared variable; inserted as it is, never scanned again.

        Returns:
            The messages, ready to send.

        Raises:
            PromptError: a declared variable is missing, or one is given that is not declared.
        """
        missing = [name for name in self.variables if name not in values]
        unknown = [name for name in values if name not in self.variables]
        if missing:
            raise PromptError(f"the prompt {self.role} needs {', '.join(missing)}, which was not given")
        if unknown:
            raise PromptError(
                f"the prompt {self.role} does not declare {', '.join(unknown)}; "
                f"it declares {', '.join(self.variables)}"
            )
        return tuple(
            Message(message.role, PLACEHOLDER.sub(lambda match: values[match[1]], message.content))
            for message in self.messages
        )


@dataclass(frozen=True)
class PromptSet:
    """Templates by role."""

    name: str
    """Its name, for run.json and messages."""
    templates: Mapping[str, Template]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles it has a template for, in the order of the stages."""
        return tuple(role for role in ROLES if role in self.templates)

    def template(self, role: str) -> Template:
        """The template of this role. Raises PromptError where the set has none."""
        try:
            return self.templates[role]
        except KeyError:
            raise PromptError(
                f"the prompt set {self.name} has no prompt for {role}; it has {', '.join(self.roles)}"
            ) from None

    def render(self, role: str, **variables: str) -> tuple[Message, ...]:
        """Fill the role's prompt.

        Args:
            role: a name in ROLES.
            variables: text of each variable; ones that SHARE knows for the role but this set's template
                does not declare are left out, so that a shorter template of one's own still works.

        Returns:
            The messages, ready to send.

        Raises:
            PromptError: the set has no such role, a declared variable is missing, or an unknown one given.
        """
        template = self.template(role)
        known = ROLES[role].variables if role in ROLES else ()
        given = {
            name: value
            for name, value in variables.items()
            if name in template.variables or name not in known
        }
        return template.render(given)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of every template's text: changes when any prompt changes."""
        import hashlib

        digest = hashlib.sha256()
        for role in sorted(self.templates):
            digest.update(format_template(self.templates[role]).encode())
            digest.update(b"\0")
        return digest.hexdigest()[:16]


def parse_template(text: str, source: str) -> Template:
    """Read a template file's text.

    Args:
        text: the whole file.
        source: its name, for messages.

    Returns:
        The template.

    Raises:
        PromptError: the header or a message is missing, or placeholders and declared variables differ.
    """
    head, *parts = MARKER.split(text)
    header: dict[str, str] = {}
    for line in head.splitlines():
        key, colon, value = line.partition(":")
        if line.strip():
            if not colon:
                raise PromptError(f"{source}: the header line {line!r} is not `name: value`")
            header[key.strip()] = value.strip()
    role = header.get("role", "")
    if role not in ROLES:
        raise PromptError(f"{source}: role is {role!r}; expected one of {', '.join(ROLES)}")
    known = ROLES[role].variables
    variables = tuple(name.strip() for name in header.get("variables", "").split(",") if name.strip())
    unknown = [name for name in variables if name not in known]
    if unknown:
        raise PromptError(
            f"{source}: {', '.join(unknown)} is no variable of {role}; there are {', '.join(known)}"
        )
    messages = tuple(
        Message(cast(Literal["system", "user", "assistant"], speaker), body[1:].removesuffix("\n"))
        for speaker, body in zip(parts[::2], parts[1::2], strict=True)
    )
    if not any(message.role == "user" for message in messages):
        raise PromptError(f"{source}: there is no user message; start it with the line `--- user ---`")
    used = {name for message in messages for name in PLACEHOLDER.findall(message.content)}
    undeclared = sorted(used - set(variables))
    unused = [name for name in variables if name not in used]
    if undeclared:
        raise PromptError(f"{source}: {{{{{undeclared[0]}}}}} is used but not declared in `variables:`")
    if unused:
        raise PromptError(f"{source}: {unused[0]} is declared but {{{{{unused[0]}}}}} is nowhere in the text")
    return Template(role, variables, messages)


def format_template(template: Template) -> str:
    """The text of a template's file; `parse_template` gives the same template back."""
    lines = [f"role: {template.role}\n", f"variables: {', '.join(template.variables)}\n"]
    lines += [f"--- {message.role} ---\n{message.content}\n" for message in template.messages]
    return "".join(lines)


def user_prompts_folder() -> Path:
    """Where prompt sets of one's own lie: `SHARE_PROMPTS`, else `share/prompts` of the configuration folder
    (`XDG_CONFIG_HOME`, else `~/.config`)."""
    if own := os.environ.get("SHARE_PROMPTS"):
        return Path(own)
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path.home() / ".config") / "share" / "prompts"


def prompt_set_names() -> tuple[str, ...]:
    """Names that `load_prompts` knows: the shipped sets, then one's own, sorted."""
    folder = user_prompts_folder()
    own = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return (*SHIPPED_SETS, *(name for name in own if name not in SHIPPED_SETS))


def load_prompts(name_or_path: str | Path = DEFAULT_SET) -> PromptSet:
    """Load a prompt set.

    Args:
        name_or_path: a shipped set, the name of an imported set, or a folder of template files.

    Returns:
        The set. Nothing is read again later.

    Raises:
        PromptError: there is no such set, or one of its files is no template.
    """
    folder: Traversable
    if name_or_path in SHIPPED_SETS:
        folder = files("share_sql.prompts") / str(name_or_path)
    else:
        named = user_prompts_folder() / name_or_path
        folder = named if named.is_dir() else Path(name_or_path)
        if not folder.is_dir():
            raise PromptError(
                f"there is no prompt set {str(name_or_path)!r}; there are {', '.join(prompt_set_names())}, "
                "or give a folder of template files"
            )
    templates: dict[str, Template] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".md"):
            continue
        source = f"prompts/{folder.name}/{file.name}"
        try:
            # Bytes, not text: line ends inside a prompt belong to it and must come through unchanged.
            text = file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PromptError(f"{source} cannot be read: {error}") from error
        template = parse_template(text, source)
        if template.role in templates:
            raise PromptError(f"{source}: another file of the set is for {template.role} too; keep one")
        templates[template.role] = template
    if not templates:
        raise PromptError(f"the prompt set {str(name_or_path)!r} holds no template file (*.md)")
    return PromptSet(folder.name, templates)
