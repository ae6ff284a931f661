"""The functions of `import vqzip` that encode and decode in one call."""
