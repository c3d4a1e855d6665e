"""A teacher's config and its file of weights."""
