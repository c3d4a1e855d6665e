"""Detectors with a RoI head, and RPNs beside them."""
