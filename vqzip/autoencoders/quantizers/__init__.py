"""Quantizers, and how their codewords are learned."""
