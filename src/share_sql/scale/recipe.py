"""What a worker needs to know to work as the others do: settings alone, nothing that is open."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.errors import SettingsError
from share_sql.runfolder.execute import RunSettings
from share_sql.scale.blocks import Block

if TYPE_CHECKING:
    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog, Registration
    from share_sql.models.base import Model


@dataclass(frozen=True)
class Recipe:
    """A run's assistants. Each worker makes its own."""

    settings: RunSettings
    """Policy, prompts, kinds; and the models' names, which each worker's must have as well."""
    models: str
    """What `--models` takes, but `auto`: it may stand for other models on another machine."""
    models_file: tuple[str, Mapping[str, Any]] | None
    """Path and content of a models file, so that no worker has to have it; None where there is none. Keys
    are not in it: a worker takes them from its environment."""
    databases: Mapping[str, Registration]
    """The databases by name. Each worker reaches them under the same paths and URLs."""
    cache: Path | None
    """Folder for value indexes on each machine; None for the user's cache folder."""
    concurrency: int
    """Cases of one database that a worker has under way at once."""
    case_seconds: float
    """As of `Assistant`."""
    out: str
    """Path or URL of the run folder."""
    form: str
    """`parquet` or `jsonl`: what parts are written as."""

    def catalog(self) -> Catalog:
        """A catalog of the run's databases, none of them open."""
        from share_sql.catalog import Catalog

        catalog = Catalog(self.cache)
        for name, known in self.databases.items():
            catalog.add(
                name, known.where, known.declared, known.meanings,
                namespaces=known.namespaces, limits=known.limits, cache=known.cache,
            )  # fmt: skip
        return catalog

    def load(self) -> Mapping[str, Model]:
        """The models, on this machine.

        Raises:
            SettingsError, RunFolderError: they cannot be had here, or are others than the run's.
        """
        from share_sql.models.load import load_models, models_of

        if self.models_file is not None:
            path, content = self.models_file
            models = models_of(Path(path), dict(content))
        else:
            models = load_models(self.models)
        here = {role: model.name for role, model in models.items()}
        for role in sorted(here.keys() | self.settings.models.keys()):
            if here.get(role) != self.settings.models.get(role):
                raise SettingsError(
                    f"{role} is {here.get(role, 'no model')} on a worker's machine, and "
                    f"{self.settings.models.get(role, 'no model')} where the run was started; have the same "
                    "SHARE, models and weights on each"
                )
        return models

    def assistant(self, models: Mapping[str, Model]) -> Assistant:
        """An assistant that works as the run's settings say. Raises UsageError."""
        from share_sql.assistant import Assistant

        return Assistant(
            catalog=self.catalog(),
            models=models,
            policy=self.settings.policy,
            prompts=self.settings.prompts,
            concurrency=self.concurrency,
            case_seconds=self.case_seconds,
            conventions=self.settings.conventions,
            without=self.settings.without,
            only=self.settings.only,
            min_confidence=self.settings.min_confidence,
        )


def known_to(catalog: Catalog) -> dict[str, Registration]:
    """What a catalog knows of databases, for a `Recipe`: paths of files here mean the same in any folder."""
    found = {}
    for name in catalog.names:
        known = catalog.registration(name)
        assert known is not None, "it has a name"
        if os.path.isfile(known.where):
            known = replace(known, where=os.path.abspath(known.where))
        found[name] = known
    return found


@dataclass(frozen=True)
class Task:
    """A block as a worker gets it."""

    block: Block
    line: int
    """The number of its first line in its file."""
    cases: int
    sum: str
    """As it was found when the run began (`blocks.Seen.sum`)."""
    doubles: Mapping[int, str]
    """By place in the block, cases whose id another has, with that one's place."""
    stale: Sequence[tuple[str, str]]
    """Databases with fingerprints that they have no more: what was done on those is done again."""
    run: str
    """The start of the run that it belongs to."""
