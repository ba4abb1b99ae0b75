"""Runs one reconstruction anywhere: recipes in, a stream of events out."""
