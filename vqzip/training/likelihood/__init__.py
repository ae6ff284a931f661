"""Training of families that are trained by likelihood alone: one network, one loss, sets of pictures of one size."""
