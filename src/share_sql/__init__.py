"""SHARE: correct the SQL that a model drafted, or leave it as it is.

from share_sql import Assistant, Case
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from share_sql.assistant import Assistant as Assistant
    from share_sql.case import Case as Case
    from share_sql.case import Correction as Correction
    from share_sql.case import Verdict as Verdict
    from share_sql.catalog import Catalog as Catalog
    from share_sql.driver.budget import Budget as Budget
    from share_sql.driver.progress import StageEnd as StageEnd
    from share_sql.errors import AssistantClosed as AssistantClosed
    from share_sql.errors import ShareError as ShareError
    from share_sql.errors import UsageError as UsageError

__version__ = "0.1.0"

_HOMES = {
    "Assistant": "assistant",
    "AssistantClosed": "errors",
    "Budget": "driver.budget",
    "Case": "case",
    "Catalog": "catalog",
    "Correction": "case",
    "ShareError": "errors",
    "StageEnd": "driver.progress",
    "UsageError": "errors",
    "Verdict": "case",
}
"""Module of each name that can be imported from here; loaded when it is first used, so that the import is
quick. `check` is not among them: the module `share_sql.check`, which has it, goes by that name."""
__all__ = [
    "Assistant",
    "AssistantClosed",
    "Budget",
    "Case",
    "Catalog",
    "Correction",
    "ShareError",
    "StageEnd",
    "UsageError",
    "Verdict",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
