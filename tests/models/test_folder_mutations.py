"""Model folders are strangers' data: damage and lies are refused with one sentence, never obeyed.

`load` is tried on a folder that was changed in one place. Where its `SHA256SUMS` is left alone, every
change is refused. Where the attacker has made it anew, the folder is refused, or it is a model, and a
file that names it gives a picture.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from numpy.typing import NDArray

from vqzip.codec.codec import Codec, load
from vqzip.container.build import build
from vqzip.container.fields import Header, VqzFile
from vqzip.errors import ModelError, VqzipError
from vqzip.families.installed import summary
from vqzip.models.places import CONFIG, EXACT, FLOAT, IDENTITY, SUMS, VQVAE, write_sums

FILES = (*IDENTITY, FLOAT, SUMS)
MODELS = ("tiny", "tiny-vq")
Tensors = dict[str, NDArray[Any]]


@pytest.fixture(params=MODELS)
def folder(request: pytest.FixtureRequest, tmp_path: Path, tiny_model: Path) -> Path:
    """A sound model folder, to be changed."""
    return Path(shutil.copytree(tiny_model.parent / request.param, tmp_path / "model"))


def refused(folder: Path) -> str:
    """Return the sentence that refuses a folder."""
    with pytest.raises(ModelError) as caught:
        load(folder)
    return sentence_of(caught.value)


def sentence_of(error: VqzipError) -> str:
    """Return what an error says, which must be fit for a terminal."""
    sentence = str(error)
    assert sentence.isprintable()
    assert 10 < len(sentence) < 1000
    return sentence


def refused_or_works(folder: Path) -> bool:
    """Make the sums anew as an attacker would; return whether the folder was refused."""
    write_sums(folder, (*IDENTITY, FLOAT))
    try:
        codec = load(folder)
    except ModelError as error:
        sentence_of(error)
        return True
    for payload in (b"", b"\x12\x34\x56\x78"):
        draw(codec, payload)
    return False


def draw(codec: Codec, payload: bytes) -> None:
    """Decode a file that names the model, whatever its codes come to mean."""
    streams = max(codec.model.config.vqvae.stream_of_level) + 1
    header = Header(24, 10, "rgb", streams, 0, 10, codec.model.id[:8])
    try:
        picture = codec.decode_picture(build(VqzFile(header, ((payload,),) * streams)))
    except VqzipError as error:
        sentence_of(error)
    else:
        assert (picture.width, picture.height) == (24, 10)


def changed(rng: random.Random, data: bytes) -> Iterator[bytes]:
    """Yield a file's bytes cut and altered."""
    for length in (0, 1, 7, 8, 9, len(data) // 2, len(data) - 1):
        yield data[:length]
    yield data + b"\0"
    for place in (0, 7, 8, 9, len(data) - 1, *(rng.randrange(len(data)) for _ in range(15))):
        yield data[:place] + bytes([data[place] ^ rng.randrange(1, 256)]) + data[place + 1 :]


def test_the_folder_is_sound_before_it_is_changed(folder: Path) -> None:
    assert not refused_or_works(folder)


@pytest.mark.parametrize("name", FILES)
def test_any_change_of_a_file_is_refused(folder: Path, name: str) -> None:
    rng, path = random.Random(name), folder / name  # noqa: S311
    for data in changed(rng, path.read_bytes()):
        path.write_bytes(data)
        refused(folder)
    path.unlink()
    assert name in refused(folder) or name == CONFIG


@pytest.mark.parametrize("name", [*IDENTITY, FLOAT])
def test_changes_by_somebody_who_makes_the_sums_anew(folder: Path, name: str) -> None:
    rng, path = random.Random(f"{name}!"), folder / name  # noqa: S311
    cuts = 0
    for data in changed(rng, path.read_bytes()):
        path.write_bytes(data)
        cuts += refused_or_works(folder)
    assert cuts >= 7 or name == FLOAT


# What is no file at all


@pytest.mark.parametrize("name", FILES)
def test_folders_links_pipes_and_devices_in_place_of_a_file(folder: Path, name: str) -> None:
    path, aside = folder / name, folder / "aside"
    path.rename(aside)
    for target in (folder / "nothing", path, folder.parent, Path("/dev/zero")):
        path.symlink_to(target)
        refused(folder)
        path.unlink()
    path.mkdir()
    refused(folder)
    path.rmdir()
    os.mkfifo(path)
    refused(folder)
    path.unlink()
    # Where a link leads is no matter as long as the bytes are those of the sums.
    path.symlink_to(aside)
    draw(load(folder), b"")


@pytest.mark.parametrize(
    "line",
    [
        "{digest}  ../model/config.json",
        "{digest}  /etc/passwd",
        "{digest}  ..",
        "{digest}  ",
        "{digest}  CARD.md",
        "{digest}  config.json",
        "{digest} *config.json",
        "{digest}  config.json\0",
        "short  config.json",
        "\x1b[31m",
    ],
)
def test_sums_that_list_something_else(folder: Path, line: str) -> None:
    sums = folder / SUMS
    before = sums.read_text()
    sums.write_text(before + line.format(digest="0" * 64) + "\n")
    assert "SHA256SUMS" in refused(folder)
    # Even if the digest is right: a list has a name once, and no name is a path.
    sums.write_text(before + line.format(digest=before[:64]) + "\n")
    assert "SHA256SUMS" in refused(folder)


@pytest.mark.parametrize("name", IDENTITY)
def test_sums_that_leave_a_file_out(folder: Path, name: str) -> None:
    lines = (folder / SUMS).read_text().splitlines(keepends=True)
    (folder / SUMS).write_text("".join(line for line in lines if name not in line.split()))
    assert name in refused(folder)


def test_a_file_of_a_terabyte_is_not_read(folder: Path) -> None:
    for name in (CONFIG, SUMS):
        with (folder / name).open("r+b") as file:
            file.truncate(1 << 40)
        tracemalloc.start()
        refused(folder)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8 << 20


# Tensors


def as_nan(tensor: NDArray[Any]) -> NDArray[Any]:
    return np.full_like(tensor, np.nan)


def as_infinite(tensor: NDArray[Any]) -> NDArray[Any]:
    tensor = tensor.copy()
    tensor.reshape(-1)[-1:] = -np.inf
    return tensor


LIES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "one dimension more": lambda tensor: tensor[None],
    "flat": lambda tensor: tensor.reshape(-1) if tensor.ndim > 1 else tensor[None],
    "a row less": lambda tensor: tensor[:-1],
    "twice as many": lambda tensor: np.concatenate([tensor, tensor]),
    "nothing": lambda tensor: tensor[:0],
    "integers of 8 bits": lambda tensor: tensor.astype(np.int8),
    "booleans": lambda tensor: tensor.astype(np.bool_),
    "double": lambda tensor: tensor.astype(np.float64),
}
FLOAT_LIES = {"not a number": as_nan, "infinite": as_infinite}


