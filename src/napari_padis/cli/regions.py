"""How surely regions exceed a value: the question from the options, and its answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_padis.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_padis.engine.events import Result
    from napari_padis.engine.recipe import Recipe
    from napari_padis.posterior.methods import Method
    from napari_padis.scan.measurement import Measurement


@dataclass(frozen=True)
class Question:
    """Whether the mean of each region (labels, shape (S, A, R)) exceeds a threshold."""

    regions: NDArray[np.generic]
    threshold: float

    def answers(self, result: Result) -> list[dict[str, Any]]:
        """One entry per region, see :class:`napari_padis.posterior.regions.Exceedance`.

        Empty if the run ended before two samples were finished: over one nothing can be counted.
        """
        from napari_padis.posterior.regions import exceedance

        if result.report["samples_finished"] < 2:
            return []
        effective = result.report["effective_samples"]
        found = exceedance(result.samples, self.regions, self.threshold, effective=effective)
        return [answer.to_dict() for answer in found]


def read_question(
    path: Path | None,
    threshold: float | None,
    method: Method,
    recipe: Recipe,
    data: Measurement,
) -> Question | None:
    """The question, if it was asked; looked at before the run.

    Raises
    ------
    InputError
        If only half of it was given, it cannot be answered with samples of this method, or the
        regions do not lie on the slices that are reconstructed.
    """
    if path is None and threshold is None:
        return None
    if path is None or threshold is None:
        raise InputError("Give both --regions and --exceeds, or neither.")
    if not method.sampler:
        raise InputError(
            f"'{method.name}' makes one image and no samples over which probabilities could be "
            "counted: choose a method with independent samples, 'padis-calibrated' for instance."
        )
    if method.coupled:
        raise InputError(
            f"The samples of '{method.name}' are not independent, so that no probabilities can be "
            "counted over them: choose a method with independent samples, 'padis-calibrated' for "
            "instance."
        )
    if recipe.samples * method.draws(recipe.options) < 2:
        raise InputError(
            "No probabilities can be counted over one sample: ask for more with '--samples'."
        )
    import numpy as np

    from napari_padis.engine.metrics import matching_slices
    from napari_padis.scan.orientation import like
    from napari_padis.scan.read import read
    from napari_padis.scan.volume import Volume

    found = read(path)
    if not isinstance(found, Volume):
        raise InputError(f"The regions '{path}' are a measurement; give a volume of labels.")
    taken = data if recipe.slices is None else data.take(*recipe.slices)
    assert taken.affine is not None
    index = matching_slices(taken.volume_shape, taken.affine, found)
    regions = np.asarray(like(found, taken.affine).array)[index]
    if not np.any(regions):
        raise InputError(f"'{path}' has no region in the slices that are reconstructed.")
    return Question(regions, threshold)
