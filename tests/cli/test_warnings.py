"""What a user sees of pictures that are not kept whole: one line, or a refusal with --strict."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.pictures.made_pictures import encoded, exif_with_orientation, gradient, ramp
from tests.pictures.test_sizes import png_header, vqz_header
from vqzip.cli.app import run
from vqzip.cli.native_stderr import native_stderr_muted

Capture = pytest.CaptureFixture[str]
RGB = Image.fromarray(gradient())


def encode(data: bytes, folder: Path, model: Path, *options: str) -> tuple[int, Path]:
    """Write a picture's bytes to a file and encode it; return exit status and output."""
    source, output = folder / "in", folder / "out.vqz"
    source.write_bytes(data)
    arguments = ["encode", str(source), "-o", str(output), "--model", str(model), *options]
    return run(arguments), output


@pytest.mark.parametrize(
    ("data", "loss"),
    [
        (encoded(RGB.convert("CMYK"), "TIFF"), "CMYK colors"),
        (encoded(RGB, "GIF", save_all=True, append_images=[RGB.rotate(90)]), "a further picture"),
        (
            encoded(Image.fromarray(ramp().astype(np.uint16) << 8)),
            "more than 8 bits a sample",
        ),
    ],
)
def test_a_loss_is_one_line_and_strict_refuses_it(
    data: bytes, loss: str, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    status, output = encode(data, tmp_path, tiny_model)
    warning, summary = capsys.readouterr().err.splitlines()
    assert status == 0
    source = tmp_path / "in"
    assert warning == f"vqzip: warning: {source} has {loss}, which a .vqz file does not keep."
    assert summary.startswith(f"{output}: ")
    output.unlink()

    status, output = encode(data, tmp_path, tiny_model, "--strict")
    assert status == 1
    refused = f"vqzip: {source} has {loss}, which a .vqz file does not keep; leave out --strict"
    assert capsys.readouterr().err.startswith(refused)
    assert not output.exists()


def test_a_plain_picture_passes_without_a_word(
    tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    status, output = encode(encoded(RGB), tmp_path, tiny_model, "--strict")
    assert status == 0
    (summary,) = capsys.readouterr().err.splitlines()
    assert summary.startswith(f"{output}: ")


def test_the_warning_does_not_mix_with_data_on_stdout(
    tiny_model: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    source = tmp_path / "in.tif"
    source.write_bytes(encoded(RGB.convert("CMYK"), "TIFF"))
    assert run(["encode", str(source), "-o", "-", "--model", str(tiny_model)]) == 0
    captured = capfdbinary.readouterr()
    assert captured.out.startswith(b"\x89VQZ")
    assert captured.err.count(b"\n") == 1


def test_all_modes_come_back_with_alpha_and_metadata(tiny_model: Path, tmp_path: Path) -> None:
    exif = exif_with_orientation(1)
    alpha = Image.fromarray(ramp())
    for mode in ("RGB", "RGBA", "L", "LA", "1", "P", "CMYK"):
        image = RGB.convert(mode)
        if mode.endswith("A"):
            image.putalpha(alpha)
        image_format = "TIFF" if mode == "CMYK" else "PNG"
        options = {} if mode == "CMYK" else {"exif": exif}
        data = encoded(image, image_format, **options)
        status, output = encode(data, tmp_path, tiny_model, "--force")
        assert status == 0
        drawn = tmp_path / "drawn.png"
        decode = ["decode", str(output), "-o", str(drawn), "--model", str(tiny_model), "--force"]
        assert run(decode) == 0
        with Image.open(drawn) as decoded:
            assert decoded.mode == {"1": "L", "P": "RGB", "CMYK": "RGB"}.get(mode, mode)
            assert decoded.size == RGB.size
            if mode.endswith("A"):
                assert np.array_equal(np.asarray(decoded)[..., -1], ramp())
            if mode != "CMYK":
                assert decoded.info["exif"].removeprefix(b"Exif\0\0") == exif


def test_strip_converts_to_srgb_before_the_profile_goes(tiny_model: Path, tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    linear = with_gamma(srgb, 1.0)
    gray = Image.fromarray(np.full((16, 16, 3), 128, np.uint8))
    means = []
    for profile in (srgb, linear):
        data = encoded(gray, icc_profile=profile)
        options = ("--strip", "-q", "8", "--force")
        status, output = encode(data, tmp_path, tiny_model, *options)
        assert status == 0
        drawn = tmp_path / "drawn.png"
        decode = ["decode", str(output), "-o", str(drawn), "--model", str(tiny_model), "--force"]
        assert run(decode) == 0
        with Image.open(drawn) as decoded:
            assert "icc_profile" not in decoded.info
            means.append(float(np.asarray(decoded).mean()))
    # 128 / 255 in linear light is 188 in sRGB.
    assert abs(means[0] - 128) < 4
    assert abs(means[1] - 188) < 4


def with_gamma(profile: bytes, gamma: float) -> bytes:
    """An RGB profile with its three curves replaced by a power."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    changed = bytearray(profile + curve)
    (tags,) = struct.unpack_from(">I", profile, 128)
    for number in range(tags):
        entry = 132 + 12 * number
        if profile[entry : entry + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            struct.pack_into(">II", changed, entry + 4, len(profile), len(curve) - 2)
    struct.pack_into(">I", changed, 0, len(changed))
    return bytes(changed)


def test_sizes_beyond_the_limit_are_refused_both_ways(
    tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    status, output = encode(png_header(60_000, 60_000), tmp_path, tiny_model)
    assert status == 1
    assert not output.exists()
    error = capsys.readouterr().err
    assert error.startswith("vqzip: ")
    assert "500000000 pixels allowed; raise --max-pixels" in error
    file = tmp_path / "large.vqz"
    file.write_bytes(vqz_header(60_000, 60_000))
    assert run(["decode", str(file), "--model", str(tiny_model)]) == 1
    assert "raise --max-pixels" in capsys.readouterr().err
    assert not (tmp_path / "large.png").exists()


def test_complaints_of_libraries_stay_off_the_screen(
    tiny_model: Path, tmp_path: Path, capfd: Capture
) -> None:
    # libtiff prints of a strip that ends too early, by itself and not through Python.
    data = encoded(RGB, "TIFF", compression="tiff_lzw")
    with Image.open(io.BytesIO(data)) as image:
        (start,) = image.tag_v2[273]  # type: ignore[attr-defined]
    damaged = data[: start + 4] + b"\xff" * 40 + data[start + 44 :]
    status, _ = encode(damaged, tmp_path, tiny_model)
    (line,) = capfd.readouterr().err.splitlines()
    assert status == 1
    assert line.startswith("vqzip: ")


def test_the_descriptor_comes_back(capfd: Capture) -> None:
    def complain() -> None:
        os.write(2, b"unheard")
        raise KeyError

    with pytest.raises(KeyError), native_stderr_muted():
        complain()
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
