"""Model folders: their files, where they are found, and the limits of their configuration."""
