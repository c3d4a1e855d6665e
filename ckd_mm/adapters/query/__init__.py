"""Detectors with queries: DETR and its kind, MaskFormer and Mask2Former."""
