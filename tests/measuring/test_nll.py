import math
from pathlib import Path

import pytest

from tests.measuring.fake_codec import BITS_PER_CODE, FakeCodec
from tests.measuring.made_pictures import hills, write_folder
from vqzip.codes import TokenMaps
from vqzip.measuring.float_prior import PriorLengths, prior_lengths
from vqzip.measuring.nll import measure_nll, nll_table, priors_table
from vqzip.metrics import mse, psnr_db
from vqzip.pictures.picture import Picture


class FakePriors:
    """Integers that cost a hundredth more than floats, on pictures that count entirely."""

    def lengths(self, codes: TokenMaps, *, quality: float, gray: bool) -> tuple[PriorLengths, ...]:
        sizes = [level.size for level in codes.levels]
        return tuple(prior_lengths(n, n * BITS_PER_CODE, 1.01 * n * BITS_PER_CODE) for n in sizes)


class NoTiles:
    """What pictures without a whole context tile give."""

    def lengths(self, codes: TokenMaps, *, quality: float, gray: bool) -> tuple[PriorLengths, ...]:
        return tuple(prior_lengths(0, 0.0, 0.0) for _ in codes.levels)


def test_likelihood_and_distortion_of_both_folders(tmp_path: Path) -> None:
    train = write_folder(tmp_path / "train", count=3)
    valid = write_folder(tmp_path / "valid", count=1)
    seen: list[tuple[int, int, str]] = []
    found = measure_nll(
        FakeCodec(),
        FakePriors(),
        train,
        valid,
        quality=5.0,
        limit=2,
        progress=lambda done, total, what: seen.append((done, total, what)),
    )
    assert (found.model, found.quality) == ("fake", 5.0)
    assert (found.train.pictures, found.valid.pictures) == (2, 1)
    (level,) = found.train.levels
    assert (level.level, level.stride, level.codes) == (0, 4, 2 * 3 * 42 * 44)
    assert level.bits_per_code == BITS_PER_CODE
    assert level.nats_per_code == pytest.approx(BITS_PER_CODE * math.log(2))
    decoded = FakeCodec().decode_picture(
        FakeCodec().encode_picture(Picture(hills()), quality=5.0).data
    )
    assert found.valid.mse == mse(hills(), decoded.pixels)
    assert found.valid.psnr_db == psnr_db(found.valid.mse)
    assert [(done, total) for done, total, _ in seen] == [(1, 3), (2, 3), (3, 3)]
    assert seen[-1][2] == "validation below/p0.png"


def test_table_has_a_row_for_each_level_and_the_picture(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, count=1)
    table = nll_table(measure_nll(FakeCodec(), FakePriors(), folder, folder))
    assert [row[0] for row in table.rows] == ["0", "picture"]
    assert all(len(row) == len(table.header) for row in table.rows)
    assert table.rows[0][2:6] == ("1.3863", "1.3863", "2.0000", "2.0000")
    assert "1 training and 1 validation" in table.title


def test_second_table_has_what_integers_cost(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, count=2)
    found = measure_nll(FakeCodec(), FakePriors(), folder, folder)
    assert found.train.levels[0].priors.codes == found.train.levels[0].codes
    assert found.valid.priors == found.valid.levels[0].priors
    table = priors_table(found)
    cells = ("2.0000", "2.0200", "1.00")
    assert table.rows == (("0", "4", *cells, *cells), ("all", "", *cells, *cells))
    assert all(len(row) == len(table.header) for row in table.rows)


def test_pictures_without_a_whole_tile_leave_dashes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, count=1)
    table = priors_table(measure_nll(FakeCodec(), NoTiles(), folder, folder))
    assert table.rows[-1][2:] == ("-",) * 6
