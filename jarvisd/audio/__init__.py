"""Ears: sound sources, wake words, voice activity, endpointing."""
