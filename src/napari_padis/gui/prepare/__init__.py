"""Dock that turns raw projections into measurements."""
