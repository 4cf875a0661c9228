"""What the house remembers: kept, found, quoted, and forgotten."""
