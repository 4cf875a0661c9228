"""Which engines to keep warm, and when: learned from when they were used."""
