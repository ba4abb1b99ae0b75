"""All choices of the preparation, JSON in and out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from napari_padis.errors import InputError, explain
from napari_padis.scan.files import one_line


class Preparation(BaseModel):
    """How raw projections become line integrals, and what the file does not say of them.

    Parameters
    ----------
    rows : str or tuple of int, optional
        Detector rows to keep: ``'A:B'`` or ``'A:B:STEP'`` (B excluded) or their indices.
    every : int
        Keep every n-th view.
    first_degree, arc_degrees : float, optional
        Keep the views from an angle on and over an arc, in degrees.
    views : tuple of int, optional
        Keep these views (indices), before ``every`` counts.
    binning : int
        Detector bins that are averaged into one.
    row_binning : int
        Detector rows that are averaged into one.
    rings : bool
        Remove stripes of the sinogram, which become rings in the image.
    ring_strength : {'gentle', 'strong'}
        'gentle' takes off constant offsets of bins and does no harm to a clean scan;
        'strong' equalises neighbouring bins by sorting and may leave streaks.
    ring_size : int
        Width of the median filter over bins; larger removes wider rings (and more else).
    bad_pixels : bool
        Replace dead pixels and outliers by their neighbours.
    centre : float or 'auto', optional
        Bin, counted from 0 before binning, that sees the rotation axis; 'auto' finds it,
        None takes what the file states, else the middle of the detector.
    logarithm : bool or 'auto'
        Whether to take the negative logarithm; 'auto' does unless the values are line
        integrals.
    beam : {'parallel', 'fan'}, optional
        Overrides the file, as all that follow do.
    angles_range : tuple of float, optional
        Views evenly spread from the first angle to the second, excluded, in degrees.
    angle_unit : {'degrees', 'radians'}, optional
        Unit of the angles the file states, where it was read wrongly.
    detector_pitch, source_origin, source_detector : float, optional
        In mm; see :class:`~napari_padis.scan.projections.Projections`.
    row_pitch : float, optional
        Distance of neighbouring detector rows in mm; that of the bins when missing.
    pixel : float, optional
        Pixel size of the image in mm; one bin seen at the rotation axis when missing.
    image_side : int, optional
        Rows and columns of the image; as many as bins when missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rows: str | tuple[int, ...] | None = None
    every: int = Field(1, ge=1)
    first_degree: float | None = None
    arc_degrees: float | None = Field(None, gt=0)
    views: tuple[int, ...] | None = None
    binning: int = Field(1, ge=1)
    row_binning: int = Field(1, ge=1)
    rings: bool = True
    ring_strength: Literal["gentle", "strong"] = "gentle"
    ring_size: int = Field(21, ge=3, le=501)
    bad_pixels: bool = True
    centre: float | Literal["auto"] | None = "auto"
    logarithm: bool | Literal["auto"] = "auto"
    beam: Literal["parallel", "fan"] | None = None
    angles_range: tuple[float, float] | None = None
    angle_unit: Literal["degrees", "radians"] | None = None
    detector_pitch: float | None = Field(None, gt=0)
    source_origin: float | None = Field(None, gt=0)
    source_detector: float | None = Field(None, gt=0)
    row_pitch: float | None = Field(None, gt=0)
    pixel: float | None = Field(None, gt=0)
    image_side: int | None = Field(None, ge=1, le=16384)

    @field_validator("rows", mode="before")
    @classmethod
    def _rows(cls, value: Any) -> Any:
        """Accept slices and ranges too."""
        if isinstance(value, slice):
            parts = [value.start, value.stop, *([value.step] if value.step is not None else [])]
            return ":".join("" if p is None else str(int(p)) for p in parts)
        if isinstance(value, range):
            return tuple(value)
        if isinstance(value, str) and not re.fullmatch(r"\d*:\d*(:[1-9]\d*)?|\d+", value):
            raise ValueError(f"give A:B or A:B:STEP with whole numbers, not '{value}'")
        return value

    @model_validator(mode="after")
    def _fitting(self) -> Preparation:
        if self.angles_range is not None and self.angles_range[0] == self.angles_range[1]:
            raise ValueError("angles_range needs two different angles")
        return self

    @classmethod
    def create(cls, **values: Any) -> Preparation:
        """Validated settings; raises InputError with one readable sentence."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise InputError(f"Wrong settings: {explain(error)}") from error

    @classmethod
    def load(cls, path: str | Path) -> Preparation:
        """Read settings from JSON."""
        try:
            return cls.model_validate_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"Settings '{path}' cannot be read: {one_line(error)}.") from error
        except ValidationError as error:
            raise InputError(f"Settings '{path}' are not valid: {explain(error)}") from error

    def save(self, path: str | Path) -> None:
        """Write the settings as JSON."""
        Path(path).write_text(self.model_dump_json(indent=2) + "\n")
