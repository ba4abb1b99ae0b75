"""Memory a run will need, and memory there is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_padis.errors import ReconstructionError

if TYPE_CHECKING:
    import torch

    from napari_padis.prior.architecture import NetworkConfig

#: Images of each chain held at once. 'padis-fast' and 'padis-calibrated' hold seven, as counted:
#: state, both halves of ADMM and what pulls them, what is denoised, before and after; others up to
#: eight.
COPIES = 8

#: Images of each chain within a data step, of the chains that take it together.
STEP_COPIES = 10

#: Images that statistics take, however many samples there are: mean and squares, finished and
#: with those under way, snapshots for display, quantiles.
STATISTICS = 10


def network_bytes(config: NetworkConfig, pixels: int, batch: int, gradient: bool) -> int:
    """Activations of one network call on tiles of so many pixels, in bytes.

    Measured in feature maps of the first level: without gradient about eight live at
    once (input, skip, concatenation and temporaries); with it, every block keeps its own.
    """
    maps = 8.0
    if gradient:
        levels = zip(config.multipliers, config.blocks, strict=True)
        maps += sum(14 * m * (2 * b + 1) / 4**i for i, (m, b) in enumerate(levels))
    return int(maps * config.width * pixels * batch * 4)


def state_bytes(chains: int, shape: tuple[int, int, int], channels: int = 1) -> int:
    """Bytes of all image-sized arrays of the chains that run together."""
    from napari_padis.posterior.problem import PART

    sample = 4 * channels * shape[0] * shape[1] * shape[2]
    return COPIES * chains * sample + STEP_COPIES * min(chains * sample, max(PART, sample))


def kept_bytes(samples: int, shape: tuple[int, int, int]) -> int:
    """Bytes of the finished samples in memory, and of the statistics over all of them."""
    return (samples + STATISTICS) * 4 * shape[0] * shape[1] * shape[2]


def places_kept(chains: int, draws: int) -> int:
    """Samples in memory: all draws, and a copy of those that count if these are not all."""
    return chains * (draws + (draws // 2 if draws > 1 else 0))


def available_bytes(device: torch.device) -> int:
    """Free memory of a device."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 8 << 30


def check(needed: int, available: int, operator: int = 0) -> None:
    """Refuse a run that cannot fit; the message says what to change.

    Parameters
    ----------
    needed, available : int
        Bytes.
    operator : int
        Part of ``needed`` that the forward model takes.

    Raises
    ------
    ReconstructionError
    """
    if needed > available:
        change = "fewer samples or slices"
        if operator > needed / 2:
            change = "the back end 'auto', fewer views or a smaller image"
        raise ReconstructionError(
            f"This run needs about {needed / 2**30:.1f} GiB of memory and "
            f"{available / 2**30:.1f} GiB are free: choose {change}."
        )
