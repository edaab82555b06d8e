"""Read-only execution, bounded in time, rows and memory."""
