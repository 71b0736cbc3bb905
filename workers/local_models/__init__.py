"""Small models that run on this machine, in processes of their own: for those who have no key, and for tests."""
