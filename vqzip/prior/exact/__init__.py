"""The prior in integers: a PixelCNN whose probabilities are the same on every machine."""

from vqzip.prior.exact.prior import ExactPrior

__all__ = ["ExactPrior"]
