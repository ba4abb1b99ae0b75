"""Patch-prior posterior sampling for CT and MRI in napari.

Importing the package loads nothing else; each room is imported where it is used:
``scan`` (files and volumes), ``likelihood`` (physics), ``prior`` (patch priors),
``posterior`` (samplers), ``engine`` (runs), ``gui`` and ``cli``.
"""

__version__ = "0.1.0"
