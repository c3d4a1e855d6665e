"""Weights of a loss's parts that would leave nothing of it."""

from __future__ import annotations

import pytest

from ckd_mm.losses import DISTLoss, DKDLoss, RKDLoss


def test_dkd_refuses_two_weights_of_zero() -> None:
    with pytest.raises(ValueError, match='alpha and beta are all 0.*loss_weight=0'):
        DKDLoss(alpha=0, beta=0)


def test_dist_refuses_two_weights_of_zero() -> None:
    with pytest.raises(ValueError, match='beta and gamma are all 0.*loss_weight=0'):
        DISTLoss(beta=0, gamma=0)


def test_rkd_refuses_two_weights_of_zero() -> None:
    with pytest.raises(ValueError, match='distance_weight and angle_weight are all 0'):
        RKDLoss(distance_weight=0, angle_weight=0)
