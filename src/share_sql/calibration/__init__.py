"""Fitting the judge's weights on labelled data."""
