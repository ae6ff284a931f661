import math
from pathlib import Path

import pytest

from tests.measuring.made_pictures import write_folder
from vqzip.codec.codec import Codec, load
from vqzip.measuring.float_prior import BothPriors, load_both
from vqzip.measuring.nll import NllResult, measure_nll, nll_table, priors_table
from vqzip.measuring.source_pictures import find_pictures, read_plain
from vqzip.metrics import mse, psnr_db


@pytest.fixture(scope="module")
def codec(tiny_model: Path) -> Codec:
    return load(tiny_model)


@pytest.fixture(scope="module")
def priors(codec: Codec) -> BothPriors:
    return load_both(codec.model)


@pytest.fixture(scope="module")
def result(
    codec: Codec, priors: BothPriors, tmp_path_factory: pytest.TempPathFactory
) -> tuple[NllResult, Path, list[tuple[int, int, str]]]:
    """Two of three training pictures and one for validation, each a whole context tile and a little more."""
    folder = tmp_path_factory.mktemp("pictures")
    train = write_folder(folder / "train", 3, 256, 288)
    valid = write_folder(folder / "valid", 1, 256, 288)
    seen: list[tuple[int, int, str]] = []
    found = measure_nll(
        codec,
        priors,
        train,
        valid,
        quality=5.0,
        limit=2,
        progress=lambda done, total, what: seen.append((done, total, what)),
    )
    return found, valid, seen


Result = tuple[NllResult, Path, list[tuple[int, int, str]]]


def test_likelihood_and_distortion_of_both_folders(result: Result, codec: Codec) -> None:
    found, valid, seen = result
    assert (found.model, found.quality) == (codec.model.name, 5.0)
    assert (found.train.pictures, found.valid.pictures) == (2, 1)
    picture = read_plain(find_pictures(valid)[0])
    encoded = codec.encode_picture(picture, quality=5.0)
    for level, codes, bits, config in zip(
        found.valid.levels,
        encoded.codes.levels,
        encoded.code_length_bits,
        codec.model.config.vqvae.levels,
        strict=True,
    ):
        assert (level.codes, level.stride) == (codes.size, config.stride)
        assert level.bits_per_code == pytest.approx(bits / codes.size)
        assert level.nats_per_code == pytest.approx(level.bits_per_code * math.log(2))
    assert found.train.levels[0].codes == 2 * found.valid.levels[0].codes
    assert found.valid.mse == mse(picture.pixels, codec.decode_picture(encoded.data).pixels)
    assert found.valid.psnr_db == psnr_db(found.valid.mse)
    assert [(done, total) for done, total, _ in seen] == [(1, 3), (2, 3), (3, 3)]
    assert seen[-1][2] == "validation below/p0.png"


def test_table_has_a_row_for_each_level_and_the_picture(result: Result) -> None:
    found = result[0]
    table = nll_table(found)
    levels = [str(level.level) for level in found.train.levels]
    assert [row[0] for row in table.rows] == [*levels, "picture"]
    assert all(len(row) == len(table.header) for row in table.rows)
    assert table.rows[0][4] == f"{found.train.levels[0].bits_per_code:.4f}"
    assert "2 training and 1 validation" in table.title


def test_second_table_has_what_integers_cost(result: Result) -> None:
    found = result[0]
    # Of 288 columns, 256 are in whole context tiles.
    assert found.valid.priors.codes == sum(level.priors.codes for level in found.valid.levels)
    assert 9 * found.valid.priors.codes == 8 * sum(level.codes for level in found.valid.levels)
    table = priors_table(found)
    assert [row[0] for row in table.rows][-1] == "all"
    bits = found.valid.priors.integer_bits / found.valid.priors.codes
    assert table.rows[-1][6] == f"{bits:.4f}"
    assert all(len(row) == len(table.header) for row in table.rows)


def test_pictures_without_a_whole_tile_leave_dashes(
    codec: Codec, priors: BothPriors, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path, 1, 64, 64)
    table = priors_table(measure_nll(codec, priors, folder, folder))
    assert table.rows[-1][2:] == ("-",) * 6
