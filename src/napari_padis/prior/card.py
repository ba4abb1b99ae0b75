"""What is known about a prior: range, training data, licence, denoising errors.

Free of torch, so that menus and listings stay quick.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_padis.errors import InputError
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.reading import byte_count, file_size, read_bytes, shown, strict_json
from napari_padis.prior.recalibration import Recalibration
from napari_padis.scan.units import Scale

FORMAT = "napari-padis prior"
FORMAT_VERSION = 1
#: Bytes of the longest card; those of the package have a few thousand.
LARGEST_CARD = 1 << 20

Length = Annotated[float, Field(gt=0, le=1e4)]  # mm
Side = Annotated[int, Field(ge=4, le=4096)]  # pixels
#: Ways to make a denoiser of whole images: tiles at random shifts, tiles of one fixed grid, the
#: whole image at once, overlapping tiles averaged, overlapping tiles cropped and stitched.
Tiling = Literal["shifted", "fixed", "whole", "averaged", "stitched"]


class Training(BaseModel):
    """How the weights came about; patches and steps are counted one by one.

    ``start`` names the prior whose weights training started from; its steps are not counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=0)
    patches: int = Field(ge=0)
    pixels: int = Field(ge=0)
    seconds: float = Field(ge=0)
    processes: int = Field(1, ge=1)
    hardware: str = ""
    slices: int = Field(0, ge=0)
    start: str = ""
    settings: dict[str, object] = Field(default_factory=dict)


class PriorCard(BaseModel):
    """Model card and configuration, stored as JSON beside the weights.

    ``error_table`` holds pairs (sigma, r^2): the mean squared error per pixel of the
    whole-image denoiser on validation slices, on the scale [0, 1]. ``ceiling`` is the largest
    value on that scale that training saw: 2 with a scale of [-1000, 1000] HU means 3000 HU.
    ``tiling`` says how the network makes a denoiser of whole images, see
    :mod:`napari_padis.prior.denoiser`. ``slices`` is the number of adjacent slices that the
    network sees as channels, ``slice_spacing`` the least and largest spacing of the slices in
    training (mm). ``error_training`` is how the network's second output, the error of each
    pixel, came about where it has one. ``origin`` names the file that imported weights came from.
    ``recalibrations`` say how much too small or large standard deviations of samples were on
    validation volumes, see :mod:`napari_padis.prior.recalibration`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    name: str = Field(min_length=1, max_length=200)
    title: str = Field("", max_length=500)
    description: str = Field("", max_length=5000)
    anatomy: str = Field("", max_length=1000)
    trained_on: tuple[str, ...] = ()
    licence: str = Field("", max_length=5000)
    unit: str = "HU"
    low: float = -1000.0
    high: float = 1000.0
    ceiling: float = Field(1.0, ge=1, le=100)
    pixel_spacing: tuple[Length, Length] | None = None
    slices: int = Field(1, ge=1, le=64)
    slice_spacing: tuple[Length, Length] | None = None
    tiling: Tiling = "shifted"
    patch: int = Field(56, ge=4, le=4096)
    patch_sizes: tuple[Side, ...] = (56, 32, 16)
    sigma_min: float = Field(0.002, gt=0)
    sigma_max: float = Field(20.0, gt=0)
    network: NetworkConfig = NetworkConfig()
    parameters: int = Field(0, ge=0)
    error_table: tuple[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(ge=0)]], ...] = (
        Field((), max_length=1000)
    )
    recalibrations: tuple[Recalibration, ...] = Field((), max_length=200)
    training: Training | None = None
    error_training: Training | None = None
    origin: str = ""
    sha256: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.low < self.high:
            raise ValueError("'low' must be below 'high'")
        if not self.sigma_min < self.sigma_max:
            raise ValueError("'sigma_min' must be below 'sigma_max'")
        return self

    @property
    def scale(self) -> Scale:
        """Intensity range that the network sees as [0, 1]."""
        return Scale(self.low, self.high, self.unit)

    @property
    def denoising_psnr(self) -> tuple[tuple[float, float], ...]:
        """Pairs (sigma, PSNR in dB) of the validation denoising curve."""
        return tuple((s, -10 * math.log10(r2)) for s, r2 in self.error_table if r2 > 0)

    @classmethod
    def load(cls, path: str | Path) -> PriorCard:
        """Read a card; raises InputError with one sentence when it does not hold."""
        path = Path(path)
        name = shown(path.name)
        size = file_size(path, "Prior")
        if size > LARGEST_CARD:
            raise InputError(f"'{name}' is not a prior: a card of {byte_count(size)} is too large.")
        try:
            values = strict_json(read_bytes(path, "Prior", LARGEST_CARD + 1))
        except ValueError as error:
            raise InputError(f"'{name}' is not a prior: its JSON is damaged ({error}).") from error
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise InputError(f"'{name}' is not a prior of this plugin.")
        if values.get("format_version") != FORMAT_VERSION:
            raise InputError(
                f"'{name}' has format version {shown(values.get('format_version'))}; "
                f"this program reads version {FORMAT_VERSION}."
            )
        return cls.create(values, name)

    @classmethod
    def create(cls, values: dict[str, Any], name: str) -> Self:
        """Card of such values; raises InputError with the first that does not hold."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise InputError(f"'{name}' is not a valid prior: {_first(error)}.") from error


def _first(error: ValidationError) -> str:
    """The first of the things that are wrong, and how many there are."""
    item = error.errors(include_url=False)[0]
    where = shown(".".join(str(part) for part in item["loc"]))
    what = shown(str(item["msg"]).removeprefix("Value error, ").rstrip("."), 200)
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {what}{more}" if where else f"{what}{more}"
