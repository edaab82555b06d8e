"""The roles: ROLES names all that a model is asked to do. A new one is its entry here and its prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class ReferencePrompt:
    """A role's prompt in the reference's module of prompts, which published checkpoints were trained on."""

    variable: str
    """Its name there."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """From the module's field names to SHARE's variables, for those that differ."""
    system: bool = True
    """True where the module's `system_prompt` goes along; the generator is sent without one."""


@dataclass(frozen=True)
class Role:
    """A role."""

    name: str
    """As models files, prompt files and folders of adapters name it."""
    purpose: str
    """What a model does in it."""
    variables: tuple[str, ...]
    """The prompt's variables that SHARE fills; a template may declare fewer, never others."""
    without: str = "left out"
    """What happens where no model is set for it."""
    reference: ReferencePrompt | None = None
    """Its prompt in the reference's module; None where that has none."""
    in_models_file: bool = True
    """A models file may name a model for it."""
    adapter: bool = False
    """`embedded:DIR` looks for an adapter of it."""
    examples: bool = False
    """`share data` makes examples to train it on."""
    trained: bool = False
    """`share train` trains an adapter for it."""
    embedded: bool = False
    """`embedded` uses the adapter for it that comes with the package."""
    file: str = ""
    """Where a run folder keeps its prompts and answers, a line a case; empty where it keeps none so."""


_ROLES = (
    Role(
        "bam",
        "writes a draft as a trajectory",
        ("schema", "sql"),
        without="the draft's syntax tree is walked into actions, exactly",
        reference=ReferencePrompt("sql2sr_user_prompt"),
        adapter=True,
        examples=True,
        trained=True,
        file="original_traj.jsonl",
    ),
    Role(
        "mask",
        "takes the schema's names out of a trajectory",
        ("trajectory",),
        without="every name is replaced, exactly",
        reference=ReferencePrompt("mask_schema_user_prompt", {"sr": "trajectory"}),
        file="masked_traj.jsonl",
    ),
    Role(
        "sam",
        "fills a masked trajectory over the whole schema",
        (
            "schema",
            "highlighted_schema",
            "question",
            "evidence",
            "masked_trajectory",
            "tables",
            "columns",
        ),
        reference=ReferencePrompt("fill_in_schema_user_prompt", {"masked_sr": "masked_trajectory"}),
        adapter=True,
        examples=True,
        trained=True,
        embedded=True,
        file="intermediate_traj.jsonl",
    ),
    Role(
        "lom",
        "corrects a trajectory's logic",
        ("schema", "column_description", "question", "evidence", "trajectory", "described_columns"),
        reference=ReferencePrompt("sr2sr_user_prompt", {"sr": "trajectory"}),
        adapter=True,
        examples=True,
        trained=True,
        embedded=True,
        file="final_traj.jsonl",
    ),
    Role(
        "generator",
        "writes SQL for a trajectory",
        (
            "schema",
            "foreign_keys",
            "column_description",
            "question",
            "evidence",
            "trajectory",
            "dialect",
            "quote",
            "fence",
        ),
        without="trajectories are compiled to SQL",
        reference=ReferencePrompt(
            "ft_sr_to_sql", {"fk_dic": "foreign_keys", "sr": "trajectory"}, system=False
        ),
    ),
    Role(
        "scorer",
        "says how likely a change makes a wrong query right",
        ("question", "change", "marked", "changed_columns", "rows_before", "rows_after"),
        adapter=True,
        embedded=True,
    ),
    Role(
        "errors",
        "says what is wrong with a draft, in one word or several",
        ("schema", "question", "query", "concerned", "rows", "tables"),
        without="every kind of change is tried",
        in_models_file=False,
    ),
    Role(
        "teacher",
        "writes trajectories to train on, for `share data teacher`",
        ("schema", "question", "evidence", "sql"),
        without="gold's syntax tree is walked into actions, exactly",
    ),
    Role(
        "judge",
        "says whether two queries ask for the same, for `share data teacher`",
        ("sql", "other_sql", "question", "dialect"),
        without="the teacher is asked",
    ),
    Role(
        "drafter",
        "answers the question too, without seeing the draft",
        ("schema", "keys", "values", "question", "evidence", "tables", "language"),
        adapter=True,
        examples=True,
        embedded=True,
    ),
    Role(
        "second_drafter",
        "answers the question as well, where the drafter's answer may replace the draft",
        ("stored_tables", "keys", "asked", "dialect"),
        without="no answer of the drafter's replaces a draft that runs",
        embedded=True,
    ),
)

ROLES: Mapping[str, Role] = MappingProxyType({role.name: role for role in _ROLES})
"""By name, in the order they are listed."""

TRAINED_ROLES = tuple(role.name for role in ROLES.values() if role.trained)
"""Those that `share train` trains an adapter for."""

ROLES_OF_MODELS_FILES = tuple(role.name for role in ROLES.values() if role.in_models_file)
"""Those that a models file may name a model for."""
