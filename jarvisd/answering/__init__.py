"""How models answer: what the tiers are like now, whom to ask, and what of their words may be spoken."""
