"""Denoising score matching on patches (Hu et al., PaDIS, 2024; Karras et al., EDM, 2022)."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from napari_padis.errors import InputError
from napari_padis.prior.allocation import memory_kept
from napari_padis.prior.compiling import compiled
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.growing import grown
from napari_padis.prior.hardware import mixed_precision
from napari_padis.prior.network import EDMDenoiser, channels_last
from napari_padis.prior.processes import Processes
from napari_padis.prior.score_matching import denoising_loss, error_loss
from napari_padis.prior.settings import CHANGEABLE, TrainingConfig, learning_rate
from napari_padis.prior.training_batches import Batches, mix
from napari_padis.prior.training_log import Counters, LossBands, Table, gpu_percent
from napari_padis.prior.training_state import damaged, read_state, write_state
from napari_padis.prior.validation import denoising_psnr, fixed_crops, foretold_errors


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
        Receives ``state.pt`` (atomic), ``log.csv``, ``validation.csv`` and ``config.json``.
    device : str
    start : EDMDenoiser, optional
        Network whose weights the first step starts from; of the same architecture, or a
        smaller one (see :func:`~napari_padis.prior.growing.grown`).
    validation : PatchSampler, optional
        Draws the crops whose denoising error is measured as training goes on.
    origin : str
        What ``start`` is, for the record.

    Raises
    ------
    InputError
        If the folder holds a damaged run or one with other settings, or the network cannot
        begin as ``start``.
    """

    def __init__(
        self,
        config: TrainingConfig,
        sampler: PatchSampler,
        folder: Path,
        device: str = "cpu",
        start: EDMDenoiser | None = None,
        validation: PatchSampler | None = None,
        origin: str = "",
    ) -> None:
        self.config, self.sampler, self.folder = config, sampler, Path(folder)
        self.processes = Processes(torch.device(device))
        self.rank, self.world = self.processes.rank, self.processes.world
        self.device = self.processes.device
        self.origin = origin
        if self.device.type == "cuda":  # so that a resumed run repeats the first to the bit
            torch.backends.cudnn.deterministic = True
        torch.manual_seed(config.seed)
        self.model = grown(start, config.network) if start else EDMDenoiser(config.network)
        if self.foretells:  # eval: nothing is dropped from features that stay as they are
            self.model.eval().requires_grad_(False)
            cast(nn.Module, self.model.unet.error).requires_grad_(True)
        channels_last(self.model.to(self.device))
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.optimizer = torch.optim.Adam(
            [p for p in self.model.parameters() if p.requires_grad],
            lr=config.learning_rate,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.counters = Counters()
        self.rate = 0.0
        self.state_file = self.folder / "state.pt"
        self.log = Table(self.folder / "log.csv")
        self.curve = Table(self.folder / "validation.csv")
        self.losses = LossBands()
        self._resume()
        self.crops = fixed_crops(validation, config.patch_sizes[0]) if validation else None
        self.batches = Batches(config, sampler, self.rank, self.device)
        #: Why the network was not compiled although that was asked for.
        self.note = ""
        network: nn.Module = self.model
        if config.compile:
            network, self.note = compiled(self.model, config, self.device)
        self.parallel = self.processes.parallel(network)

    @memory_kept()
    def run(
        self,
        save_every: float = 300.0,
        report: Callable[[dict[str, Any]], None] | None = None,
        log_every: float = 20.0,
    ) -> EDMDenoiser:
        """Train to the end of the budget and return the averaged network.

        Parameters
        ----------
        save_every, log_every : float
            Seconds.
        report : callable, optional
            Receives every row of the log.
        """
        last_save = last_log = time.monotonic()
        while (progress := self._agreed()) < 1:
            self._validate(progress)
            begin = time.monotonic()
            losses, sigma = self.step(progress)
            self.losses.add(sigma, losses)
            now = time.monotonic()
            self.counters.seconds += now - begin
            if self.rank == 0 and now - last_log > log_every:
                self._log(report)
                last_log = time.monotonic()
                self.counters.seconds += last_log - now  # a GPU catches up here
            if self.rank == 0 and now - last_save > save_every:
                self.save()
                last_save = time.monotonic()
        if self.rank == 0:
            if self.losses.parts:
                self._log(report)
            self.save()
        self._validate(1.0)
        self.batches.close()
        return self.averaged()

    @property
    def progress(self) -> float:
        """Share of the budget that is spent."""
        return self.counters.share(self.config)

    def averaged(self) -> EDMDenoiser:
        """The exponential moving average of the network."""
        return self.average.eval()

    def save(self) -> None:
        """Write the whole state; a kill while writing leaves the previous one intact."""
        state = {
            "config": self.config.model_dump_json(),
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "counters": vars(self.counters).copy(),
            "origin": self.origin,
        }
        write_state(self.state_file, state)
        (self.folder / "config.json").write_text(self.config.model_dump_json(indent=2))

    def step(self, progress: float) -> tuple[Tensor, Tensor]:
        """One step of the optimiser; returns losses and noise levels, each of shape (B,).

        Nothing here waits for a GPU: a step whose gradient is not finite is left out by the
        optimiser on the device.
        """
        config, counters = self.config, self.counters
        clean, position, condition, sigma, noise = self.batches.take(counters.step)
        if config.network.dropout:  # drawn from the global generator
            torch.manual_seed(mix(config.seed, counters.step, self.rank))
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate = learning_rate(config, counters.step, progress)
        with mixed_precision(self.device, config.bfloat16):
            losses = self._losses(clean, position, sigma, noise, condition)
        self.optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        # As torch.amp.GradScaler tells a fused optimiser which steps to leave out.
        self.optimizer.found_inf = (~torch.isfinite(norm)).float()  # type: ignore[attr-defined]
        self.optimizer.step()
        # Shorter memory at the start, so that the average forgets the initial weights.
        decay = min(config.ema, (1 + counters.step) / (10 + counters.step))
        torch._foreach_lerp_(
            list(self.average.parameters()),
            [p.detach() for p in self.model.parameters()],
            1 - decay,
        )
        counters.step += 1
        counters.patches += len(clean) * self.world
        counters.pixels += len(clean) * self.world * clean.shape[-1] ** 2
        return losses.detach(), sigma

    @property
    def foretells(self) -> bool:
        """Whether only the output that foretells errors is trained."""
        return self.config.objective == "error"

    def _losses(
        self,
        clean: Tensor,
        position: Tensor,
        sigma: Tensor,
        noise: Tensor,
        condition: Tensor | None,
    ) -> Tensor:
        if self.foretells:
            return error_loss(self.parallel, clean, position, sigma, noise, condition)
        width = self.config.network.sigma_data
        return denoising_loss(self.parallel, clean, position, sigma, noise, width, condition)

    def _agreed(self) -> float:
        """Progress by the first process's clock, so that all stop at the same step."""
        return self.progress if self.config.hours is None else self.processes.agree(self.progress)

    def _resume(self) -> None:
        if not self.state_file.exists():
            return
        state = read_state(self.state_file, self.device)
        try:
            saved = TrainingConfig.model_validate_json(state["config"]).model_dump()
        except ValueError as error:
            raise damaged(self.state_file) from error
        now = self.config.model_dump()
        if changed := sorted(k for k in now if k not in CHANGEABLE and now[k] != saved[k]):
            raise InputError(
                f"'{self.folder}' holds a run with other settings ({', '.join(changed)}). "
                "Choose another folder or restore those settings."
            )
        if self.origin not in ("", state["origin"]):
            raise InputError(f"The run in '{self.folder}' did not start from that prior.")
        try:
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.counters = Counters(**state["counters"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(self.state_file) from error
        self.origin = str(state["origin"])
        if self.rank == 0:
            self.log.rewind(self.counters.step)
            self.curve.rewind(self.counters.step)

    def _log(self, report: Callable[[dict[str, Any]], None] | None) -> None:
        row = self.counters.row(self.config, self.rate)
        row |= {"gpu_percent": gpu_percent(self.device)} | self.losses.take()
        self.log.add(row)
        if report:
            report(row)

    def _validate(self, progress: float) -> None:
        """Measure the averaged network on the crops, where that is due."""
        if self.rank != 0 or self.crops is None:
            return
        every = self.config.validate_every
        rows = self.curve.rows()
        if rows:
            last = Counters(int(rows[-1]["step"]), seconds=float(rows[-1]["seconds"]))
            done = last.share(self.config)
            if math.floor(progress / every + 1e-6) <= math.floor(done / every + 1e-6):
                return
        given = self.averaged(), self.crops, self.device, self.config.bfloat16
        if self.foretells:
            found = foretold_errors(*given)
        else:
            found = denoising_psnr(*given, clip=not self.config.phase)
        self.curve.add(self.counters.row(self.config, self.rate) | found)
