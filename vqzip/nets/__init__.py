"""Torch modules: transforms, quantizers, VQ-VAE and PixelCNN; no files, no entropy coding."""
