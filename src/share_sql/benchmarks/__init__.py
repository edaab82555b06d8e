"""BIRD and Spider: their questions, drafts and databases as cases."""
