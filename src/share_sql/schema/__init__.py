"""What a database holds: tables, keys, meanings, values."""
