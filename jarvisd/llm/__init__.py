"""Language models: the chat client and what it is told."""
