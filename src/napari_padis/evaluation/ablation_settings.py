"""What the ablation of priors compares: its entries, and how each is trained and judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_padis.errors import InputError, explain
from napari_padis.prior.settings import TrainingConfig

#: Training sizes and their probabilities, by the side of the largest patches (Hu et al., PaDIS,
#: NeurIPS 2024, appendix, as re-implemented by others).
SIZES = {
    8: ((8,), (1.0,)),
    16: ((16, 8), (0.7, 0.3)),
    32: ((32, 16, 8), (0.5, 0.3, 0.2)),
    56: ((56, 32, 16), (0.5, 0.3, 0.2)),
    96: ((96, 64, 32), (0.5, 0.3, 0.2)),
}

#: Zeros around the slices from which patches are drawn.
PAD = {8: 8, 16: 16, 32: 32, 56: 24, 96: 32}

#: Side of the patches of all entries that vary something else.
PATCH = 56

#: Side of the whole images.
WHOLE = 256


#: Augmentations of the training patches, each an entry of its own.
AUGMENTATIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "flip": {"flip": 0.5},
        "gain": {"gain": (0.9, 1.1)},
        "offset": {"offset": (-0.05, 0.05)},
    }
)

#: A network small enough that all entries run within hours on a processor (0.9 M parameters).
TRAINING = {
    "network": {"width": 24, "multipliers": [1, 2, 3], "blocks": [1, 1, 2], "sigma_data": 0.25},
    "ceiling": 2.0,
    "learning_rate": 0.0005,
    "warmup_steps": 100,
    "ema": 0.998,
    "sigma_mean": -1.9,
    "sigma_std": 1.4,
    "log_uniform_fraction": 0.1,
    "seed": 0,
    "bfloat16": True,
}


@dataclass(frozen=True)
class Entry:
    """One prior of the study: the baseline, or one that differs from it in one thing.

    Attributes
    ----------
    name : str
    patch : int
        Side of the largest patches; of the canvas for whole images.
    position : bool
        Whether the network is told where its patch lies.
    whole, fixed : bool
        Whole images instead of patches; tiles of one grid that does not move.
    slices : int or None
        Training slices; all when None.
    augmentation : mapping
        Settings of the training that change its patches at random.
    """

    name: str
    patch: int = PATCH
    position: bool = True
    whole: bool = False
    fixed: bool = False
    slices: int | None = None
    augmentation: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


class AblationSettings(BaseModel):
    """Settings that all entries share.

    ``training`` holds settings of :class:`~napari_padis.prior.settings.TrainingConfig`; sizes,
    batches and padding follow from the entry. Every step sees about ``pixels_per_step`` pixels,
    so that equal steps are equal numbers of pixels. ``sigmas`` are noise levels,
    ``denoising_slices`` and ``reconstruction_slices`` are per validation volume; reconstructions
    are means of ``samples`` samples of ``steps`` evaluations each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    training: dict[str, Any] = Field(default_factory=lambda: dict(TRAINING))
    patches: tuple[int, ...] = (8, 16, 32, 56, 96)
    slices: tuple[int, ...] = (144, 288, 576)
    pixels_per_step: int = Field(65536, ge=64)
    low: float = -1000.0
    high: float = 1000.0
    sigmas: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.5)
    denoising_slices: int = Field(4, ge=1)
    views: int = Field(20, ge=1)
    reconstruction_slices: int = Field(1, ge=1)
    method: str = "padis-fast"
    samples: int = Field(2, ge=1)
    steps: int = Field(40, ge=1)
    whole: int = Field(WHOLE, ge=8)

    def entries(self, available: int) -> list[Entry]:
        """The entries, those first that matter most, for so many training slices."""
        counts = [n for n in self.slices if n < available]
        sizes = [p for p in self.patches if p != PATCH]
        return [
            Entry(f"patch-{PATCH}"),
            Entry("whole", self.whole, whole=True),
            Entry("no-position", position=False),
            *(Entry(f"patch-{p}", p) for p in sizes),
            *(Entry(f"patch-{PATCH}-slices-{n}", slices=n) for n in counts),
            *(Entry(f"whole-slices-{n}", self.whole, whole=True, slices=n) for n in counts),
            Entry("simple", position=False, fixed=True),
            *(Entry(name, augmentation=values) for name, values in AUGMENTATIONS.items()),
        ]

    def config(self, entry: Entry, minutes: float | None, steps: int | None) -> TrainingConfig:
        """Settings of an entry's training.

        Raises
        ------
        InputError
            If the settings do not go together.
        """
        single = entry.whole or entry.fixed
        sizes, shares = ((entry.patch,), (1.0,)) if single else SIZES[entry.patch]
        network = dict(self.training.get("network", {}))
        if not entry.position:
            network["position_channels"] = 0
        values = {
            **self.training,
            "network": network,
            "patch_sizes": sizes,
            "probabilities": shares,
            "batches": [max(1, round(self.pixels_per_step / p**2)) for p in sizes],
            "pad": PAD.get(entry.patch, 0),
            "whole": entry.whole,
            "fixed_grid": entry.fixed,
            **entry.augmentation,
            "steps": steps,
            "hours": None if minutes is None else minutes / 60,
        }
        try:
            return TrainingConfig(**values)
        except ValidationError as error:
            raise InputError(f"Wrong settings of the ablation: {explain(error)}") from error


def read_settings(path: Path) -> AblationSettings:
    """Settings from a JSON file.

    Raises
    ------
    InputError
        If it cannot be read or used.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        settings = AblationSettings(**values)
    except OSError as error:
        raise InputError(f"Settings '{path}' cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise InputError(f"Wrong settings '{path}': {explain(error)}") from error
    except (ValueError, TypeError) as error:
        raise InputError(f"Settings '{path}' are not a valid JSON object.") from error
    if odd := sorted(set(settings.patches) - SIZES.keys()):
        raise InputError(
            f"Settings '{path}' name the patch size {odd[0]}; "
            f"choose from {', '.join(str(p) for p in SIZES)}."
        )
    return settings


def pick(wanted: Sequence[str], entries: Sequence[Entry]) -> list[Entry]:
    """The entries that are named, all when none is.

    Raises
    ------
    InputError
        If there is none of some name.
    """
    names = {entry.name: entry for entry in entries}
    if odd := [name for name in wanted if name not in names]:
        raise InputError(f"There is no entry '{odd[0]}'; choose from {', '.join(names)}.")
    return [names[name] for name in wanted] if wanted else list(entries)
