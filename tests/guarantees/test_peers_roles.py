"""Roles that a term cannot give to peers are refused when the hook is made."""

from __future__ import annotations

from typing import Any

import pytest

from ckd_mm.hooks import DistillationHook

from .test_peers_bad_input import FROM, PEER, SHARE, TERM


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            dict(peers=[PEER], distill=dict(kd=dict(TERM, learner='both'))),
            "learner='both' needs the peer that learns with the student; give teacher=",
        ),
        (
            dict(peers=[PEER], distill=dict(kd=dict(FROM, learner='both'))),
            'KDLoss gives a gradient to who learns alone, .*write a term for each dire',
        ),
        (
            dict(
                peers=[PEER],
                distill=dict(kd=dict(TERM, learner=['peer0', 'student'])),
            ),
            'must begin with the student, whose rows',
        ),
        (
            dict(peers=[PEER], distill=dict(kd=dict(TERM, learner=['peer0']))),
            'must be one name, or the two models that both learn',
        ),
        (
            dict(peers=[PEER], distill=dict(kd=dict(TERM, learner=['peer0', 'peer0']))),
            'names one model twice; name two of them',
        ),
        (
            dict(peers=[PEER], distill=dict(kd=dict(FROM, data='both'))),
            "data='both' is for .* frozen teachers: a peer sees the labelled images",
        ),
        (
            dict(
                teacher=PEER,
                peers=[PEER],
                distill=dict(
                    kd=dict(TERM, teacher=[0, 'peer0'], data='unlabelled'), a=TERM
                ),
            ),
            "data='unlabelled' is for .*leave data out, or name a teacher",
        ),
        (
            dict(
                peers=[PEER, PEER],
                distill=dict(a=dict(TERM, learner='both', teacher=['peer0', 'peer1'])),
            ),
            r"teacher=\['peer0', 'peer1'\] names several models, .*write a term",
        ),
        (
            dict(
                peers=[PEER, PEER],
                distill=dict(
                    a=dict(TERM, learner='peer0', teacher=['student', 'peer1'])
                ),
            ),
            r"teacher=\['student', 'peer1'\] names several models, .*name one of them",
        ),
        (
            dict(
                teacher=PEER,
                peers=[PEER],
                distill=dict(a=dict(TERM, learner='both', teacher=0), b=TERM),
            ),
            'teacher=0 names no model that is trained',
        ),
        (
            dict(
                peers=[PEER],
                distill=dict(
                    mcl=dict(
                        on='embedding',
                        loss=dict(type='MCLLoss'),
                        learner='both',
                        teacher='peer0',
                        schedule=SHARE,
                    )
                ),
            ),
            "type 'GradientShare' looks at the losses of the student, .*take one by ti",
        ),
    ],
)
def test_roles_that_do_not_go_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        DistillationHook(**options)
