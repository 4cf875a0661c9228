"""Functions that language models may call."""
