"""Denoising score matching on patches (Hu et al., PaDIS, 2024; Karras et al., EDM, 2022)."""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from napari_padis.errors import InputError
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.network import EDMDenoiser, channels_last
from napari_padis.prior.settings import TrainingConfig, learning_rate

#: Noise bands whose loss is logged, as upper ends.
BANDS = (0.01, 0.03, 0.1, 0.3, 1.0, math.inf)


@dataclass
class Counters:
    """Honest counts: each patch that went through the network once counts once."""

    step: int = 0
    patches: int = 0
    pixels: int = 0
    seconds: float = 0.0


def draw_sigma(config: TrainingConfig, batch: int, generator: torch.Generator) -> Tensor:
    """Noise levels: log-normal, with a log-uniform share that reaches both ends."""
    normal = config.sigma_mean + config.sigma_std * torch.randn(batch, generator=generator)
    low, high = math.log(config.sigma_min), math.log(config.sigma_max)
    uniform = low + (high - low) * torch.rand(batch, generator=generator)
    pick = torch.rand(batch, generator=generator) < config.log_uniform_fraction
    return torch.where(pick, uniform, normal).clamp(low - 1, high).exp()


def denoising_loss(
    model: nn.Module,
    clean: Tensor,
    position: Tensor,
    sigma: Tensor,
    noise: Tensor,
    sigma_data: float,
) -> Tensor:
    """EDM-weighted denoising error per patch, averaged over pixels; shape (B,)."""
    denoised = model(clean + sigma[:, None, None, None] * noise, sigma, position)
    weight = (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2
    return weight * (denoised - clean).square().flatten(1).mean(1)


class Trainer:
    """One training run, resumable after a kill at any moment.

    Each step's patches and noise come from a generator seeded with (seed, step,
    rank): a resumed run draws what the uninterrupted one would have drawn.
    Under ``torchrun`` the gradient is averaged over the processes.

    Parameters
    ----------
    config : TrainingConfig
    sampler : PatchSampler
    folder : Path
        Receives ``state.pt`` (atomic), ``log.csv`` and ``config.json``.
    device : str
    start : EDMDenoiser, optional
        Network whose weights the first step starts from; of the same architecture.

    Raises
    ------
    InputError
        If the folder holds a run with other settings, or ``start`` is another architecture.
    """

    def __init__(
        self,
        config: TrainingConfig,
        sampler: PatchSampler,
        folder: Path,
        device: str = "cpu",
        start: EDMDenoiser | None = None,
    ) -> None:
        self.config, self.sampler, self.folder = config, sampler, Path(folder)
        self.device = torch.device(device)
        self.rank = int(os.environ.get("RANK", 0))
        self.world = int(os.environ.get("WORLD_SIZE", 1))
        if self.world > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        torch.manual_seed(config.seed)
        self.model = EDMDenoiser(config.network)
        if start is not None:
            if start.config != config.network:
                raise InputError("The prior to start from has another network than the settings.")
            self.model.load_state_dict(start.state_dict())
        channels_last(self.model.to(self.device))
        self.ema = AveragedModel(self.model, multi_avg_fn=self._average)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=config.learning_rate, betas=(0.9, 0.99), fused=True
        )
        self.counters = Counters()
        self.state_file = self.folder / "state.pt"
        self._resume()
        self.parallel: nn.Module = (
            DistributedDataParallel(self.model) if self.world > 1 else self.model
        )

    def run(
        self,
        save_every: float = 300.0,
        report: Callable[[dict[str, Any]], None] | None = None,
    ) -> EDMDenoiser:
        """Train to the end of the budget and return the averaged network."""
        last_save = last_log = time.monotonic()
        sums: dict[str, list[float]] = {}
        while (progress := self._agree(self.progress)) < 1:
            start = time.monotonic()
            loss, sigma = self._step(progress)
            self.counters.seconds += time.monotonic() - start
            for s, value in zip(sigma.tolist(), loss.tolist(), strict=True):
                band = next(b for b in BANDS if s <= b)
                sums.setdefault(f"loss_below_{band:g}", []).append(value)
            now = time.monotonic()
            if self.rank == 0 and now - last_log > 20:
                self._log(sums, progress, report)
                sums, last_log = {}, now
            if self.rank == 0 and now - last_save > save_every:
                self.save()
                last_save = now
        if self.rank == 0:
            self.save()
        return self.averaged()

    @property
    def progress(self) -> float:
        """Share of the budget that is spent."""
        if self.config.steps is not None:
            return self.counters.step / self.config.steps
        assert self.config.hours is not None
        return self.counters.seconds / (3600 * self.config.hours)

    def averaged(self) -> EDMDenoiser:
        """The exponential moving average of the network."""
        module = self.ema.module
        assert isinstance(module, EDMDenoiser)
        return module.eval()

    def save(self) -> None:
        """Write the whole state; a kill while writing leaves the previous one intact."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "config": self.config.model_dump_json(),
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "counters": vars(self.counters).copy(),
        }
        temporary = self.state_file.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, self.state_file)
        (self.folder / "config.json").write_text(self.config.model_dump_json(indent=2))

    def _step(self, progress: float) -> tuple[Tensor, Tensor]:
        config, step = self.config, self.counters.step
        # All ranks draw the same patch size, so that they take equally long.
        common = torch.Generator().manual_seed(_mix(config.seed, step, -1))
        index = int(
            torch.multinomial(torch.tensor(config.probabilities), 1, generator=common).item()
        )
        patch, batch = config.patch_sizes[index], config.batches[index]
        own = torch.Generator().manual_seed(_mix(config.seed, step, self.rank))
        clean, position = self.sampler.draw(patch, batch, own)
        sigma = draw_sigma(config, batch, own)
        noise = torch.randn(clean.shape, generator=own)
        clean, position, sigma, noise = (t.to(self.device) for t in (clean, position, sigma, noise))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(config, step, progress)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.bfloat16):
            losses = denoising_loss(
                self.parallel, clean, position, sigma, noise, config.network.sigma_data
            )
        self.optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.ema.update_parameters(self.model)
        self.counters.step += 1
        self.counters.patches += batch * self.world
        self.counters.pixels += batch * self.world * patch * patch
        return losses.detach().float().cpu(), sigma.cpu()

    def _average(self, averaged: Any, current: Any, count: Any) -> None:
        # Shorter memory at the start, so that the average forgets the initial weights.
        n = float(self.counters.step)
        decay = min(self.config.ema, (1 + n) / (10 + n))
        torch._foreach_lerp_(list(averaged), list(current), 1 - decay)

    def _agree(self, progress: float) -> float:
        """Rank 0's progress, so that all processes stop at the same step."""
        if self.world == 1:
            return progress
        value = torch.tensor([progress], dtype=torch.float64, device=self.device)
        dist.broadcast(value, 0)
        return float(value)

    def _resume(self) -> None:
        if not self.state_file.exists():
            return
        state = torch.load(self.state_file, map_location=self.device, weights_only=True)
        saved = json.loads(state["config"])
        budget = {"steps", "hours"}
        now = json.loads(self.config.model_dump_json())
        changed = sorted(k for k in now if k not in budget and now[k] != saved.get(k))
        if changed:
            raise InputError(
                f"'{self.folder}' holds a run with other settings ({', '.join(changed)}). "
                "Choose another folder or restore those settings."
            )
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.counters = Counters(**state["counters"])

    def _log(
        self, sums: dict[str, list[float]], progress: float, report: Callable[..., None] | None
    ) -> None:
        c = self.counters
        row: dict[str, Any] = {
            "step": c.step,
            "patches": c.patches,
            "seconds": round(c.seconds, 1),
            "patches_per_second": round(c.patches / max(c.seconds, 1e-9), 2),
            "progress": round(progress, 5),
        }
        for band in BANDS:
            values = sums.get(f"loss_below_{band:g}")
            row[f"loss_below_{band:g}"] = round(sum(values) / len(values), 5) if values else ""
        path = self.folder / "log.csv"
        self.folder.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)
        if report:
            report(row)


def _mix(seed: int, step: int, rank: int) -> int:
    """One 63-bit seed from three integers (splitmix64 finaliser)."""
    z = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + (rank + 2)) & (2**64 - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return (z ^ (z >> 31)) >> 1
