"""Training data and training itself."""
