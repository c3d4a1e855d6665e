"""A plugin of somebody else's: one file each for a loss, an `on`, a kind of teacher.

Nothing in `ckd_mm` knows of it. A config names its files in `custom_imports`.
"""
