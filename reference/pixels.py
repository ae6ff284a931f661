"""A second decoder of files without loss, in plain Python integers, written from docs/reference/pixels.md alone.

    python -m reference.pixels FILE.vqz MODEL_FOLDER

prints the SHA-256 of the samples: green, red and blue of the whole picture, a byte each.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reference.decoder import (
    EXP2,
    Map,
    Stack,
    Tensor,
    ceil_div,
    clip,
    parse,
    read_safetensors,
    require,
)

OWN = [(0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2), (-2, -1), (-2, 1), (0, -3), (-3, 0)]  # fmt: skip
OTHER = [(0, 0), (0, -1), (-1, 0), (0, 1), (1, 0), (-1, 1), (-1, -1), (1, -1), (1, 1)]
FAR = [(0, -3), (-1, -2), (-1, 2), (-2, -1), (-2, 1), (-2, 2), (-2, -2), (-3, 0)]
AROUND = [(0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (-1, 1)]
SIDE, STRIDE = 256, 16


@dataclass
class Model:
    """A model folder."""

    tensors: dict[str, Tensor]
    fingerprint: bytes

    def table(self, name: str) -> list[int]:
        return list(self.tensors[name].numbers)


def read_model(folder: Path) -> Model:
    names = ("config.json", "weights.safetensors")
    files = [(folder / name).read_bytes() for name in names]
    lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    for name, data in zip(names, files, strict=True):
        require(f"{hashlib.sha256(data).hexdigest()}  {name}" in lines, f"{name} is damaged")
    config: dict[str, Any] = json.loads(files[0])
    require(config.get("kind") == "pixels" and config.get("format", 1) == 1, "another kind")
    counted = b"".join(struct.pack("<Q", len(data)) + data for data in files)
    return Model(read_safetensors(files[1]), hashlib.sha256(counted).digest())


class Plane:
    """The samples and errors of a plane, with three more on each side."""

    def __init__(self, rows: int, columns: int, start: int) -> None:
        self.rows, self.columns = rows, columns
        self.v = [[start] * (columns + 6) for _ in range(rows + 6)]
        self.e = [[128] * (columns + 6) for _ in range(rows + 6)]

    def before_row(self, i: int) -> None:
        for values in (self.v, self.e):
            above = values[i + 2]
            values[i + 3][:3] = [above[3]] * 3
            values[i + 3][-3:] = [above[self.columns + 2]] * 3

    def after_row(self, i: int) -> None:
        for values in (self.v, self.e):
            values[i + 3][-3:] = [values[i + 3][-4]] * 3

    def after_plane(self) -> None:
        for values in (self.v, self.e):
            values[-3:] = [values[-4]] * 3

    def around(self, values: Map, i: int, j: int, places: list[tuple[int, int]]) -> list[int]:
        return [values[i + 3 + di][j + 3 + dj] for di, dj in places]

    def reference(self, i: int, j: int) -> int:
        v = self.around(self.v, i, j, OWN[:4])
        return (3 * (v[0] + v[1]) + v[2] + v[3] + 4) >> 3


def logarithm(a: int) -> int:
    b = a.bit_length() - 1
    t = a << 31 >> b
    return 4 * b + (t >= 0x9837F052) + (t >= 0xB504F334) + (t >= 0xD744FCCB)


class Predictor:
    """The weights of a plane, which every sample changes."""

    def __init__(self, weights: list[int]) -> None:
        self.w = weights
        n = range(len(weights))
        self.a = [[1 << 20 if i == j else 0 for j in n] for i in n]
        self.b = [16 * w for w in weights]

    def learn(self, x: list[int], y: int, column: int) -> None:
        def fade(a: int) -> int:
            return a - ((a + 512) >> 10)

        n = range(len(x))
        self.a = [[fade(self.a[i][j]) + x[i] * x[j] for j in n] for i in n]
        self.b = [fade(self.b[i]) + x[i] * y for i in n]
        for i in n:
            if i % 2 == column % 2:
                missing = (self.b[i] << 16) - sum(self.a[i][j] * self.w[j] for j in n)
                by = self.a[i][i] + (self.a[i][i] >> 8) + 4096
                step = abs(missing) // by * (1 if missing > 0 else -1)
                self.w[i] = clip(self.w[i] + step, 1 << 18)


@dataclass
class Repeat:
    """The share of samples that repeat a neighbor, in one kind of neighborhood."""

    share: int = 1311
    count: int = 0

    def learn(self, posterior: int) -> None:
        step = abs(posterior - self.share) // (self.count + 2)
        moved = self.share + (step if posterior >= self.share else -step)
        self.share = max(33, min(65536 - 33, moved))
        self.count = min(self.count + 1, 30)


class Walk:
    """The walk over the samples of a payload.

    Args:
        model: of the file.
        stack: the payload.
        planes: 1 or 3.
        rows: of the tile, or of its coarse samples.
        columns: likewise.
        known: of the second payload, the samples of the first.
    """

    def __init__(
        self,
        model: Model,
        stack: Stack,
        planes: int,
        rows: int,
        columns: int,
        known: list[Map] | None,
    ) -> None:
        self.model, self.stack, self.known = model, stack, known
        self.rows, self.columns = rows, columns
        self.planes = [Plane(rows, columns, 0 if p else 128) for p in range(planes)]

    def samples(self) -> list[Map]:
        result = [self.plane(p) for p in range(len(self.planes))]
        for p in range(1, len(result)):
            result[p] = [
                [d + g for d, g in zip(*rows, strict=True)]
                for rows in zip(result[p], result[0], strict=True)
            ]
        require(self.stack.is_empty, "a payload does not end where its samples do")
        return result

    def plane(self, p: int) -> Map:
        plane = self.planes[p]
        first = self.model.table("first_weights")
        begin = (3 * (self.known is not None) + p) * 28
        predictor = Predictor(first[begin : begin + (12, 21, 28)[p]])
        repeats = [Repeat() for _ in range(32)]
        reciprocal = self.model.table("tables.reciprocal")
        for i in range(self.rows):
            plane.before_row(i)
            for j in range(self.columns):
                x = self.inputs(p, i, j)
                r = plane.reference(i, j)
                moved = (
                    sum(w * value for w, value in zip(predictor.w, x, strict=True)) + 512
                ) >> 10
                base = self.planes[0].v[i + 3][j + 3] if p else 0
                prediction = max(0, min(64 * 255, 64 * (base + r) + moved))
                expected = self.expected(p, i, j)
                g = reciprocal[expected]
                if self.known is not None and i % STRIDE == 0 and j % STRIDE == 0:
                    v = self.known[p][i // STRIDE][j // STRIDE]
                else:
                    features = self.features(p, i, j, 64 * base, prediction, expected)
                    below = self.distribution(p, features, prediction, expected)
                    v = self.pop(below, *self.repeated(repeats, p, i, j, base))
                plane.v[i + 3][j + 3], plane.e[i + 3][j + 3] = v - base, 64 * v - prediction
                scaled = [clip(64 * value * g >> 12, 1023) for value in x]
                predictor.learn(scaled, clip(64 * (v - base - r) * g >> 12, 1023), j)
            plane.after_row(i)
        plane.after_plane()
        return [row[3 : 3 + self.columns] for row in plane.v[3 : 3 + self.rows]]

    def inputs(self, p: int, i: int, j: int) -> list[int]:
        lists = [(self.planes[p], OWN)]
        lists += [(self.planes[q], OTHER[: 9 - 2 * q]) for q in range(p)]
        return [
            value - plane.reference(i, j)
            for plane, places in lists
            for value in plane.around(plane.v, i, j, places)
        ]

    def near(self, p: int, i: int, j: int) -> int:
        plane = self.planes[p]
        e = plane.around(plane.e, i, j, [*OWN[:6], *OWN[:2]])
        return sum(map(abs, e))

    def expected(self, p: int, i: int, j: int) -> int:
        n = self.near(p, i, j)
        if p:
            before = self.planes[p - 1]
            m = sum(map(abs, before.around(before.e, i, j, [*AROUND, (0, 0), (0, 0)])))
            n = (3 * n + m) >> 2
        return logarithm((n >> 3) + 32)

    def features(
        self, p: int, i: int, j: int, base: int, prediction: int, expected: int
    ) -> list[int]:
        g = self.model.table("tables.reciprocal")[expected]
        plane = self.planes[p]

        def q(d: int) -> int:
            return clip(d * g >> 12, 1023)

        def lg(a: int) -> int:
            return clip((logarithm(abs(a) + 8) - expected) * 16, 1023)

        e = plane.around(plane.e, i, j, OWN[:6])
        far = sum(map(abs, plane.around(plane.e, i, j, FAR)))
        features = [q(64 * v - (prediction - base)) for v in plane.around(plane.v, i, j, OWN)]
        features += [q(value) for value in e] + [lg(value) for value in e]
        features += [lg(self.near(p, i, j) >> 3), lg(far >> 3), (max(expected, 20) - 32) * 16]
        features += [q(prediction), q(64 * 255 - prediction)]
        for other in self.planes[:p]:
            v, e = (other.around(values, i, j, OTHER) for values in (other.v, other.e))
            features += [q(value) for value in e[:7]] + [lg(value) for value in e]
            features += [q(64 * (v[k] - v[0])) for k in range(1, 5)]
        return features

    def outputs(self, p: int, x: list[int]) -> list[int]:
        for n in range(3):
            name = f"planes.{p}.{n}"
            weight, bias, shift = (
                self.model.tensors[f"{name}.{part}"] for part in ("weight", "bias", "shift")
            )
            count = len(bias.numbers)
            x = [
                (
                    sum(a * b for a, b in zip(x, weight.numbers[o::count], strict=True))
                    + bias.numbers[o]
                )
                >> shift.numbers[o]
                for o in range(count)
            ]
            if n < 2:
                x = [clip(value >> 3 if value < 0 else value, 2047) for value in x]
        return [clip(value, 4095) for value in x]

    def repeated(
        self, repeats: list[Repeat], p: int, i: int, j: int, base: int
    ) -> tuple[Repeat, int]:
        """Return the share for a position, and the sample that may repeat."""
        plane = self.planes[p]
        left, above, corner, right, far = plane.around(plane.v, i, j, OWN[:5])
        median = sorted([left, above, left + above - corner])[1]
        kind = (left == above) + 2 * (left == corner) + 4 * (above == right) + 8 * (left == far)
        if p:
            here, before = self.planes[0].around(self.planes[0].v, i, j, [(0, 0), (0, -1)])
            kind += 16 * (here != before)
        return repeats[kind], max(0, min(255, median + base))

    def distribution(
        self, p: int, features: list[int], prediction: int, expected: int
    ) -> list[int]:
        """Return the probability of the samples below each, in 2^-24."""
        out = self.outputs(p, features)
        less = [max(out[:3]) - a for a in out[:3]]
        shares = [EXP2[d % 256] >> (d >> 8) for d in less]
        weights = [(share << 16) // sum(shares) for share in shares]
        weights[0] = (1 << 16) - weights[1] - weights[2]
        deviation = self.model.table("tables.deviation")[expected]
        means = [prediction + (o * deviation >> 8) for o in out[3:6]]
        table = self.model.table("tables.narrowness")
        narrowness = [table[max(8, min(255, 2 * expected + (u >> 5)))] for u in out[6:]]
        logistic = self.model.tensors["tables.logistic"].numbers
        below = [0]
        for s in range(1, 256):
            total = 0
            for weight, mean, narrow in zip(weights, means, narrowness, strict=True):
                z = (64 * s - 32 - mean) * narrow >> 18
                z = max(-(1 << 18), min((1 << 18) - 1, z)) + (1 << 18)
                low, high = logistic[z >> 8], logistic[(z >> 8) + 1]
                total += weight * (low + ((high - low) * (z % 256) >> 8))
            below.append(total >> 16)
        return [*below, 1 << 24]

    def pop(self, below: list[int], repeat: Repeat, repeated: int) -> int:
        share = repeat.share
        mixed = [
            (f * (65536 - share) + (share << 24 if s > repeated else 0)) >> 16
            for s, f in enumerate(below)
        ]
        v = self.stack.pop_between([s + (f * ((1 << 24) - 256) >> 24) for s, f in enumerate(mixed)])
        posterior = 0
        if v == repeated:
            other = below[v + 1] - below[v]
            posterior = (share << 40) // ((share << 24) + (65536 - share) * other)
        repeat.learn(posterior)
        return v


def decode(data: bytes, model: Model) -> list[Map]:
    """Return the samples of a file: `[plane][row][column]`."""
    file = parse(data)
    require(model.fingerprint[:8] == file.model_id, "the file was made with another model")
    require(len(file.payloads) == 2 and file.quality_step == 0, "the file is not of this kind")
    require(file.tile_side == SIDE, "stream tiles have another side")
    planes = 1 if file.gray else 3
    whole = [[[0] * file.width for _ in range(file.height)] for _ in range(planes)]
    corners = [(i, j) for i in range(0, file.height, SIDE) for j in range(0, file.width, SIDE)]
    for tile, (top, left) in enumerate(corners):
        rows, columns = min(SIDE, file.height - top), min(SIDE, file.width - left)
        coarse, fine = (Stack(payloads[tile]) for payloads in file.payloads)
        small = ceil_div(rows, STRIDE), ceil_div(columns, STRIDE)
        known = Walk(model, coarse, planes, *small, None).samples()
        samples = Walk(model, fine, planes, rows, columns, known).samples()
        for p, plane in enumerate(samples):
            for i, row in enumerate(plane, top):
                whole[p][i][left : left + columns] = row
    return whole


def main() -> None:
    file, folder = sys.argv[1:]
    samples = decode(Path(file).read_bytes(), read_model(Path(folder)))
    rows = b"".join(bytes(row) for plane in samples for row in plane)
    sys.stdout.write(hashlib.sha256(rows).hexdigest() + "\n")


if __name__ == "__main__":
    main()
