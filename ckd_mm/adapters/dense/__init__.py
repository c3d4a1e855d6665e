"""One-stage detectors and RPNs: heads with anchors or points."""
