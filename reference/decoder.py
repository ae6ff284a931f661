"""A second decoder of codes: slow, small, in plain Python integers, written from docs/reference/format.md alone.

    python reference/decoder.py FILE.vqz MODEL_FOLDER

prints the SHA-256 of the codes. It shares no code with the package and imports only the standard library.
Names and order follow the page, section by section.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import sys
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import mul
from pathlib import Path
from typing import Any

Map = list[list[int]]
Position = tuple[int, int]


class Refused(Exception):
    """The file or the model folder breaks a rule of the page."""


def require(rule: bool, broken: str) -> None:
    if not rule:
        raise Refused(broken)


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


# The file


class Cursor:
    """Reads bytes from the front to an end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.end = data, 0, len(data)

    def take(self, count: int) -> bytes:
        require(count <= self.end - self.at, "the file is too short")
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self, largest: int) -> int:
        value = 0
        for place in range(5):
            byte = self.take(1)[0]
            value |= (byte & 127) << 7 * place
            if byte < 128:
                require(byte > 0 or place == 0, "a varint is longer than need be")
                require(value <= largest, "a number is too large")
                return value
        raise Refused("a varint has more than 5 bytes")


def crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ (0x1021 if crc & 0x8000 else 0)
        crc &= 0xFFFF
    return crc


@dataclass(frozen=True)
class File:
    """The content of a .vqz file: `payloads[stream][tile]`, and `sections` without the codes."""

    width: int
    height: int
    gray: bool
    quality_step: int
    tile_side: int
    model_id: bytes
    sections: tuple[tuple[int, bytes], ...]
    payloads: tuple[tuple[bytes, ...], ...]


def parse(data: bytes) -> File:
    cursor = Cursor(data)
    require(cursor.take(4) == b"\x89VQZ", "the magic is another")
    version, header_bytes = cursor.take(2)
    require(22 <= header_bytes <= 64, "the header has no legal length")
    cursor.take(header_bytes - 6 - 4)
    header_crc = int.from_bytes(cursor.take(4), "little")
    require(zlib.crc32(data[: header_bytes - 4]) == header_crc, "the header is damaged")
    require(version == 1, f"version {version} is not known")
    require(
        zlib.crc32(data[:-4]) == int.from_bytes(data[-4:], "little"),
        "the file is damaged or truncated",
    )

    cursor = Cursor(data[: header_bytes - 4])
    cursor.take(6)
    flags, streams_and_side = cursor.take(2)
    require(flags < 128, "a reserved bit is set")
    quality_step, gray = flags & 63, bool(flags & 64)
    streams, tile_side = 1 + (streams_and_side & 15), 256 << (streams_and_side >> 4)
    require(quality_step <= 56, "the quality is out of range")
    require(tile_side <= 65536, "the stream tiles are too large")
    width, height = cursor.varint(2**20), cursor.varint(2**20)
    require(width > 0 and height > 0, "the picture has no pixels")
    model_id = cursor.take(8)
    require(cursor.at == cursor.end, "the header is longer than its fields")
    tiles = ceil_div(width, tile_side) * ceil_div(height, tile_side)
    require(streams * tiles <= 2**20, "there are too many stream tiles")

    cursor = Cursor(data[:-4])
    cursor.take(header_bytes)
    sections = tuple(sections_before_codes(cursor))
    payloads = [guarded_payload(cursor) for _ in range(streams * tiles - 1)]
    payloads.append(cursor.take(cursor.end - cursor.at))
    require(len(payloads[-1]) % 4 == 0, "the last payload is not whole words")
    require(len(payloads[-1]) <= 4 << 28, "the last payload is too long")
    by_stream = tuple(tuple(payloads[s * tiles : (s + 1) * tiles]) for s in range(streams))
    return File(width, height, gray, quality_step, tile_side, model_id, sections, by_stream)


PACKED = {0x86: 3, 7: 4, 8: 5}
"""Kinds of packed metadata, and what they hold."""


