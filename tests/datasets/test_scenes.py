"""Scenes with a chosen number of digits."""

from __future__ import annotations

import numpy as np

from ckd_mm.datasets.digits import load_digits
from ckd_mm.datasets.scenes import render_scene


def test_a_scene_has_as_many_digits_as_are_asked_for() -> None:
    images_NHW, _ = load_digits()
    for number in (1, 3):
        rng = np.random.default_rng(0)
        _, placed = render_scene(rng, images_NHW, np.array([7]), (number, number))
        assert [index for index, _ in placed] == [7] * number
