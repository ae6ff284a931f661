"""The codecs that models are compared with, a family a module."""
