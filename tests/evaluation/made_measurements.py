"""Measurements whose BD-rates are known."""

from vqzip.evaluation.rd_curve import Measurement, RdPoint


def made(label: str, factor: float, ms_ssim: float | None = 0.99) -> Measurement:
    """Two pictures of different sizes at three settings, `factor` times as large as can be."""
    points = [
        RdPoint(
            codec=label,
            setting=setting,
            picture=picture,
            payload_bytes=round(1000 * factor * scale * 2**setting),
            pixels=1000,
            rate_bpp=8 * factor * scale * 2**setting,
            bits_per_dim=8 * factor * scale * 2**setting / 3,
            mse=10 ** -(3 + 0.2 * setting),
            psnr_db=30 + 2 * setting,
            ms_ssim=None if ms_ssim is None else 1 - (1 - ms_ssim) / 2**setting,
            encode_s=1.0,
            decode_s=3.0,
        )
        for picture, scale in (("a", 1.0), ("b", 3.0))
        for setting in (0.0, 1.0, 2.0)
    ]
    return Measurement(label, label.upper(), (0.0, 1.0, 2.0), tuple(points), "made")
