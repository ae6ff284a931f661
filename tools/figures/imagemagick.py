"""Pictures as ImageMagick reads them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vqzip.pictures.picture import Bytes2D

MOST_FRAMES = 40


@dataclass(frozen=True)
class Seen:
    """Pixels `(H, W, 3)` from 0 to 255 and alpha `(H, W)`, as one of the readers has them."""

    pixels: Bytes2D
    alpha: Bytes2D

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.alpha.shape[0], self.alpha.shape[1]


def read_theirs(convert: str, path: Path) -> list[Seen] | str:
    """Return the frames that ImageMagick reads, or the error that it prints."""
    command = [convert, f"{path}[0-{MOST_FRAMES}]", "-coalesce"]
    if path.suffix.lower() not in (".gif",):
        command.pop()
    command += ["-auto-orient", "-colorspace", "sRGB", "-alpha", "on", "-depth", "8", "pam:-"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return "it takes over two minutes"
    frames = list(pam_pictures(done.stdout))
    return frames or done.stderr.decode(errors="replace").strip().splitlines()[:1][0][:100]


def pam_pictures(data: bytes) -> list[Seen]:
    """Return the pictures of a PAM stream of 8 bits a sample."""
    pictures = []
    while data.startswith(b"P7"):
        header, _, data = data.partition(b"ENDHDR\n")
        fields = dict(line.split(b" ", 1) for line in header.split(b"\n")[1:] if b" " in line)
        width, height, depth = (int(fields[name]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH"))
        size = width * height * depth
        samples = np.frombuffer(data[:size], np.uint8).reshape(height, width, depth)
        colors = samples[..., :3] if depth > 2 else np.repeat(samples[..., :1], 3, axis=2)
        pictures.append(Seen(colors, samples[..., -1]))
        data = data[size:]
    return pictures
