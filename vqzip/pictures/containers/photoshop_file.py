"""PSD, Photoshop's own files: image resources, layers, channels."""

from __future__ import annotations

from vqzip.pictures.containers.findings import Findings
from vqzip.pictures.containers.photoshop import walk_resources

_COLORS_OF_MODE = {0: 1, 1: 1, 2: 1, 3: 3, 4: 4, 7: 3, 8: 1, 9: 3}


def walk_psd(data: bytes, found: Findings) -> None:
    """Look through a PSD file."""
    channels, depth, mode = (int.from_bytes(data[at : at + 2], "big") for at in (12, 22, 24))
    found.bits = depth
    at = 26
    at += 4 + int.from_bytes(data[at : at + 4], "big")
    size = int.from_bytes(data[at : at + 4], "big")
    walk_resources(bytes(data[at + 4 : at + 4 + size]), found)
    at += 4 + size
    _look_behind(data, at + 4 + int.from_bytes(data[at : at + 4], "big"), channels, found)
    layers = int.from_bytes(data[at + 8 : at + 10], "big", signed=True)
    if int.from_bytes(data[at : at + 4], "big") and int.from_bytes(data[at + 4 : at + 8], "big"):
        found.lose("a layer" if abs(layers) == 1 else f"{abs(layers)} layers")
    colors = _COLORS_OF_MODE.get(mode, channels)
    # Pillow takes the fourth channel of RGB for alpha.
    if channels > colors + (mode == 3):
        found.lose("extra channels")


def _look_behind(data: bytes, at: int, channels: int, found: Findings) -> None:
    """Note what follows the samples, which begin at a place with their compression."""
    height, width = (int.from_bytes(data[place : place + 4], "big") for place in (14, 18))
    compression = int.from_bytes(data[at : at + 2], "big")
    rows = channels * height
    if compression == 0:
        end = at + 2 + rows * -(-width * found.bits // 8)
    elif compression == 1:
        counts = bytes(data[at + 2 : at + 2 + 2 * rows])
        sizes = (int.from_bytes(counts[i : i + 2], "big") for i in range(0, len(counts), 2))
        end = at + 2 + 2 * rows + sum(sizes)
    else:
        return
    found.lose_rest(bytes(data[end:]))
