"""The draft with one edit: candidates that no rule proves, for the scorer to choose among."""
