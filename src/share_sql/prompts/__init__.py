"""Prompts as template files with declared variables."""
