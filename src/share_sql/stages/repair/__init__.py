"""Symbolic repairs: what can be mended in a draft without a model."""
