"""The codec without loss: every sample of a picture comes back."""
