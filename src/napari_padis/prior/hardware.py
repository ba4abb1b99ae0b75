"""What a device computes fastest, and how much of it at a time."""

from __future__ import annotations

import os

import torch

#: Environment variable that switches bfloat16 on (1) or off (0), whatever the device says.
FORMAT_VARIABLE = "NAPARI_PADIS_BFLOAT16"

#: Pixels of one network call when nothing else is asked for, on the CPU and elsewhere. Three
#: tiles of 132 x 132 pixels fit into a processor's caches: with nine, ``ct-small`` takes a third
#: longer per image on two threads, and with one a tenth.
PIXELS = {"cpu": 53_000}
PIXELS_GPU = 2_500_000


def bfloat16_is_fast(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware, or the user wants it all the same."""
    if (asked := os.environ.get(FORMAT_VARIABLE, "")) in ("0", "1"):
        return asked == "1"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(probe()) if probe else False
    return False


def mixed_precision(device: torch.device, wanted: bool) -> torch.autocast:
    """Autocast to bfloat16 where it is wanted and fast: emulated, it takes ten times as long."""
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and bfloat16_is_fast(device))


def tiles_at_once(device: torch.device, pixels: int) -> int:
    """Tiles of some pixels in one network call."""
    return max(1, PIXELS.get(device.type, PIXELS_GPU) // pixels)
