"""p(x|y): methods of the talk behind one signature. Importing this loads no torch."""

from napari_padis.posterior.methods import METHODS, Method, find_method

__all__ = ["METHODS", "Method", "find_method"]
