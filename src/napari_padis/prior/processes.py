"""The processes of a training under ``torchrun``."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


class Processes:
    """Processes that train together under ``torchrun``, seen from one; alone without it.

    Parameters
    ----------
    device : device
        Each process takes a GPU of its own where 'cuda' names none.
    """

    def __init__(self, device: torch.device) -> None:
        self.rank = int(os.environ.get("RANK", 0))
        self.world = int(os.environ.get("WORLD_SIZE", 1))
        if self.world > 1 and str(device) == "cuda":
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
            torch.cuda.set_device(device)
        self.device = device
        if self.world > 1 and not dist.is_initialized():
            # Numbers are agreed on between CPUs, so that no GPU is waited for.
            cuda = device.type == "cuda"
            dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")

    def parallel(self, model: nn.Module) -> nn.Module:
        """The model with gradients averaged over the processes."""
        return DistributedDataParallel(model) if self.world > 1 else model

    def agree(self, value: float) -> float:
        """The first process's number, in all of them."""
        if self.world == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(shared, 0)
        return float(shared)

    def close(self) -> None:
        """Leave the group."""
        if self.world > 1 and dist.is_initialized():
            dist.destroy_process_group()
