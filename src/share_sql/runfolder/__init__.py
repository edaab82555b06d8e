"""The run folder: files, journal, resume."""
