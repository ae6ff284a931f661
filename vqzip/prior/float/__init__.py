"""The prior as a float network, for training."""
