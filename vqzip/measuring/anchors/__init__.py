"""The codecs that models are compared with, a module for each family."""
