"""Check that every menu named in the manifest is one that plugins may contribute to."""

import sys
from pathlib import Path

import yaml
from napari._app_model.constants import MenuId

MANIFEST = Path(__file__).resolve().parents[1] / "napari.yaml"


def main() -> int:
    contributions = yaml.safe_load(MANIFEST.read_text())["contributions"]
    allowed = {str(menu.value) for menu in MenuId.contributables()}
    named = set(contributions.get("menus", {}))
    commands = {command["id"] for command in contributions["commands"]}
    used = {
        entry["command"]
        for entries in contributions.get("menus", {}).values()
        for entry in entries
        if "command" in entry
    }
    problems = [f"menu '{menu}' is not open to plugins" for menu in sorted(named - allowed)]
    problems += [f"command '{name}' is not declared" for name in sorted(used - commands)]
    for problem in problems:
        print(f"napari.yaml: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
