"""Docks, live layers and orthogonal views: the only room that knows napari and Qt."""
