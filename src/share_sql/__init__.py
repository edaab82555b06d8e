"""SHARE: correct the SQL that a model drafted, or leave it as it is."""

__version__ = "0.1.0"
