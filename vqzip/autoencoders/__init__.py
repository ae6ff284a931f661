"""Networks: transforms, quantizers and VQ-VAE; no files, no entropy coding."""
