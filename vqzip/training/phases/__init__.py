"""The phases of training; a recipe lists those of its run."""
