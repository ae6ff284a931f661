"""The Gaussian VAE (Kingma and Welling 2014) and the beta-VAE (Higgins et al. 2017)."""