def stored(folder: Path, name: str) -> Tensors:
    return safetensors.numpy.load_file(folder / name)


def some_names(tensors: Tensors) -> list[str]:
    """Return a few of the names, one of each kind of tensor at least."""
    kinds: dict[str, str] = {}
    for name in sorted(tensors):
        kinds.setdefault(".".join(part for part in name.split(".") if not part.isdigit()), name)
    return list(kinds.values())


@pytest.mark.slow
@pytest.mark.parametrize("file", [EXACT, VQVAE])
def test_tensors_of_other_shapes_and_types(folder: Path, file: str) -> None:
    tensors = stored(folder, file)
    floats = next(iter(tensors.values())).dtype.kind == "f"
    for name in some_names(tensors):
        for lie in [*LIES.values(), *(FLOAT_LIES.values() if floats else ())]:
            safetensors.numpy.save_file(tensors | {name: lie(tensors[name])}, folder / file)
            # Narrow scales may be as few as one likes: that is another model.
            assert refused_or_works(folder) or name == "tables.narrow", (name, lie)
        safetensors.numpy.save_file(
            {key: tensor for key, tensor in tensors.items() if key != name}, folder / file
        )
        assert refused_or_works(folder), name
    for strange in ("more", "\x1b[31mred", "\n"):
        one = {strange: np.zeros(1, np.float32)}
        safetensors.numpy.save_file(tensors | one, folder / file)
        assert refused_or_works(folder), strange


@pytest.mark.slow
def test_numbers_at_the_ends_of_their_ranges(folder: Path) -> None:
    tensors = stored(folder, EXACT)
    for name in some_names(tensors):
        numbers = np.iinfo(tensors[name].dtype)
        for value in (numbers.min, numbers.max, -1, 0, 1, 1 << 14):
            safetensors.numpy.save_file(
                tensors | {name: np.full_like(tensors[name], value)}, folder / EXACT
            )
            refused_or_works(folder)


def test_largest_finite_weights_draw_a_picture_or_are_refused(folder: Path) -> None:
    tensors = stored(folder, VQVAE)
    largest = {name: np.full_like(t, np.finfo(t.dtype).max) for name, t in tensors.items()}
    safetensors.numpy.save_file(largest, folder / VQVAE)
    refused_or_works(folder)


