"""Command line of the package: the same engine as the window, without Qt."""
