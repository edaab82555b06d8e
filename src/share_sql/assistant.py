"""The story: STAGES, and the one driver that brings models and databases to them."""
