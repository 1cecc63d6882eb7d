"""Laws are tried on machines that are shared: how long one example takes says nothing there."""

from hypothesis import settings

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
