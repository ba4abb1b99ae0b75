"""The plugin's page in napari's preferences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preferences:
    """Defaults of a new dock."""

    device: str = "auto"
    rate: float = 3.0


#: What a dock shows before the preferences are read.
DEFAULTS = Preferences()


def load() -> Preferences:
    """What the user has set; the defaults where the plugin is not installed.

    The first call makes napari go through all installed plugins (tenths of a second).
    """
    from napari.settings import get_plugin_settings

    try:
        settings = get_plugin_settings("napari-padis")
        return Preferences(str(settings.compute.device), float(settings.display.rate))
    except (AttributeError, KeyError, ValueError):
        return Preferences()
