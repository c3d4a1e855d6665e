"""Weights of a loss's parts that would leave nothing of it."""

from __future__ import annotations

import pytest

from ckd_mm.losses import DISTLoss, DKDLoss


def test_dkd_refuses_two_weights_of_zero() -> None:
    with pytest.raises(ValueError, match='alpha and beta are all 0.*loss_weight=0'):
        DKDLoss(alpha=0, beta=0)


def test_dist_refuses_two_weights_of_zero() -> None:
    with pytest.raises(ValueError, match='beta and gamma are all 0.*loss_weight=0'):
        DISTLoss(beta=0, gamma=0)
