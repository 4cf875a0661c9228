"""Speech: the client of the speech-to-text engines."""
