"""Distilling reasoning into small language models, on JAX."""

__version__ = "0.1.0"
