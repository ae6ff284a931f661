"""Golden models and files: how each was made."""
