"""Untrained models, random batches and steps on them, to see what fits."""