def metadata_items(file: File) -> dict[int, bytes]:
    """Return ICC, EXIF and XMP by the kind of their plain section."""
    sections = dict(file.sections)
    items = {kind: sections[kind] for kind in (3, 4, 5) if kind in sections}
    return items | {PACKED[kind]: unpacked(sections[kind]) for kind in PACKED if kind in sections}


def sections_before_codes(cursor: Cursor) -> Iterator[tuple[int, bytes]]:
    seen: set[int] = set()
    for _ in range(64):
        kind = cursor.take(1)[0]
        require(kind < 128 or kind in (0x81, 0x82, 0x86), "a critical section is not known")
        plain = PACKED.get(kind, kind)
        require(plain not in seen, "a section occurs twice")
        if plain in (0x82, 3, 4, 5):
            seen.add(plain)
        if kind == 0x81:
            cursor.varint(0)
            return
        yield kind, cursor.take(cursor.varint(2**24 if plain in (3, 4, 5) else 2**30))
    raise Refused("there are too many sections")


def unpacked(payload: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        item = inflater.decompress(payload, 2**24 + 1)
    except zlib.error as error:
        raise Refused("packed metadata are damaged") from error
    require(len(item) <= 2**24, "packed metadata are too long")
    require(inflater.eof and not inflater.unused_data, "packed metadata have another length")
    return item


def guarded_payload(cursor: Cursor) -> bytes:
    start = cursor.at
    payload = cursor.take(4 * cursor.varint(2**28))
    crc = crc16(cursor.data[start : cursor.at])
    require(crc == int.from_bytes(cursor.take(2), "little"), "a payload is damaged")
    return payload


# The model folder


@dataclass(frozen=True)
class Tensor:
    """`numbers` in row-major order."""

    shape: tuple[int, ...]
    numbers: Sequence[int]

    def rows(self) -> list[Tensor]:
        """Return the tensors that the first index picks."""
        size = math.prod(self.shape[1:])
        starts = range(0, self.shape[0] * size, size)
        return [Tensor(self.shape[1:], self.numbers[i : i + size]) for i in starts]


def read_safetensors(data: bytes) -> dict[str, Tensor]:
    header_bytes = int.from_bytes(data[:8], "little")
    entries = json.loads(data[8 : 8 + header_bytes])
    entries.pop("__metadata__", None)
    tensors = {}
    for name, entry in entries.items():
        begin, end = (8 + header_bytes + offset for offset in entry["data_offsets"])
        code = {"I16": "h", "I64": "q"}[entry["dtype"]]
        count = math.prod(entry["shape"])
        tensors[name] = Tensor(
            tuple(entry["shape"]), struct.unpack(f"<{count}{code}", data[begin:end])
        )
    return tensors


@dataclass(frozen=True)
class Layer:
    """A dense layer; `columns[output][input]`, `biases[condition][output]`."""

    columns: list[Sequence[int]]
    biases: list[Sequence[int]]
    shifts: Sequence[int]

    def dense(self, x: Sequence[int], condition: int) -> list[int]:
        outputs = zip(self.columns, self.biases[condition], self.shifts, strict=True)
        return [(sum(map(mul, x, column)) + bias) >> shift for column, bias, shift in outputs]

    def act(self, x: Sequence[int], condition: int) -> list[int]:
        leaky = (v if v >= 0 else v >> 3 for v in self.dense(x, condition))
        return [clip(v, 2047) for v in leaky]


def clip(value: int, largest: int) -> int:
    return max(-largest, min(largest, value))


class Model:
    """The configuration and the integers of a model folder, and its fingerprint."""

    def __init__(self, config: dict[str, Any], tensors: dict[str, Tensor], fingerprint: bytes):
        self.fingerprint = fingerprint
        self.levels: list[dict[str, Any]] = config["vqvae"]["levels"]
        self.prior: dict[str, Any] = config["prior"]
        self.quality_steps = 1 if config["vqvae"].get("quality") is None else 57
        self.tensors = tensors
        self.embeddings = {
            name: [[row.numbers for row in channel.rows()] for channel in tensor.rows()]
            for name, tensor in tensors.items()
            if name.startswith("features.embedding.")
        }
        names = [name[: -len(".weight")] for name in tensors if name.endswith(".weight")]
        self.layers = {name: self._layer(name) for name in names}

    def _layer(self, name: str) -> Layer:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        outputs = weight.shape[1]
        columns = [weight.numbers[output::outputs] for output in range(outputs)]
        return Layer(
            columns, [row.numbers for row in bias.rows()], self.tensors[f"{name}.shift"].numbers
        )

    def channels(self, level: int) -> int:
        return int(self.levels[level]["groups"] * self.levels[level].get("depth", 1))

    def stages(self, level: int, *, gray: bool) -> list[tuple[int, ...]]:
        """Return the channels of each stage that is coded."""
        stages = [tuple(stage["channels"]) for stage in self.prior["levels"][level]["stages"]]
        count = self.prior.get("gray_stages", 0)
        return stages[:count] if gray and count else stages

    def condition(self, quality_step: int, *, gray: bool) -> int:
        require(quality_step < self.quality_steps, "the model has not got this quality")
        mode = 1 if gray and self.prior.get("gray_stages", 0) else 0
        return mode * self.quality_steps + quality_step

    def stream_of_level(self) -> list[int]:
        shared = [min(8, level["stride"]) for level in self.levels]
        strides = sorted(set(shared), reverse=True)
        return [strides.index(stride) for stride in shared]


def read_model(folder: Path) -> Model:
    names = ("config.json", "vqvae.safetensors", "exact_prior.safetensors")
    files = [(folder / name).read_bytes() for name in names]
    lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    for name, data in zip(names, files, strict=True):
        require(f"{hashlib.sha256(data).hexdigest()}  {name}" in lines, f"{name} is damaged")
    counted = b"".join(struct.pack("<Q", len(data)) + data for data in files)
    fingerprint = hashlib.sha256(counted).digest()
    return Model(json.loads(files[0]), read_safetensors(files[2]), fingerprint)


# Entropy coding


def boundary(counts: Sequence[int], symbol: int) -> int:
    """Return where a symbol begins in 0..2^24; the number of symbols gives 2^24."""
    if symbol == len(counts):
        return 1 << 24
    return (sum(counts[:symbol]) * ((1 << 24) - len(counts)) >> 16) + symbol


class Stack:
    """The words of a payload; the last one is on top."""

    def __init__(self, payload: bytes) -> None:
        self.words = list(struct.unpack(f"<{len(payload) // 4}I", payload))
        require(not self.words or self.words[-1] != 0, "the word on top is 0")
        self.state = 0
        self._refill()
        self._refill()

    @property
    def is_empty(self) -> bool:
        return self.state == 0 and not self.words

    def _refill(self) -> None:
        if self.state < 1 << 32 and self.words:
            self.state = self.state << 32 | self.words.pop()

    def pop(self, counts: Sequence[int]) -> int:
        return self.pop_between([boundary(counts, n) for n in range(len(counts) + 1)])

    def pop_between(self, boundaries: Sequence[int]) -> int:
        """Pop a symbol, given where each begins, and 2^24."""
        point = self.state & ((1 << 24) - 1)
        symbol = bisect_right(boundaries, point) - 1
        begin, end = boundaries[symbol], boundaries[symbol + 1]
        self.state = (self.state >> 24) * (end - begin) + point - begin
        self._refill()
        return symbol

    def pop_raw(self, widths: Sequence[int]) -> list[int]:
        """Pop raw bits for several numbers, in rounds."""
        values, left = [0] * len(widths), list(widths)
        while any(left):
            chunks = [min(4, width) for width in left]
            left = [width - chunk for width, chunk in zip(left, chunks, strict=True)]
            for size in (4, 3, 2, 1):
                for index, chunk in enumerate(chunks):
                    if chunk == size:
                        symbol = self.pop([1 << (16 - size)] * (1 << size))
                        values[index] = values[index] << size | symbol
        return values

    def pop_exp_golomb(self, orders: Sequence[int]) -> list[int]:
        widths = list(orders)
        still_open = list(range(len(orders)))
        while still_open:
            still_open = [index for index in still_open if self.pop([1 << 15] * 2)]
            for index in still_open:
                widths[index] += 1
                require(widths[index] - orders[index] <= 24, "an escape has no end")
        pairs = zip(self.pop_raw(widths), widths, orders, strict=True)
        return [(1 << width) + low - (1 << order) for low, width, order in pairs]


# The integer network


TAPS = [(-2, dj) for dj in range(-2, 4)] + [(-1, dj) for dj in range(-2, 2)] + [(0, -2), (0, -1)]


class Level:
    """A level of one stream tile: the codes known so far, and the outputs of the network.

    Args:
        model: of the file.
        number: of the level.
        size: rows and columns.
        state: running state by position, from the level before.
        quality_step: of the file.
        gray: whether the file has the gray bit.
    """

    def __init__(
        self,
        model: Model,
        number: int,
        size: tuple[int, int],
        state: dict[Position, list[int]],
        *,
        quality_step: int,
        gray: bool,
    ) -> None:
        self.model, self.number, self.size, self.state = model, number, size, state
        self.condition = model.condition(quality_step, gray=gray)
        self.stages = model.stages(number, gray=gray)
        self.coded = {channel for stage in self.stages for channel in stage}
        self.side = 256 // model.levels[number]["stride"]
        self.prior: dict[str, Any] = model.prior["levels"][number]
        self.logistic = model.prior["head"] == "logistic"
        rows, columns = size
        self.channels = range(model.channels(number))
        self.codes: list[Map] = [[[0] * columns for _ in range(rows)] for _ in self.channels]
        self._features: dict[Position, list[int]] = {}

    def positions(self) -> list[Position]:
        return [(i, j) for i in range(self.size[0]) for j in range(self.size[1])]

    def steps(self) -> list[list[Position]]:
        """Return positions by rank, in each step by context tile, then by row."""
        steps: dict[int, list[Position]] = {}
        by_tile = sorted(self.positions(), key=lambda p: (*self._tile(p), *p))
        for i, j in by_tile:
            steps.setdefault(j % self.side + 2 * (i % self.side), []).append((i, j))
        return [steps[rank] for rank in sorted(steps)]

    def _tile(self, position: Position) -> Position:
        return position[0] // self.side, position[1] // self.side

    def _near(self, position: Position, taps: Iterable[Position]) -> list[Position | None]:
        """Return neighbors; None for one outside the picture or the context tile."""
        found: list[Position | None] = []
        for di, dj in taps:
            i, j = position[0] + di, position[1] + dj
            inside = 0 <= i < self.size[0] and 0 <= j < self.size[1]
            found.append((i, j) if inside and self._tile((i, j)) == self._tile(position) else None)
        return found

    def base16(self, position: Position, channel: int) -> int:
        if not self.prior.get("neighbour_mean"):
            return 0
        near = [p for p in self._near(position, [(0, -1), (-1, 0)]) if p]
        return sum(16 // len(near) * self.codes[channel][i][j] for i, j in near)

    def look(self, position: Position, channels: Iterable[int]) -> list[int]:
        """Return the features of some channels' codes."""
        channels, (i, j) = list(channels), position
        if not self.logistic:
            embedding = self.model.embeddings[f"features.embedding.{self.number}"]
            zeros = [0] * self.model.prior["embedding"]
            rows = (
                embedding[c][self.codes[c][i][j]] if c in self.coded else zeros for c in channels
            )
            return [number for row in rows for number in row]
        table = self.model.tensors["features.magnitude"].numbers
        differences = [
            self.codes[c][i][j] - ((self.base16(position, c) + 8) >> 4) if c in self.coded else 0
            for c in channels
        ]
        magnitudes = [table[min(abs(q), 255)] for q in differences]
        signed = [m if q > 0 else -m for q, m in zip(differences, magnitudes, strict=True)]
        return signed + magnitudes

    def know(self, position: Position) -> None:
        """Record that all codes of a position are known."""
        self._features[position] = self.look(position, self.channels)

    def first(self, position: Position) -> list[int]:
        """Return the output of the first layer for state and taps."""
        zeros = [0] * (len(self.channels) * self.model.prior.get("embedding", 2))
        x = list(self.state.get(position, []))
        for near in self._near(position, TAPS):
            x += self._features[near] if near else zeros
        return self.model.layers[f"levels.{self.number}.first"].act(x, self.condition)

    def outputs(self, stage: int, known: Sequence[int]) -> list[int]:
        """Return the outputs of a stage, from `first` and the features of the stages before."""
        name = f"levels.{self.number}.stages.{stage}"
        hidden = self.model.layers[f"{name}.hidden"].act(known, self.condition)
        return self.model.layers[f"{name}.out"].dense(hidden, self.condition)

    def next_state(self) -> dict[Position, list[int]]:
        """Return the running state for the next level."""
        values = {p: [*self.state.get(p, []), *self._features[p]] for p in self.positions()}
        kernels = [layer["kernel"] for layer in self.prior.get("update", [])] + [1]
        for number, kernel in enumerate(kernels):
            layer = self.model.layers[f"levels.{self.number}.update.{number}"]
            reach = range(-(kernel // 2), kernel // 2 + 1)
            square = [(di, dj) for di in reach for dj in reach]
            zeros = [0] * len(values[0, 0])
            around = {
                p: [n for near in self._near(p, square) for n in (values[near] if near else zeros)]
                for p in values
            }
            values = {p: layer.act(x, self.condition) for p, x in around.items()}
        if self.model.levels[self.number + 1]["stride"] == self.model.levels[self.number]["stride"]:
            return values
        return {
            (2 * i + a, 2 * j + b): value[2 * a + b :: 4]
            for (i, j), value in values.items()
            for a in (0, 1)
            for b in (0, 1)
        }


# From outputs to codes


EXP2 = [1 << 30]
"""floor(2^(30 - f/256)): eight square roots make a 256th root."""
for fraction in range(1, 256):
    root = 1 << (30 * 256 - fraction)
    for _ in range(8):
        root = math.isqrt(root)
    EXP2.append(root)


def counts_of(logits: Sequence[int]) -> list[int]:
    """Return the counts of a categorical code."""
    logits = [clip(logit, 32767) for logit in logits]
    below = [max(logits) - logit for logit in logits]
    weights = [EXP2[d % 256] >> (d // 256) for d in below]
    counts = [1 + weight * (65536 - len(logits)) // sum(weights) for weight in weights]
    counts[counts.index(max(counts))] += 65536 - sum(counts)
    return counts


def pop_categorical(stack: Stack, logits: Sequence[Sequence[int]]) -> list[int]:
    return [stack.pop(counts_of(row)) if len(row) > 1 else 0 for row in logits]


def pop_logistic(
    stack: Stack, tensors: dict[str, Tensor], means_and_scales: Sequence[tuple[int, int]]
) -> list[int]:
    """Pop the codes of a step and stage, given means in sixteenths, and scales."""
    narrow, wide = tensors["tables.narrow"], tensors["tables.wide"]
    scales = [scale for _, scale in means_and_scales]
    parts = [divmod(mean16 + 8, 16) for mean16, _ in means_and_scales]
    is_narrow = [scale < narrow.shape[0] for scale in scales]
    high = [0] * len(scales)
    for table, radius, wanted in ((narrow, 1, True), (wide, 14, False)):
        size = 2 * radius + 3
        for n, scale in enumerate(scales):
            if is_narrow[n] == wanted:
                row = (16 * scale + parts[n][1]) * size
                high[n] = stack.pop(table.numbers[row : row + size]) - radius - 1
    low_bits = [tensors["tables.low_bits"].numbers[scale] for scale in scales]
    low = stack.pop_raw(low_bits)
    escaped = [n for n, hi in enumerate(high) if abs(hi) > (1 if is_narrow[n] else 14)]
    orders = [tensors["tables.escape_order"].numbers[scales[n]] for n in escaped]
    for n, excess in zip(escaped, stack.pop_exp_golomb(orders), strict=True):
        high[n] += excess if high[n] > 0 else -excess
    codes = [
        mean + (hi << k) + lo
        for (mean, _), hi, k, lo in zip(parts, high, low_bits, low, strict=True)
    ]
    require(all(abs(code) <= 2**20 for code in codes), "a code is too large")
    return codes


def pop_level(level: Level, stack: Stack) -> None:
    """Pop all codes of a level."""
    for step in level.steps():
        known = {p: level.first(p) for p in step}
        for number, channels in enumerate(level.stages):
            out = {p: level.outputs(number, known[p]) for p in step}
            places = [(p, g) for p in step for g in range(len(channels))]
            if level.logistic:
                parameters = [
                    (
                        clip(out[p][g], 2**20) + level.base16(p, channels[g]),
                        max(0, min(63, out[p][len(channels) + g])),
                    )
                    for p, g in places
                ]
                codes = pop_logistic(stack, level.model.tensors, parameters)
            else:
                size = len(out[step[0]]) // len(channels)
                logits = [out[p][g * size : (g + 1) * size] for p, g in places]
                codes = pop_categorical(stack, logits)
            for ((i, j), g), code in zip(places, codes, strict=True):
                level.codes[channels[g]][i][j] = code
            for p in step:
                known[p] += level.look(p, channels)
        for p in step:
            level.know(p)


# All together


def decode(data: bytes, model: Model) -> list[list[Map]]:
    """Return the codes of a file: `[level][channel][row][column]`."""
    file = parse(data)
    require(model.fingerprint[:8] == file.model_id, "the file was made with another model")
    streams = model.stream_of_level()
    require(
        len(file.payloads) == max(streams) + 1,
        "the file and the model have different numbers of streams",
    )
    strides = [level["stride"] for level in model.levels]
    whole: list[list[Map]] = [
        [
            [[0] * ceil_div(file.width, stride) for _ in range(ceil_div(file.height, stride))]
            for _ in range(model.channels(number))
        ]
        for number, stride in enumerate(strides)
    ]
    corners = [
        (top, left)
        for top in range(0, file.height, file.tile_side)
        for left in range(0, file.width, file.tile_side)
    ]
    for tile, (top, left) in enumerate(corners):
        tile_height = min(file.tile_side, file.height - top)
        tile_width = min(file.tile_side, file.width - left)
        stacks = [Stack(payloads[tile]) for payloads in file.payloads]
        state: dict[Position, list[int]] = {}
        for number, stride in enumerate(strides):
            size = ceil_div(tile_height, stride), ceil_div(tile_width, stride)
            level = Level(
                model, number, size, state, quality_step=file.quality_step, gray=file.gray
            )
            pop_level(level, stacks[streams[number]])
            if number + 1 < len(strides):
                state = level.next_state()
            for channel, rows in enumerate(level.codes):
                for i, row in enumerate(rows, top // stride):
                    whole[number][channel][i][left // stride : left // stride + size[1]] = row
        require(all(s.is_empty for s in stacks), "a payload does not end where its codes do")
    return whole


def sha256_of_codes(levels: Sequence[list[Map]], model: Model) -> str:
    digest = hashlib.sha256()
    for maps, level in zip(levels, model.levels, strict=True):
        shape = level["groups"], level.get("depth", 1), len(maps[0]), len(maps[0][0])
        digest.update(struct.pack("<4q", *shape))
        for rows in maps:
            for row in rows:
                digest.update(struct.pack(f"<{len(row)}i", *row))
    return digest.hexdigest()


def main() -> None:
    file, folder = sys.argv[1:]
    model = read_model(Path(folder))
    sys.stdout.write(sha256_of_codes(decode(Path(file).read_bytes(), model), model) + "\n")


if __name__ == "__main__":
    main()
