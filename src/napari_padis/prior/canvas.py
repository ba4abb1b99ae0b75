"""Images inside the padding that tiles reach into."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from napari_padis.prior.sides import Pair


def border_size(image: Pair, canvas: Pair) -> int:
    """Pixels of a canvas around an image."""
    return canvas[0] * canvas[1] - image[0] * image[1]


def framed(image: Tensor, canvas: Pair, offset: Pair, border: Tensor | None = None) -> Tensor:
    """Images on a canvas.

    Parameters
    ----------
    image : Tensor, shape (B, C, H, W)
    canvas : tuple of int
        Rows and columns of the canvas.
    offset : tuple of int
        First row and column of the image on the canvas.
    border : Tensor, optional, shape (B, C, n)
        Values of the ``n`` canvas pixels around the image: those above it, below it, at its
        left, at its right. Zero when missing.

    Returns
    -------
    Tensor, shape (B, C, *canvas)
    """
    (rows, cols), (top, left) = image.shape[-2:], offset
    bottom, right = canvas[0] - top - rows, canvas[1] - left - cols
    if border is None:
        return F.pad(image, (left, right, top, bottom))
    out = image.new_empty((*image.shape[:-2], *canvas))
    above, below, before, after = border.to(image.dtype).split(
        [top * canvas[1], bottom * canvas[1], rows * left, rows * right], dim=-1
    )
    middle = out[..., top : top + rows, :]
    out[..., :top, :] = above.unflatten(-1, (top, canvas[1]))
    out[..., top + rows :, :] = below.unflatten(-1, (bottom, canvas[1]))
    middle[..., :left] = before.unflatten(-1, (rows, left))
    middle[..., left + cols :] = after.unflatten(-1, (rows, right))
    middle[..., left : left + cols] = image
    return out
