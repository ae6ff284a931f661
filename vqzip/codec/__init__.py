"""The codec: pictures to .vqz files and back."""
