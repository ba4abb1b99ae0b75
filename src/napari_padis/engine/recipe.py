"""All settings of a reconstruction: the same recipe gives the same picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_padis.errors import InputError, explain
from napari_padis.prior.card import Tiling
from napari_padis.scan.files import one_line


class Recipe(BaseModel):
    """Settings of one reconstruction, JSON in and out.

    Parameters
    ----------
    method : str
        Key of :data:`napari_padis.posterior.METHODS`.
    prior : str
        Name in the catalogue, or path of a checkpoint's JSON file.
    samples : int
        Posterior samples, or chains where the method's option ``draws`` asks for several of
        each.
    chains : int, optional
        Chains that run together as one batch; as many as fit into memory when missing.
        Independent chains are the same in any batch, coupled ones are coupled with those of
        their batch.
    steps : int, optional
        Network evaluations per slice and sample, or iterations of a method without a
        prior; the method's default when missing.
    seed : int
        Seed of all random numbers.
    device : str
        'auto', 'cpu', 'cuda', 'cuda:1', 'mps'.
    sigma_y : float, optional
        Noise standard deviation of the data, when the measurement's own value shall not
        be used.
    slices : tuple of int, optional
        First and one-past-last slice to reconstruct.
    backend : str
        How the forward model is computed, see ``likelihood.FORWARDS``; 'auto' chooses.
    patch_batch : int, optional
        Patches per network call; chosen from the memory budget when missing.
    patch : int, optional
        Side of the patches in pixels, which then lie on a grid; several sides, chosen from the
        prior's and the image's size, when missing.
    tiling : str, optional
        How images are cut into patches ('shifted', 'fixed', 'averaged', 'stitched') or not
        ('whole'); the method's way, or else the prior's own, when missing.
    options : dict
        Method-specific settings that differ from the defaults.
    quantiles : bool
        Whether quantiles are computed at the end, if there are ten samples.
    null_space : bool, optional
        Whether to compute the share of the variance that the data do not see; when missing,
        if it takes a small part of the run's time.
    recalibrate : bool, optional
        Whether the standard deviation is made the one that is right on validation volumes, where
        the prior's card says how; when missing, where it was measured for such a run, and with
        True it is said at the start if it was not.
    measurement : str, optional
        File the data came from.
    versions : dict
        Package versions, filled in by the run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str = "padis-fast"
    prior: str = "ct-small"
    samples: int = Field(4, ge=1, le=1000)
    chains: int | None = Field(None, ge=1, le=1000)
    steps: int | None = Field(None, ge=1, le=100_000)
    seed: int = Field(0, ge=0, lt=2**63)
    device: str = "auto"
    sigma_y: float | None = Field(None, gt=0, allow_inf_nan=False)
    slices: tuple[int, int] | None = None
    backend: str = "auto"
    patch_batch: int | None = Field(None, ge=1)
    patch: int | None = Field(None, ge=1)
    tiling: Tiling | None = None
    options: dict[str, float | int | str | bool] = Field(default_factory=dict)
    quantiles: bool = True
    null_space: bool | None = None
    recalibrate: bool | None = None
    measurement: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def create(cls, **values: Any) -> Recipe:
        """Validated recipe; raises InputError with one readable sentence."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise InputError(f"Wrong settings: {explain(error)}") from error

    @classmethod
    def load(cls, path: str | Path) -> Recipe:
        """Read a recipe from JSON."""
        try:
            return cls.model_validate_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"Recipe '{path}' cannot be read: {one_line(error)}.") from error
        except ValidationError as error:
            raise InputError(f"Recipe '{path}' is not valid: {explain(error)}") from error

    def save(self, path: str | Path) -> None:
        """Write the recipe as JSON."""
        Path(path).write_text(self.model_dump_json(indent=2) + "\n")
