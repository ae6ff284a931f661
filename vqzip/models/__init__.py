"""Model folders: what is in them, where they are, and what their configuration may say."""
