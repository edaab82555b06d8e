"""A small database and drafts of the project's own, to try SHARE on."""
