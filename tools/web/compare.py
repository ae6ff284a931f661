"""Compare what the page decodes with what Python decodes, in a headless Chromium.

python -m tools.web.compare pictures/*.vqz          codes equal, pixels within 1
python -m tools.web.compare --cases 10000           random priors: codes equal, errors equal
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from tools.fuzz.campaign import Campaign
from tools.golden.make import CASES
from tools.prior.compare import Case, random_case
from tools.prior.walks import read, write
from tools.web.chromium import Chromium, find_chromium
from vqzip.codec.codec import Codec, load
from vqzip.container.parse import parse_header
from vqzip.errors import LimitExceeded, VqzipError
from vqzip.models.places import find_by_id
from vqzip.models.plain import to_plain
from vqzip.prior.backend import Backend, RandomCodes
from vqzip.prior.compiled.pack import fits
from vqzip.prior.exact.grids import Grid
from vqzip.prior.numpy.backend import NumpyBackend
from vqzip.prior.walk import backend_for
from vqzip.web.server import PageServer, Site

LARGEST_HOSTILE = 1 << 18
"""Pixels; a short file may be a picture of many megapixels, which takes its time."""

START = """
globalThis.bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
globalThis.textOf = async (bytes) => {
  const address = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(new Blob([bytes]));
  });
  return address.slice(address.indexOf(",") + 1);
};
(async () => {
  const names = ["client", "codes", "errors", "hierarchy", "memory", "model", "prior"];
  globalThis.parts = Object.assign({}, ...(await Promise.all(names.map((name) => import(`/${name}.js`)))));
  globalThis.compiled = await WebAssembly.compile(await parts.fetchBytes("/vqzip.wasm"));
  globalThis.client = new parts.Client();
  globalThis.opened = async (text) => {
    const picture = await client.open(bytesOf(text));
    const { rgba, ...facts } = picture;
    const answer = { ...facts, digest: await client.digest(picture.number), rgba: await textOf(rgba) };
    await client.close(picture.number);
    return answer;
  };
  globalThis.walked = async ({ config, tensors, size, step, gray, data }) => {
    const memory = new parts.Memory(new WebAssembly.Instance(compiled));
    const hierarchy = new parts.Hierarchy(config);
    hierarchy.streamOfLevel = hierarchy.levels.map(() => 0);
    const prior = new parts.Prior(memory, hierarchy, config, new parts.Tensors(bytesOf(tensors)));
    return Promise.all(data.map((text) => {
      try {
        const levels = memory.scope(() => {
          const condition = hierarchy.condition(step, gray);
          const reader = new parts.TileReader(memory, hierarchy, prior, condition, size, [bytesOf(text)]);
          return hierarchy.levels.map(() => reader.read().codes);
        });
        return Promise.all(levels.map(textOf));
      } catch (error) {
        if (!(error instanceof parts.VqzError)) throw error;
        return error.message;
      }
    }));
  };
})()
"""


@dataclass(frozen=True)
class Decoded:
    """What the page made of a file.

    Args:
        digest: SHA-256 of the codes.
        rgba: `(H, W, 4)` uint8.
        facts: what the page shows.
    """

    digest: str
    rgba: np.ndarray[Any, np.dtype[np.uint8]]
    facts: dict[str, Any]


class Browser:
    """A page of the viewer whose functions are called from Python.

    Args:
        page: with the viewer open.
    """

    def __init__(self, page: Chromium) -> None:
        self.page = page
        page.run(START)

    def decode(self, data: bytes) -> Decoded | str:
        """Return what the page decodes, or the sentence with which it refuses."""
        text = base64.b64encode(data).decode()
        answer = self.page.run(
            f'opened("{text}").catch((error) => error instanceof parts.VqzError ? error.message : '
            "Promise.reject(error))"
        )
        if isinstance(answer, str):
            return answer
        pixels = np.frombuffer(base64.b64decode(answer.pop("rgba")), np.uint8)
        shape = answer["height"], answer["width"], 4
        return Decoded(answer.pop("digest"), pixels.reshape(shape), answer)

    def walk(self, case: Case, streams: Sequence[bytes]) -> list[list[bytes] | str]:
        """Return the codes of each stream by the prior of a case, a level each, or a sentence."""
        picture, prior = case.picture, case.prior
        levels = [
            {
                "stride": stride,
                "groups": level.channels,
                "depth": 1,
                "quantizer": _quantizer(level.kind),
            }
            for stride, level in zip(case.strides, prior.levels, strict=True)
        ]
        conditions = prior.levels[0].taps_layer.bias.shape[0]
        quality = {"base_step": 1, "ratio": 1.1} if conditions > 2 else None
        asked = {
            "config": {
                "vqvae": {"levels": levels, "quality": quality},
                "prior": to_plain(prior.config),
            },
            "tensors": base64.b64encode(save(dict(prior.to_tensors()))).decode(),
            "size": {"height": picture.height, "width": picture.width},
            "step": picture.quality_step,
            "gray": picture.gray,
            "data": [base64.b64encode(stream).decode() for stream in streams],
        }
        answers = self.page.run(f"walked({json.dumps(asked)})")
        return [
            answer if isinstance(answer, str) else [base64.b64decode(level) for level in answer]
            for answer in answers
        ]


def _quantizer(kind: Any) -> dict[str, Any]:
    return {"kind": "grid"} if isinstance(kind, Grid) else {"size": kind.outputs}


@contextmanager
def browser(models: Sequence[Path] | None = None) -> Iterator[Browser]:
    """Return the viewer in a new Chromium.

    Args:
        models: folders of the models that it has; None for the installed ones.

    Raises:
        FileNotFoundError: there is no Chromium.
    """
    program = find_chromium()
    if program is None:
        raise FileNotFoundError("there is no chromium; install Debian's package of that name.")
    server = PageServer(Site.of([], models))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Chromium(program) as page:
            page.open(server.address)
            yield Browser(page)
    finally:
        server.shutdown()
        server.server_close()


def difference(codec: Codec, data: bytes, found: Decoded) -> int:
    """Return the largest difference of pixels to Python's, 255 where sizes differ."""
    own = np.asarray(codec.decode(data).convert("RGBA"))
    if own.shape != found.rgba.shape:
        return 255
    return int(np.abs(own.astype(np.int16) - found.rgba).max())


