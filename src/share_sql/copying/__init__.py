"""Copying a SQLite file into a database of another kind, for evaluation: types, keys, NULLs, broken texts."""
