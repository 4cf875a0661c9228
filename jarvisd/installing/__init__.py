"""Environments for engines: what each kind needs (`recipes`), what is in the way (`checks`), making it (`build`)."""
