"""Trains the small linear models of `jarvisd/routing/weights/`. Needed by who changes them, never by who runs jarvisd."""
