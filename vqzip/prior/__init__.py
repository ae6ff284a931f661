"""The prior: probabilities of codes, and the walk that codes them."""
