"""What a training run writes down: ``log.csv`` and ``validation.csv``."""

from __future__ import annotations

import csv
import math
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from napari_padis.prior.settings import TrainingConfig

#: Noise bands whose loss is logged, as upper ends.
BANDS = (0.01, 0.03, 0.1, 0.3, 1.0, math.inf)


@dataclass
class Counters:
    """Honest counts: each patch that went through the network once counts once."""

    step: int = 0
    patches: int = 0
    pixels: int = 0
    seconds: float = 0.0

    def share(self, config: TrainingConfig) -> float:
        """Share of the budget that is spent."""
        if config.steps is not None:
            return self.step / config.steps
        assert config.hours is not None
        return self.seconds / (3600 * config.hours)

    def row(self, config: TrainingConfig, rate: float) -> dict[str, Any]:
        """What every row of the log begins with."""
        return {
            "step": self.step,
            "patches": self.patches,
            "seconds": round(self.seconds, 1),
            "patches_per_second": round(self.patches / max(self.seconds, 1e-9), 2),
            "learning_rate": rate,
            "progress": round(min(self.share(config), 1.0), 5),
        }


class Table:
    """A CSV file that grows row by row and can be taken back to an earlier step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[dict[str, str]]:
        """All complete rows; a file that a kill cut short loses its last line only."""
        try:
            with self.path.open(newline="", encoding="utf-8", errors="replace") as file:
                return [r for r in csv.DictReader(file) if None not in (*r.keys(), *r.values())]
        except OSError:
            return []

    def add(self, row: dict[str, Any]) -> None:
        """Append a row; columns that an older file lacks are added to it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        old = self.rows()
        if not old or list(old[0]) != list(row):
            self._write([*old, row], list(row))
            return
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, list(row)).writerow(row)

    def rewind(self, step: int) -> None:
        """Forget rows after a step: they are written again when training goes on from it."""
        rows = self.rows()
        kept = [row for row in rows if _whole(row.get("step")) <= step]
        if kept:
            self._write(kept, list(kept[-1]))
        else:
            self.path.unlink(missing_ok=True)

    def _write(self, rows: list[dict[str, Any]], columns: list[str]) -> None:
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        os.replace(temporary, self.path)


class LossBands:
    """Mean loss by noise level, collected without waiting for the device."""

    def __init__(self) -> None:
        self.parts: list[tuple[Tensor, Tensor]] = []

    def add(self, sigma: Tensor, losses: Tensor) -> None:
        """Keep one step's noise levels and losses, each of shape (B,)."""
        self.parts.append((sigma, losses))

    def take(self) -> dict[str, float | str]:
        """Mean loss of each band since the last call; empty where there was none."""
        means: dict[str, float | str] = {f"loss_below_{band:g}": "" for band in BANDS}
        if self.parts:
            sigma = torch.cat([s for s, _ in self.parts]).cpu()
            losses = torch.cat([x for _, x in self.parts]).float().cpu()
            index = torch.bucketize(sigma, torch.tensor(BANDS))
            for i, band in enumerate(BANDS):
                if (own := losses[index == i]).numel():
                    means[f"loss_below_{band:g}"] = round(float(own.mean()), 5)
        self.parts = []
        return means


def gpu_percent(device: torch.device) -> str:
    """Utilisation of a CUDA device in percent, empty where nothing can tell it."""
    if device.type != "cuda":
        return ""
    try:
        return str(torch.cuda.utilization(device))
    except Exception:  # pynvml missing, or not allowed to ask
        return _asked(device)


def _asked(device: torch.device) -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    words = [program, "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        # Its own numbering may differ from CUDA's.
        words.append(f"--id=GPU-{torch.cuda.get_device_properties(device).uuid}")
        answer = subprocess.run(words, capture_output=True, text=True, timeout=5)
    except (OSError, AttributeError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _whole(text: str | None) -> float:
    try:
        return int(text or "")
    except ValueError:
        return math.inf
