"""What holds for every test."""

from hypothesis import settings

# A slow machine is no fault of the code under test.
settings.register_profile("mainspring", deadline=None)
settings.load_profile("mainspring")
