"""What a user can get wrong, looked at: installation, settings, models, cache and a database's role."""
