"""Write the list of priors to download from the files in ``weights/``.

    python scripts/register_priors.py [--check]

Those files are what a release offers below the address in the list.
"""

from __future__ import annotations

import sys
from pathlib import Path

from napari_padis.prior.registry import Registry, registered, registry

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "src" / "napari_padis" / "prior" / "registry.json"


def listed() -> str:
    """The list as it should be."""
    priors = tuple(registered(card) for card in sorted((ROOT / "weights").glob("*.json")))
    made = Registry(**(registry().model_dump() | {"priors": [p.model_dump() for p in priors]}))
    return made.model_dump_json(indent=1) + "\n"


def main() -> int:
    """Write the list, or say whether it is right."""
    text = listed()
    if "--check" not in sys.argv[1:]:
        LIST.write_text(text)
        return 0
    if LIST.read_text() == text:
        return 0
    print(f"{LIST} does not fit the files in weights/; run scripts/register_priors.py.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
