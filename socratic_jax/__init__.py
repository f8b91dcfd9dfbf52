"""Distilling reasoning into small language models, on JAX."""

__version__ = "0.1.0"

EXIT_PREEMPTED = 42  # Of a process that was told to stop and has saved its work: start it again.
