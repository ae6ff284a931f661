"""The plugin for Pillow does what Pillow's own plugins do: the list of its tests for a format."""

from __future__ import annotations

import copy
import io
import pickle  # noqa: TID251  (images must survive it)
import random
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

import vqzip
import vqzip.pillow
from tools.golden.models import smooth_pixels
from vqzip.codec.codec import Codec

PIXELS = smooth_pixels(90, 130, 3)
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"


@pytest.fixture(autouse=True)
def models(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQZIP_MODELS", str(tiny_model.parent))


@pytest.fixture
def file() -> bytes:
    return saved(Image.fromarray(PIXELS))


def saved(image: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "VQZ", **({"model": "tiny"} | options))
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def refuse_to_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object, **__: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(Codec, "decode_picture", decoded)
    monkeypatch.setattr(Codec, "decode_reduced", decoded)


# Registration


def test_it_is_registered() -> None:
    assert Image.registered_extensions()[".vqz"] == "VQZ"
    assert Image.MIME["VQZ"] == "image/x-vqz"
    assert "VQZ" in Image.OPEN
    assert "VQZ" in Image.SAVE


def test_importing_it_is_light() -> None:
    program = (
        "import sys, vqzip.pillow\n"
        "print([m for m in ('numpy', 'onnxruntime', 'torch', 'constriction') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


# Opening


def test_opening(file: bytes) -> None:
    with opened(file) as image:
        assert isinstance(image, vqzip.pillow.VqzImageFile)
        assert (image.format, image.mode, image.size) == ("VQZ", "RGB", (130, 90))
        assert image.get_format_mimetype() == "image/x-vqz"
        assert image.load() is not None
        assert np.array_equal(np.asarray(image), np.asarray(vqzip.decode(file)))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_mode_is_known_before_decoding(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    if mode.endswith("A"):
        image.putalpha(Image.new("L", image.size, 90))
    data = saved(image)
    with opened(data) as again:
        assert again.mode == mode
        again.load()
        assert (again.mode, again.im.mode) == (mode, mode)
    refuse_to_decode(monkeypatch)
    with opened(data) as again:
        assert (again.mode, again.size) == (mode, image.size)


def test_opening_is_lazy(file: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuse_to_decode(monkeypatch)
    path = tmp_path / "a.vqz"
    path.write_bytes(file)
    with Image.open(path) as image:
        assert image.size == (130, 90)
        assert image.info == {}
        with pytest.raises(AssertionError, match="pixels were decoded"):
            image.load()


def test_metadata_are_there_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    data = saved(Image.fromarray(PIXELS), exif=EXIF, icc_profile=icc, xmp=xmp)
    refuse_to_decode(monkeypatch)
    with opened(data) as image:
        assert image.info == {"exif": EXIF, "icc_profile": icc, "xmp": xmp}
        assert dict(image.getexif()) == {}


def test_a_path_is_closed_after_loading(file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.vqz"
    path.write_bytes(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = Image.open(path)
        assert isinstance(image, ImageFile.ImageFile)
        image.load()
        assert image.fp is None
        del image
    path.unlink()


def test_a_file_object_stays_open(file: bytes) -> None:
    stream = io.BytesIO(file)
    with Image.open(stream) as image:
        image.load()
    assert not stream.closed


def test_loading_a_closed_image(file: bytes) -> None:
    image = opened(file)
    image.close()
    with pytest.raises(ValueError, match="closed"):
        image.load()


def test_a_stream_that_cannot_seek(file: bytes) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self._inner = io.BytesIO(file)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return self._inner.readinto(buffer)

    with Image.open(io.BufferedReader(Pipe())) as image:
        assert np.array_equal(np.asarray(image), np.asarray(vqzip.decode(file)))


def test_the_incremental_parser(file: bytes) -> None:
    parser = ImageFile.Parser()
    for start in range(0, len(file), 100):
        parser.feed(file[start : start + 100])
    image = parser.close()
    assert np.array_equal(np.asarray(image), np.asarray(vqzip.decode(file)))


def test_seek_and_tell(file: bytes) -> None:
    with opened(file) as image:
        assert image.tell() == 0
        image.seek(0)
        with pytest.raises(EOFError):
            image.seek(1)
        assert image.tell() == 0


def test_copies_and_pickles(file: bytes) -> None:
    wanted = np.asarray(opened(file))
    assert np.array_equal(np.asarray(opened(file).copy()), wanted)
    assert np.array_equal(np.asarray(copy.copy(opened(file))), wanted)
    assert np.array_equal(np.asarray(pickle.loads(pickle.dumps(opened(file)))), wanted)  # noqa: S301


# Thumbnails


def test_draft_takes_the_nearest_size(file: bytes) -> None:
    for wanted, size in {
        (130, 90): (130, 90),
        (93, 64): (130, 90),
        (91, 63): (65, 45),
        (65, 45): (65, 45),
        (20, 20): (33, 23),
        (17, 12): (17, 12),
        (1, 1): (5, 3),
        (1000, 1000): (130, 90),
    }.items():
        image = opened(file)
        changed = image.draft(None, wanted)
        assert image.size == size
        assert (changed is None) == (size == (130, 90))
        image.load()
        assert image.im.size == size


def test_draft_after_loading_changes_nothing(file: bytes) -> None:
    image = opened(file)
    image.load()
    assert image.draft("RGB", (10, 10)) is None
    assert image.size == (130, 90)


def test_draft_twice(file: bytes) -> None:
    image = opened(file)
    image.draft(None, (10, 10))
    image.draft(None, (65, 45))
    assert image.size == (65, 45)
    assert np.array_equal(np.asarray(image), np.asarray(vqzip.decode(file, reduction=2)))


def test_a_thumbnail_is_close_to_that_of_the_whole_picture(photograph: Path) -> None:
    out = io.BytesIO()
    Image.open(photograph).save(out, "VQZ", quality=7, effort=0)
    quick, slow = opened(out.getvalue()), opened(out.getvalue())
    slow.load()
    for image in (quick, slow):
        image.thumbnail((64, 64))
    assert quick.size == slow.size
    error = np.asarray(quick, float) - np.asarray(slow, float)
    assert np.sqrt(np.mean(error**2)) < 12


def test_a_thumbnail_decodes_no_fine_levels(file: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    decode_reduced = Codec.decode_reduced

    def noted(self: Codec, source: Any, reduction: int, **settings: Any) -> Any:
        asked.append((type(source), reduction))
        return decode_reduced(self, source, reduction, **settings)

    monkeypatch.setattr(Codec, "decode_reduced", noted)
    image = opened(file)
    image.thumbnail((14, 14))
    assert image.size == (14, 10)
    assert asked == [(io.BytesIO, 4)]


# Saving


def test_saving_by_suffix(tmp_path: Path) -> None:
    path = tmp_path / "a.vqz"
    Image.fromarray(PIXELS).save(path, model="tiny", quality=6)
    assert path.read_bytes() == vqzip.encode(PIXELS, 6, model="tiny")
    path = tmp_path / "b.VQZ"
    Image.fromarray(PIXELS).save(path, model="tiny")
    assert path.read_bytes() == vqzip.encode(PIXELS, model="tiny")


def test_options_of_encode() -> None:
    image = Image.fromarray(PIXELS)
    assert saved(image, quality="good") == vqzip.encode(PIXELS, 6, model="tiny")
    assert len(saved(image, max_bytes=700)) <= 700
    assert saved(image, psnr=25) == vqzip.encode(PIXELS, psnr=25, model="tiny")


@pytest.mark.parametrize("quality", [0, 75, 4.3, "best", True])
def test_an_invalid_quality(quality: Any) -> None:
    with pytest.raises(ValueError, match="quality"):
        saved(Image.fromarray(PIXELS), quality=quality)


def test_an_invalid_file_is_not_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.vqz"
    with pytest.raises(ValueError, match="quality"):
        Image.fromarray(PIXELS).save(path, model="tiny", quality=75)
    assert not path.exists()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F"])
def test_saving_every_mode(mode: str) -> None:
    image = Image.fromarray(PIXELS).convert("L" if mode in ("I;16", "F") else "RGB").convert(mode)
    if mode == "F":
        image = image.point(lambda value: value / 255)
    with opened(saved(image)) as again:
        assert again.size == image.size
        again.load()


def test_transparency_of_a_palette_is_kept() -> None:
    image = Image.fromarray(PIXELS).convert("P")
    image.info["transparency"] = 0
    image.putpixel((3, 3), 0)
    with opened(saved(image)) as again:
        assert again.mode == "RGBA"


def test_metadata_as_other_formats_keep_them() -> None:
    image = Image.fromarray(PIXELS)
    image.info |= {"exif": EXIF, "xmp": b"<x/>", "comment": "hello"}
    with opened(saved(image)) as again:
        assert again.info == {}
    exif = Image.Exif()
    exif[0x010E] = "a bridge"
    with opened(saved(image, exif=exif, xmp="<y/>")) as again:
        assert again.getexif()[0x010E] == "a bridge"
        assert again.info["xmp"] == b"<y/>"
    assert image.info["comment"] == "hello"


def test_the_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(PIXELS)
    image.info["exif"] = exif.tobytes()
    with opened(saved(image, exif=exif, quality=8)) as again:
        assert again.size == (90, 130)
        assert again.getexif().get(0x0112, 1) == 1
        upright = ImageOps.exif_transpose(image)
        assert np.abs(np.asarray(upright, int) - np.asarray(again, int)).mean() < 20


def test_a_round_trip_through_the_plugin(file: bytes) -> None:
    with opened(file) as image:
        assert saved(image) == vqzip.encode(vqzip.decode(file), model="tiny")


# Bad data


@pytest.mark.parametrize(
    "data", [b"", b"\x89VQ", b"\x89VQZ", b"no picture", b"\x89VQZ" + bytes(60)]
)
def test_foreign_data(data: bytes) -> None:
    with pytest.raises(UnidentifiedImageError):
        opened(data)


def test_the_class_itself_says_why() -> None:
    with pytest.raises(SyntaxError, match=r"not a \.vqz file"):
        vqzip.pillow.VqzImageFile(io.BytesIO(b"no picture"))


def test_truncated_data(file: bytes) -> None:
    image = opened(file[:-20])
    assert image.size == (130, 90)
    with pytest.raises(OSError, match="damaged or truncated"):
        image.load()


def test_truncated_data_that_may_be_loaded(file: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with opened(file[:-20]) as image:
        image.load()
        assert image.size == (130, 90)
    with opened(file[:-20]) as image:
        image.thumbnail((20, 20))
        assert image.size == (20, 14)


def test_a_model_that_is_not_installed(file: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VQZIP_MODELS")
    with opened(file) as image, pytest.raises(OSError, match="not installed"):
        image.load()


def test_a_bomb_is_refused_by_pillow(file: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(Image.DecompressionBombError):
        opened(file)


def test_verify(file: bytes) -> None:
    opened(file).verify()
    damaged = bytearray(file)
    damaged[-9] ^= 1
    with pytest.raises(OSError, match="damaged"):
        opened(bytes(damaged)).verify()


def test_damage_anywhere_gives_an_error_that_pillow_expects(file: bytes) -> None:
    chance = random.Random(3)  # noqa: S311
    for _ in range(150):
        changed = bytearray(file[: chance.choice([len(file), chance.randrange(len(file))])])
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        try:
            with opened(bytes(changed)) as image:
                image.draft(None, (130 // chance.choice([1, 4]), 90))
                image.load()
        except (OSError, Image.DecompressionBombError):
            continue


# Other libraries that open pictures with Pillow


def test_a_folder_of_classes_for_training(file: bytes, tmp_path: Path) -> None:
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # it may not fit the torch that is installed
        pytest.skip(str(error))
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.vqz").write_bytes(file)
    folder = datasets.ImageFolder(
        str(tmp_path), is_valid_file=lambda path: str(path).endswith(".vqz")
    )
    assert folder.classes == ["cats", "dogs"]
    image, label = folder[1]
    assert (image.size, label) == ((130, 90), 1)


# Threads


def test_threads(file: bytes) -> None:
    wanted = np.asarray(opened(file))

    def work(number: int) -> bool:
        with opened(file) as image:
            if number % 2:
                image.thumbnail((32, 32))
                return image.size == (32, 22)
            return np.array_equal(np.asarray(image), wanted) and saved(image) == again

    again = saved(opened(file))
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(32)))
