"""A wrong `sample_weight` is a sentence before training."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ckd_mm.engine.terms import build_terms
from ckd_mm.weighers import ClassWeight, FocalWeight, IPWDWeight

from .weighing import build, toy

GATE = dict(type='ConfidenceGate', threshold=0.6, otherwise=0.25)
REFUSED = {
    'a misspelt weigher': (
        dict(type='ConfidentGate'),
        "unknown weigher 'ConfidentGate'; did you mean 'ConfidenceGate'",
    ),
    'an option': (
        dict(type='ConfidenceGate', threshold=1.5),
        'threshold must be a number >= 0 and < 1, got 1.5',
    ),
    'no dict': ('IPWDWeight', r'a weigher is given as dict\(type=NAME'),
    'an empty list': ([], 'names no weigher; leave it out'),
    'an unknown class': (
        dict(type='ClassWeight', weights=dict(z=1.0)),
        "'kd': the student's data has no class 'z'; known are 'a'",
    ),
    'too many classes': (
        dict(type='ClassWeight', weights=[1.0] * 5),
        'weights must be one for each of the 4 classes .* got 5',
    ),
    'a number for a name': (
        dict(type='ClassWeight', weights={3: 1.0}),
        'weights must be a dict .* by the name of a class, such as .* got {3: 1.0}',
    ),
    'no weights': (dict(type='ClassWeight', weights={}), 'weights must be a dict'),
    'a context': (
        dict(type='IoUWeight'),
        "term 'kd' needs 'ious', which this pair does not .*, or take a weigher that",
    ),
}

FITNET = dict(type='FitNetLoss', student_channels=5, teacher_channels=5)


@pytest.mark.parametrize('what', REFUSED)
def test_a_mistake_is_a_sentence_before_training(what: str) -> None:
    config, message = REFUSED[what]
    with pytest.raises(ValueError, match=message):
        build(toy(seed=0), config)


def test_names_need_classes_with_names() -> None:
    with pytest.raises(ValueError, match='have no names.*give a list'):
        ClassWeight(dict(a=1.0)).check_classes(None)


@pytest.mark.parametrize(
    'weigher', [FocalWeight(), IPWDWeight(in_channels=5, num_classes=4)]
)
def test_a_map_of_the_student_has_no_probability_of_the_label(weigher: Any) -> None:
    """As where a shallow layer learns the logits of a deep one."""
    more = [torch.randn(2, 5)] if isinstance(weigher, IPWDWeight) else []
    with pytest.raises(
        ValueError, match=r'got \(2, 4, 8, 8\) beside .*; compare its logits, or'
    ):
        weigher(torch.randn(2, 4, 8, 8), torch.randn(2, 4), torch.tensor([0, 3]), *more)


@pytest.mark.parametrize(
    'weigher', [FocalWeight(), IPWDWeight(in_channels=5, num_classes=5)]
)
def test_an_embedding_of_the_student_has_no_probability_of_the_label(
    weigher: Any,
) -> None:
    """As where a layer on the embedding learns the teacher's logits (DHO)."""
    more = [torch.randn(2, 5)] if isinstance(weigher, IPWDWeight) else []
    with pytest.raises(ValueError, match=r'got \(2, 5\) beside \(2, 4\) of the teach'):
        weigher(torch.randn(2, 5), torch.randn(2, 4), torch.tensor([0, 3]), *more)


@pytest.mark.parametrize(
    'weigher', ['ConfidenceGate', 'CorrectnessGate', 'FocalWeight']
)
def test_embeddings_are_not_weighed_as_logits(weigher: str) -> None:
    """Their softmax is of no classes: a gate would leave out all rows."""
    with pytest.raises(
        ValueError,
        match=f"term 'kd': {weigher} takes rows of class logits .*, but on='embedding' "
        "gives rows .*, no logits; compare on='logits', or take a weigher that fits: "
        'ClassWeight$',
    ):
        build(toy(seed=0), dict(type=weigher), on='embedding', **FITNET)
    found, _ = build(
        toy(seed=0),
        dict(type='ClassWeight', weights=[1.0] * 4),
        on='embedding',
        **FITNET,
    )
    assert found


@pytest.mark.parametrize('loss', ['RKDLoss', 'DISTLoss', 'SinKDLoss'])
def test_a_loss_without_rows_says_so(loss: str) -> None:
    message = f"'kd': {loss} is no mean of rows.*leave sample_weight out.*KDLoss"
    with pytest.raises(ValueError, match=message):
        build(toy(seed=0), GATE, type=loss)


def test_a_loss_of_the_student_alone_is_refused() -> None:
    term = dict(
        on=['logits', 'module:backbone.layer3'],
        loss=dict(type='USKDLoss', student_channels=(5, 8)),
        sample_weight=dict(type='ConfidenceGate'),
    )
    message = 'USKDLoss reads the student alone.*; leave sample_weight out'
    with pytest.raises(ValueError, match=message):
        build_terms(dict(uskd=term), num_teachers=0)