def test_counts_whose_sum_leaves_64_bits(tmp_path: Path, tiny_model: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    tensors = stored(folder, EXACT)
    wide = tensors["tables.wide"].copy()
    wide[..., :4] = 1 << 62
    # Four times 2^62 is 2^64, which NumPy's int64 takes for 0.
    wide[..., 4:] = 1
    wide[..., 4] = (1 << 16) - (wide.shape[-1] - 5)
    assert (wide.sum(-1) == 1 << 16).all()
    safetensors.numpy.save_file(tensors | {"tables.wide": wide}, folder / EXACT)
    assert refused_or_works(folder)


@pytest.mark.parametrize(
    "header",
    [
        b"{" * 100_000,
        b'{"a":' * 50_000,
        b'{"a":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,0]}}',
        b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}',
        b'{"a":{"dtype":"F4","shape":[0],"data_offsets":[0,0]}}',
        b'{"a":{"dtype":"BF16","shape":[0],"data_offsets":[0,0]}}',
        b'{"a":{"dtype":"Q9","shape":[0],"data_offsets":[0,0]}}',
        b'{"a":{"dtype":"F8_E4M3","shape":[0],"data_offsets":[0,0]}}',
        b'{"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}}',
        b"[]",
        b"null",
        b'{"a":1}',
        b"\xff\xfe",
        b"",
    ],
)
@pytest.mark.parametrize("file", [EXACT, VQVAE])
def test_strange_headers_of_safetensors(folder: Path, file: str, header: bytes) -> None:
    for claimed in (len(header), 1 << 20, 1 << 30, 1 << 62, (1 << 64) - 1):
        (folder / file).write_bytes(claimed.to_bytes(8, "little") + header)
        assert refused_or_works(folder)


# The configuration

HUGE = 10**12
STRANGE: tuple[Any, ...] = (
    *(HUGE, -1, 0, 1, 2, 3, 65, 10**400, 0.5, 1e308, -1e-300, True, None, "", "kind"),
    *([], {}, [1], {"kind": []}, [[]] * 20, "\ud800", "\x1b[31m", "x" * 5000),
)


def places(plain: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to everything in a configuration."""
    if path:
        yield path
    if isinstance(plain, dict):
        for key, value in plain.items():
            yield from places(value, (*path, key))
    elif isinstance(plain, list):
        for number, value in enumerate(plain):
            yield from places(value, (*path, number))


def with_value(plain: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(plain) if isinstance(plain, dict) else list(plain)
    copy[path[0]] = with_value(plain[path[0]], path[1:], value)
    return copy


def test_strange_values_everywhere_in_the_configuration(folder: Path) -> None:
    rng = random.Random(7)  # noqa: S311
    plain = json.loads((folder / CONFIG).read_text())
    refusals = works = 0
    for path in places(plain):
        for value in rng.sample(STRANGE, 2):
            (folder / CONFIG).write_text(json.dumps(with_value(plain, path, value)))
            if refused_or_works(folder):
                refusals += 1
            else:
                works += 1
    assert refusals > 10 * works


def test_no_memory_is_taken_for_what_the_configuration_only_says(folder: Path) -> None:
    plain = json.loads((folder / CONFIG).read_text())
    large = {"hidden": 4096, "width": 4096, "size": 32768, "dim": 1024, "residual_hidden": 4096}
    tracemalloc.start()
    for path in places(plain):
        if path[-1] in large:
            (folder / CONFIG).write_text(json.dumps(with_value(plain, path, large[path[-1]])))
            assert refused_or_works(folder), path
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"name":' * 50_000,
        "NaN",
        '"text"',
        "1" * 5000,
        '{"name": "x", "name": "y"}',
        "\ufeff{}",
        "\0",
    ],
)
def test_a_configuration_that_is_none(folder: Path, text: str) -> None:
    (folder / CONFIG).write_text(text, encoding="utf-8")
    assert refused_or_works(folder)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"{}",
        b"[1]",
        b'[{"quality": 1.0}]',
        b'[{"quality": null, "rate_bpp": 1, "psnr_db": 1, "ms_ssim": 1}]',
        b'[{"quality": "\x1b[31m", "rate_bpp": 1, "psnr_db": 1, "ms_ssim": 1}]',
        b"\xff",
        b"[NaN]",
        b" " * (2 << 20),
    ],
)
def test_a_curve_that_is_none(folder: Path, text: bytes) -> None:
    (folder / "curve.json").write_bytes(text)
    with pytest.raises(ModelError) as caught:
        summary(folder)
    sentence_of(caught.value)


def test_a_card_of_any_bytes(folder: Path) -> None:
    for text in (b"", b"\xff\xfe", b"License: \x1b[31mred", b"License: " + b"x" * 5000):
        (folder / "CARD.md").write_bytes(text)
        assert summary(folder).card_license == "not stated"
    (folder / "CARD.md").write_bytes(b"\xff\nLicense: CC0.\n")
    assert summary(folder).card_license == "CC0"


def test_levels_and_transform_that_do_not_fit(tmp_path: Path, tiny_model: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    plain = json.loads((folder / CONFIG).read_text())
    around = {"before": {"width": 8, "blocks": 1}}
    for transform in ({"decompositions": 2}, {"decompositions": 4}, {"decompositions": 1} | around):
        changed_transform = plain["vqvae"]["transform"] | transform
        lie = with_value(plain, ("vqvae", "transform"), changed_transform)
        (folder / CONFIG).write_text(json.dumps(lie))
        assert refused_or_works(folder), transform


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_steps_that_are_no_numbers(tmp_path: Path, tiny_model: Path, constant: str) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    text = (folder / CONFIG).read_text()
    assert '"base_step": 40.0' in text
    (folder / CONFIG).write_text(text.replace('"base_step": 40.0', f'"base_step": {constant}'))
    assert refused_or_works(folder)
