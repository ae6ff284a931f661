"""Training: recipes, pictures, losses, phases, and the loop that runs them."""
