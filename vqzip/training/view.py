"""Looks at the networks while they are trained: figures and pictures of validation pictures, and samples."""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vqzip.codec.codec import Codec
from vqzip.codec.sampling import sample
from vqzip.errors import VqzipError
from vqzip.hierarchy import CONTEXT_TILE
from vqzip.models import folder as model_folder
from vqzip.models.abilities import Draw
from vqzip.models.learned import save
from vqzip.pictures.picture import Picture
from vqzip.pictures.write import picture_to_bytes
from vqzip.prior.export.float_to_integer import export_prior
from vqzip.quality import Quality
from vqzip.training.page import PAGE, page
from vqzip.training.phases.phase import Setup
from vqzip.training.progress import Progress
from vqzip.training.run_log import METRICS, read_rows

LOOKS, FIGURES = "looks", "validation.jsonl"
SHOWN_PICTURES = 8
SHOWN_QUALITY = 4.0
PAGE_SECONDS = 10.0
"""Time between two versions of the page of a run."""


class View:
    """Shows a run in its folder: `looks/`, `validation.jsonl`, `index.html`.

    Args:
        setup: with the networks.
        pictures: to validate on.
        out: run folder.
    """

    def __init__(self, setup: Setup, pictures: Sequence[Picture], out: Path) -> None:
        self._setup, self._out = setup, out
        minutes = setup.recipe.look_minutes
        self.seconds = 60 * minutes if minutes else math.inf
        self._crops = _crops(pictures[:SHOWN_PICTURES], setup.recipe.vqvae.align)
        self._written = 0.0
        self._progress: Progress | None = None

    def look(self, phase: str, number: int, step: int) -> None:
        """See `loop.Watch`."""
        folder = self._out / LOOKS
        folder.mkdir(exist_ok=True)
        name = f"{number}-{phase}-{step:07}"
        decoded, figures = self._reconstruct()
        self._write(folder / f"{name}-reconstructions.png", [*self._crops, *decoded])
        row = {"phase": phase, "phase_number": number, "step": step, **figures}
        with (self._out / FIGURES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if phase != "vqvae":
            # A prior of a few steps may have no integers; the run continues without its samples.
            with contextlib.suppress(VqzipError):
                self._write(folder / f"{name}-samples.png", self._samples())
        self._write_page()

    def show(self, progress: Progress) -> None:
        """See `loop.Watch`."""
        self._progress = progress
        if time.monotonic() - self._written > PAGE_SECONDS:
            self._write_page()

    def finish(self) -> None:
        """Write the page of a finished run, which does not reload itself."""
        self._progress = None
        self._write_page()

    @torch.no_grad()
    def _reconstruct(self) -> tuple[list[NDArray[np.uint8]], dict[str, float]]:
        """Return decoded crops, and their PSNR and the code length of their codes."""
        setup = self._setup
        quality = setup.recipe.vqvae.nearest_quality(SHOWN_QUALITY)
        pixels = torch.from_numpy(np.stack(self._crops)).permute(0, 3, 1, 2).float()
        height, width = pixels.shape[2:]
        align = setup.recipe.vqvae.align
        padding = (0, -width % align, 0, -height % align)
        padded = torch.nn.functional.pad(pixels, padding, mode="replicate").to(setup.device)
        codes = setup.vqvae.encode(padded, quality)
        x_hat = setup.vqvae.decode(codes, quality)[:, :, :height, :width].cpu()
        mse = (x_hat - pixels).square().mean((1, 2, 3)).clamp(min=1e-6)
        figures = {"valid_psnr_db": float((10 * torch.log10(255**2 / mse)).mean())}
        figures["valid_code_length_bpp"] = self._bits(codes, quality, height, width)
        shown = x_hat.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return list(shown), figures

    def _bits(self, codes: list[torch.Tensor], quality: Quality, height: int, width: int) -> float:
        """Return the bits per pixel of codes under the float prior."""
        setup = self._setup
        levels = []
        for number, level in enumerate(codes):
            rows, columns = setup.recipe.vqvae.shape(number, height, width)
            levels.append(level.flatten(1, 2).long()[:, :, :rows, :columns])
        count = len(levels[0])
        gray = torch.zeros(count, dtype=torch.bool, device=setup.device)
        log_step = setup.vqvae.steps(count, quality).log()
        condition = setup.prior.conditions(log_step, gray)
        lengths = setup.prior.code_lengths(levels, condition, gray)
        return float(torch.stack(lengths).sum(0).mean()) / (height * width)

    def _samples(self) -> list[NDArray[np.uint8]]:
        """Return pictures from the prior as it is now, in integers as after the export."""
        setup = self._setup
        size = min(CONTEXT_TILE, *self._crops[0].shape[:2])
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            exact = export_prior(setup.prior, setup.recipe.vqvae)
            save(folder, setup.recipe.model, setup.vqvae, exact, setup.prior.state_dict())
            codec = Codec(model_folder.load(folder))
            pictures = sample(codec, Draw(SHOWN_PICTURES, size=size, quality=SHOWN_QUALITY))
        return [picture.pixels for picture in pictures]

    def _write(self, path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Write pictures of one size in two rows, or in one."""
        columns = min(len(pictures), max(len(self._crops), SHOWN_PICTURES // 2))
        rows = [
            np.concatenate(pictures[start : start + columns], 1)
            for start in range(0, len(pictures), columns)
        ]
        whole = [row for row in rows if row.shape == rows[0].shape]
        path.write_bytes(picture_to_bytes(Picture(np.concatenate(whole, 0)), "PNG"))

    def _write_page(self) -> None:
        self._written = time.monotonic()
        rows, figures = read_rows(self._out / METRICS), read_rows(self._out / FIGURES)
        looks = sorted((self._out / LOOKS).glob("*.png"))
        names = [f"{LOOKS}/{path.name}" for path in looks]
        text = page(self._setup.recipe.name, self._progress, rows, figures, names)
        (self._out / PAGE).write_text(text, encoding="utf-8")


def _crops(pictures: Sequence[Picture], align: int) -> list[NDArray[np.uint8]]:
    """Return the centers of pictures in RGB, all of one size of at most a context tile."""
    sides = []
    for axis in (0, 1):
        side = min(CONTEXT_TILE, *(picture.pixels.shape[axis] for picture in pictures))
        sides.append(side if side < align else side // align * align)
    crops = []
    for picture in pictures:
        pixels = picture.pixels
        top, left = ((n - side) // 2 for n, side in zip(pixels.shape, sides, strict=False))
        crop = pixels[top : top + sides[0], left : left + sides[1]]
        crops.append(np.repeat(crop[:, :, None], 3, 2) if crop.ndim == 2 else crop)
    return crops
