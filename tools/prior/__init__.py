"""Random priors, walks through them and their fingerprint."""
