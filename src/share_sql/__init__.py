"""SHARE: correct the SQL that a model drafted, or leave it as it is.

from share_sql import Assistant, Case
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from share_sql.assistant import Assistant as Assistant
    from share_sql.case import Case as Case
    from share_sql.case import Correction as Correction
    from share_sql.catalog import Catalog as Catalog

__version__ = "0.1.0"

_HOMES = {"Assistant": "assistant", "Case": "case", "Catalog": "catalog", "Correction": "case"}
"""Module of each name that can be imported from here; loaded when it is first used, so that the import is
quick."""
__all__ = ["Assistant", "Case", "Catalog", "Correction", "__version__"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
