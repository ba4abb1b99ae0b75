"""The ablation beside the talk's figures: lines of Markdown and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_padis.evaluation import talk
from napari_padis.evaluation.ablation_settings import AUGMENTATIONS, PATCH, AblationSettings
from napari_padis.evaluation.ledger import Row
from napari_padis.prior.charts import Chart, Point, figure_of, save


def markdown(rows: Sequence[Row], settings: AblationSettings) -> list[str]:
    """Lines of a table, an entry each."""
    head = ["entry", "slices", "pixels seen", *(f"sigma {s:g}" for s in settings.sigmas)]
    head += [f"CT {settings.views}", "talk, CT 20"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        cells = [row["entry"], str(row["slices"]), f"{row['pixels'] / 1e6:.0f} M"]
        cells += [f"{row[f'psnr_{sigma:g}']:.2f}" for sigma in settings.sigmas]
        cells += [f"{row['ct_psnr']:.2f} / {row['ct_ssim']:.3f}", _of_talk(row)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def draw(rows: Sequence[Row], settings: AblationSettings, path: Path) -> Path:
    """Three charts below each other: patch size, training slices, denoising."""
    full = [row for row in rows if _plain(row)]
    sized = sorted((r for r in full if r["position"] and _all(r, rows)), key=lambda r: r["patch"])
    here = f"here, CT {settings.views}"
    charts = [
        Chart(
            "PSNR (dB) against patch size; the largest is the whole image",
            "pixels",
            {
                here: [(r["patch"], r["ct_psnr"]) for r in sized],
                "talk, CT 20": _points(talk.PATCH_SIZE),
            },
        ),
        Chart(
            "PSNR (dB) against number of training slices",
            "slices",
            {
                "patches, here": _by_slices(full, whole=False),
                "whole, here": _by_slices(full, whole=True),
                "patches, talk": _points(talk.SLICES_PATCHES),
                "whole, talk": _points(talk.SLICES_WHOLE),
            },
        ),
        Chart(
            "PSNR (dB) of denoised slices less that of the baseline, against patch size",
            "pixels",
            _gains(sized, settings),
        ),
    ]
    return save(figure_of(charts), path)


def _plain(row: Row) -> bool:
    """Whether the prior is one of moving patches, or of whole images, of data as they are."""
    return row["entry"] != "simple" and row["entry"] not in AUGMENTATIONS


def _all(row: Row, rows: Sequence[Row]) -> bool:
    """Whether the prior was trained on all slices."""
    return bool(row["slices"] == max(r["slices"] for r in rows))


def _by_slices(rows: Sequence[Row], whole: bool) -> list[Point]:
    chosen = [r for r in rows if bool(r["whole"]) is whole and r["position"]]
    if not whole:
        chosen = [r for r in chosen if r["patch"] == PATCH]
    return sorted((r["slices"], r["ct_psnr"]) for r in chosen)


def _gains(rows: Sequence[Row], settings: AblationSettings) -> dict[str, list[Point]]:
    base = next((r for r in rows if r["patch"] == PATCH and not r["whole"]), None)
    if base is None:
        return {}
    names = [f"psnr_{sigma:g}" for sigma in settings.sigmas]
    return {
        name.replace("psnr_", "sigma "): [(r["patch"], r[name] - base[name]) for r in rows]
        for name in names
    }


def _of_talk(row: Row) -> str:
    """The talk's figures of the same comparison, if there are any."""
    if row["entry"] == "no-position":
        found = talk.POSITION[False]
    elif "slices-" in row["entry"]:
        table = talk.SLICES_WHOLE if row["whole"] else talk.SLICES_PATCHES
        found = table.get(row["slices"])  # type: ignore[assignment]
    elif row["entry"] == "whole" or row["entry"].startswith("patch-"):
        found = talk.PATCH_SIZE.get(row["patch"])  # type: ignore[assignment]
    else:
        return ""
    return f"{found[0]:.2f} / {found[1]:.3f}" if found else ""


def _points(table: Mapping[int, tuple[float, float]]) -> list[Point]:
    return [(float(x), psnr) for x, (psnr, _) in sorted(table.items())]
