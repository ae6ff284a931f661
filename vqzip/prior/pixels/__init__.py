"""The pixel prior: probabilities of the samples of a picture, in integers, for files without loss."""
