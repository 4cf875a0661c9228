"""Models on disk: what the configuration needs, where it lies, and how it gets there. Never weights in memory."""
