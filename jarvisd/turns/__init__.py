"""What became of each turn: the household's own record, and the figures made of it."""
