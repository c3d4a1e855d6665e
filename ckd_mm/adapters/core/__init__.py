"""What the adapters of all families share: recorders, pairs, classes, passes."""
