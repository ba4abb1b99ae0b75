"""Widths that fit into a dock."""

from __future__ import annotations

#: Narrowest a box may become in pixels, so that two of them and a word fit into the dock.
NARROW = 70
