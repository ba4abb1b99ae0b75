"""Sections of the reconstruction dock, in the order of work."""