def compare_file(window: Browser, codec: Codec, data: bytes) -> str:
    """Return what differs in a file, or nothing."""
    found = window.decode(data)
    if isinstance(found, str):
        return f"refused: {found}"
    if found.digest != codec.decode_codes(data).sha256():
        return "other codes"
    most = difference(codec, data, found)
    return f"pixels differ by {most}" if most > 1 else ""


def compare_damaged(window: Browser, codec: Codec, data: bytes) -> str:
    """Return what differs where both should refuse a file, or read the same codes, or nothing."""
    try:
        own = codec.decode_codes(data, max_pixels=1 << 20).sha256()
    except VqzipError as error:
        own = f"refused: {error}"
    found = window.decode(data)
    if isinstance(found, str):
        # The page checks alpha, too, which reading codes alone does not.
        return "" if own.startswith("refused") or "alpha" in found else f"refused: {found}"
    return "" if found.digest == own else f"accepted, but Python says {own}"


def compare_hostile(window: Browser, codecs: Mapping[bytes, Codec], data: bytes) -> str:
    """Return what differs in a case of the fuzzer, or nothing; large pictures are left out.

    Args:
        window: the page.
        codecs: by the first 8 bytes of their model's id; the page has the same models.
        data: of the case.
    """
    try:
        header = parse_header(data)
    except VqzipError:
        header = None
    if header is not None and header.pixels > LARGEST_HOSTILE:
        return ""
    codec = codecs.get(header.model_id if header else b"", next(iter(codecs.values())))
    return compare_damaged(window, codec, data)


def compare_case(window: Browser, number: int, *, reference: bool = False) -> bool:
    """Compare codes of a random prior; return whether the page takes the prior at all.

    Args:
        window: the page.
        number: of the case.
        reference: read with the NumPy walk, not with the fastest.

    Raises:
        AssertionError: they differ.
    """
    case = random_case(number)
    if not fits(case.prior):
        return False
    fast = backend_for(case.prior)
    backend = NumpyBackend(case.prior) if reference else fast
    rng = case.rng(1)
    walk = case.picture.walk(fast)
    shapes = [case.picture.shape(stride) for stride in case.strides]
    try:
        codes = [walk.code(RandomCodes(shape, rng, 1.0)) for shape in shapes]
    except LimitExceeded:  # the prior draws codes that no file may have
        return False
    data = write(fast, case.picture, codes)[0]
    streams = [data, damaged(case.rng(10), data)]
    for stream, found in zip(streams, window.walk(case, streams), strict=True):
        own = _read(backend, case, stream)
        if isinstance(own, str) or isinstance(found, str):
            assert type(own) is type(found), f"case {number}: {own}, {found}"
        else:
            assert own == found, f"case {number}: other codes"
    return True


def _read(backend: Backend, case: Case, data: bytes) -> list[bytes] | str:
    try:
        return [level.tobytes() for level in read(backend, case.strides, case.picture, data)]
    except VqzipError as error:
        return str(error)


def damaged(rng: np.random.Generator, data: bytes) -> bytes:
    """Return bytes of which some were changed, cut, or repeated; whole words stay whole."""
    words = np.frombuffer(data[: len(data) // 4 * 4], np.uint32).copy()
    kind = rng.integers(3)
    if kind == 0 or not len(words):
        return words[: rng.integers(len(words) + 1)].tobytes()
    if kind == 1:
        return words.tobytes() + rng.bytes(4)
    words[rng.integers(len(words))] ^= np.uint32(1 << rng.integers(32))
    return words.tobytes()


def hostile_faults(numbers: range) -> int:
    """Compare cases of the fuzzer; print what differs, and return how many do."""
    faults = 0
    codecs = {codec.model.id[:8]: codec for codec in map(load, CASES)}
    with tempfile.TemporaryDirectory() as folder, browser(list(CASES)) as window:
        campaign = Campaign(0, Path(folder))
        for number in numbers:
            fault = compare_hostile(window, codecs, campaign.case(number).data)
            faults += bool(fault)
            if fault:
                print(f"hostile case {number}: {fault}", flush=True)
        faults += len(window.page.faults)
    print(f"{len(numbers)} hostile cases, {faults} faults", flush=True)
    return faults


def main() -> int:
    """Compare what is asked for; the exit status is 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--cases", type=int, default=0, help="random priors to compare")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them")
    parser.add_argument("--hostile", type=int, default=0, help="cases of the fuzzer to compare")
    arguments = parser.parse_args()
    failures = compared = 0
    if arguments.hostile:
        failures += hostile_faults(range(arguments.first, arguments.first + arguments.hostile))
    with browser() as window:
        for path in arguments.files:
            data = path.read_bytes()
            fault = compare_file(window, load(find_by_id(parse_header(data).model_id)), data)
            failures += bool(fault)
            print(f"{path.name}: {fault or 'equal'}", flush=True)
        for number in range(arguments.first, arguments.first + arguments.cases):
            compared += compare_case(window, number)
            if (number + 1) % 500 == 0:
                print(f"{number + 1} cases, {compared} compared", flush=True)
    print(f"{len(arguments.files)} files, {failures} differ; {compared} random priors, 0 differ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
