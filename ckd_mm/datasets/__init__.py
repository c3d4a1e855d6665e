"""The small real data set that ships with the package, for the demo and the tests.

:mod:`ckd_mm.datasets.digits` writes it. Nothing is imported here, so
`import ckd_mm.datasets` needs neither scikit-learn nor Pillow.
"""
