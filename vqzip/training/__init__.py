"""Training: recipes, pictures, losses, phases and the one loop that runs them."""
