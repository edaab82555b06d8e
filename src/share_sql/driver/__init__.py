"""The one driver: brings models and databases to the stages, bounded in time and work."""
