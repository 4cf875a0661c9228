"""Plugins: what they may implement (`specs`), how they are found (`load`) and how they are called (`dispatch`)."""
