"""Graphics cards: what they say (`nvml`), how they are (`health`), what they used (`energy`); `watch` serves it."""
