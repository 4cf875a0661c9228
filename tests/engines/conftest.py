from tests.fakes.cgroups import given_group

__all__ = ["given_group"]
