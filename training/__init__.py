"""Trains the small linear models of `jarvisd/routing/weights/`: for who changes them, never for who runs jarvisd."""
