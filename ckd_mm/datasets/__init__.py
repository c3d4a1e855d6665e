"""Folders of images without labels, and the small real data set of demo and tests.

:mod:`ckd_mm.datasets.image_folder` reads the folders. :mod:`ckd_mm.datasets.digits`
writes the data set. Nothing is imported here, so `import ckd_mm.datasets` needs neither
scikit-learn nor Pillow.
"""
