"""Volumes, measurements, their units and files; NumPy only."""
