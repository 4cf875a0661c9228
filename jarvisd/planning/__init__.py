"""What fits on which graphics card: cards and models go in as values, sentences and numbers come out."""
