"""What one process of `exactness factors` does: encode and decode files with one factor changed.

It runs under the interpreters of other environments too, so it asks for vqzip, NumPy and torch alone.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from tools.bench.callers_settings import SETTINGS
from vqzip.codes import Codes

if TYPE_CHECKING:
    from torch import Tensor

    from vqzip.codec.codec import Codec

MAX_PIXELS = 1 << 30
PARTS = ("total", "differ")


@dataclass(frozen=True)
class Factor:
    """How a process differs from the first, which has the defaults.

    Args:
        name: for the table and the folder of its files.
        python: interpreter, of an environment with other versions.
        threads: of OpenMP, OpenBLAS and MKL; None leaves them to the libraries.
        environment: `NAME=value`, set before Python starts.
        setting: of `tools.bench.callers_settings`, around all that the codec does.
        chunk: positions or vectors that are computed together.
        memory_format: of all tensors that enter the transform.
        onednn: whether torch may use oneDNN's convolutions.
        device: of the networks.
    """

    name: str
    python: str = sys.executable
    threads: int | None = 1
    environment: tuple[str, ...] = ()
    setting: str | None = None
    chunk: int | None = None
    memory_format: str | None = None
    onednn: bool = True
    device: str = "cpu"


@dataclass(frozen=True)
class Job:
    """What one process does.

    Args:
        factor: how it is set up.
        model: folder.
        model_id: in hexadecimal.
        pictures: to encode, into the job's own folder.
        qualities: of the files.
        efforts: of the encoder: 4 walks step by step, 0 has the codes beforehand.
        own: folder that the files go to.
        decode: folders of the files to decode and compare with the codes beside them.
    """

    factor: Factor
    model: str
    model_id: str
    pictures: tuple[str, ...]
    qualities: tuple[float, ...]
    efforts: tuple[int, ...]
    own: str
    decode: tuple[str, ...]


def work(job: Job) -> dict[str, Any]:
    """Do a job; returns the versions, and for each folder what its files gave."""
    import torch

    from vqzip.codec.codec import Codec
    from vqzip.models.folder import load

    factor = job.factor
    with ExitStack() as changed:
        if factor.setting is not None:
            changed.enter_context(SETTINGS[factor.setting]())
        # What a factor changes are settings of torch.
        codec = Codec(load(job.model, factor.device, "torch"))
        if not factor.onednn:
            changed.enter_context(torch.backends.mkldnn.flags(enabled=False))
        if factor.chunk is not None:
            for name in (
                "vqzip.prior.numpy.steps._KNOWN_POSITIONS",
                "vqzip.prior.numpy.context._CHUNK",
                "vqzip.autoencoders.quantizers.coding.QUANTIZER_CHUNK",
            ):
                changed.enter_context(patch(name, factor.chunk))
        if factor.memory_format is not None:
            _change_memory_format(codec, getattr(torch, factor.memory_format), changed)
        encode_files(codec, job)
        # A process that only decodes the codes of others need not decode pixels.
        drawn = Path(job.own) / "pixels" if job.pictures else None
        found = decode_folders(codec, job.decode, drawn)
    versions = {
        "Python": platform.python_version(),
        "torch": str(torch.__version__),
        "NumPy": np.__version__,
        "threads": torch.get_num_threads(),
        "kernels": torch.backends.cpu.get_cpu_capability(),
    }
    return {"job": asdict(job), "versions": versions, "found": found}


def _change_memory_format(codec: Codec, wanted: Any, changed: ExitStack) -> None:
    """Give weights, and whatever enters the transform, another memory format."""
    transform: Any = codec.model.autoencoder.transform.networks  # type: ignore[attr-defined]
    for weight in transform.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=wanted)
    analyze, synthesize = transform.analyze, transform.synthesize

    def analyze_changed(pixels: Tensor, step: Tensor) -> Any:
        return analyze(pixels.contiguous(memory_format=wanted), step)

    def synthesize_changed(z_q: Sequence[Tensor], step: Tensor) -> Any:
        return synthesize([z.contiguous(memory_format=wanted) for z in z_q], step)

    changed.enter_context(patch.object(transform, "analyze", analyze_changed))
    changed.enter_context(patch.object(transform, "synthesize", synthesize_changed))


def encode_files(codec: Codec, job: Job) -> None:
    """Write files, and beside each the codes that the encoder says are in it."""
    from vqzip.pictures.read import read_picture

    own = Path(job.own)
    own.mkdir(parents=True, exist_ok=True)
    for source in map(Path, job.pictures):
        picture = read_picture(source, max_pixels=MAX_PIXELS, strict=False)
        for quality in job.qualities:
            for effort in job.efforts:
                encoded = codec.encode_picture(picture, quality=quality, effort=effort)
                file = own / f"{source.stem}_q{quality:g}_e{effort}.vqz"
                file.write_bytes(encoded.data)
                file.with_suffix(".sha256").write_text(encoded.codes.sha256())
                levels = {f"level{n}": codes for n, codes in enumerate(encoded.codes.levels)}
                np.savez_compressed(file.with_suffix(".npz"), **levels)  # type: ignore[arg-type]


def decode_folders(
    codec: Codec, folders: Sequence[str], drawn: Path | None
) -> dict[str, dict[str, dict[str, int]]]:
    """Decode all files of some folders; returns how many codes each has, and how many differ.

    Equal files are decoded once.

    Args:
        codec: to decode with.
        folders: of the files, with the codes that the encoder wrote.
        drawn: where pixels are kept; None if they are not wanted.
    """
    found: dict[str, dict[str, dict[str, int]]] = {}
    known: dict[bytes, Codes] = {}
    if drawn is not None:
        drawn.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        found[folder] = {}
        for file in sorted(Path(folder).glob("*.vqz")):
            data = file.read_bytes()
            if data not in known:
                known[data] = codec.decode_codes(data)
            codes = known[data]
            differ = 0
            if codes.sha256() != file.with_suffix(".sha256").read_text():
                with np.load(file.with_suffix(".npz")) as saved:
                    differ = differences(codes, [saved[f"level{n}"] for n in range(len(saved))])
            total = sum(level.size for level in codes.levels)
            found[folder][file.stem] = dict(zip(PARTS, (total, differ), strict=True))
            if drawn is not None:
                np.save(drawn / f"{file.stem}.npy", codec.pixels_of_codes(codes))
    return found


def differences(codes: Codes, expected: Sequence[Any]) -> int:
    """Return how many codes differ; all of them where the shapes do."""
    pairs = list(zip(codes.levels, expected, strict=True))
    if any(a.shape != b.shape for a, b in pairs):
        return sum(a.size for a, _ in pairs)
    return sum(int(np.count_nonzero(a != b)) for a, b in pairs)


def main() -> None:
    """Do the job that the command line gives as JSON, and print what it gave."""
    plain = json.loads(sys.argv[1])
    lists = {key: tuple(value) for key, value in plain.items() if isinstance(value, list)}
    job = Job(**{**plain, **lists, "factor": Factor(**plain["factor"])})
    print(json.dumps(work(job), indent=1))


if __name__ == "__main__":
    main()
