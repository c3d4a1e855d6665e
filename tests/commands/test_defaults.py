"""The one table of default settings, and the pages and tools that repeat it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from ckd_mm.adapters.core.class_logits import ClassLogits, Columns
from ckd_mm.commands.defaults import (
    METHODS,
    OTHER_PARTS,
    STUDENT_LOSS_WEIGHTS,
    class_term,
    maps_loss,
    part_term,
)
from ckd_mm.commands.inspection import find_parts
from ckd_mm.engine.terms import build_terms, required_channels
from ckd_mm.probing.steps import batch_that_trains
from ckd_mm.registry import LOSSES, build

from ..adapters.dense.zoo import zoo

BASES = Path(__file__).parents[2] / 'configs/_base_/distill'
SAME = {
    'ckd_in1k': ('logits', 'ckd'),
    'kd_in1k': ('logits', 'kd'),
    'dist_in1k': ('logits', 'dist'),
    'kd_roi': ('roi_logits', 'kd'),
    'dkd_roi': ('roi_logits', 'dkd'),
    'dist_roi': ('roi_logits', 'dist'),
    'ckd_dense': ('dense_logits', 'ckd'),
    'ckd_query': ('query_logits', 'ckd'),
}
"""The base configs with the settings of the table, by part and method.

ckd_roi has the authors' values, which did nothing; dkd_in1k leaves beta to the pair.
"""


def columns(activation: Any, num_classes: int = 10) -> Columns:
    kind = ClassLogits(num_classes, activation, background=False)
    return Columns.of(kind, kind, None)


def with_defaults(loss: dict[str, Any]) -> dict[str, Any]:
    return {'loss_weight': 1.0, **loss}


@pytest.mark.parametrize('name', SAME)
def test_the_base_configs_have_the_settings_of_the_table(name: str) -> None:
    part, method = SAME[name]
    (hook,) = Config.fromfile(BASES / f'{name}.py').custom_hooks
    term = hook.distill[method].to_dict()
    assert term['on'] == part
    assert with_defaults(term['loss']) == with_defaults(METHODS[part][method])
    factor = STUDENT_LOSS_WEIGHTS.get((part, method))
    assert hook.get('student_loss_weight') == factor


def test_maps_have_the_settings_of_the_base_config() -> None:
    (hook,) = Config.fromfile(BASES / 'pkd_fpn.py').custom_hooks
    assert hook.distill.pkd.loss.to_dict() == maps_loss(([8], [8]), same_sizes=True)


def test_localisation_distillation_has_the_settings_of_its_authors() -> None:
    (hook,) = Config.fromfile(BASES / 'ld_gfl.py').custom_hooks
    assert hook.distill.ld.loss.to_dict() == OTHER_PARTS['box_distribution']


@pytest.mark.parametrize('part', [*METHODS, *OTHER_PARTS])
def test_every_default_can_be_built(part: str) -> None:
    losses = METHODS[part] if part in METHODS else {'': OTHER_PARTS[part]}
    for loss in losses.values():
        widths = dict.fromkeys(required_channels(LOSSES.get(loss['type'])), 8)
        build(LOSSES, {**loss, **widths})  # a run takes them from the models


@pytest.mark.parametrize('part', METHODS)
def test_the_lines_of_the_inspection_are_those_of_the_method_ckd(part: str) -> None:
    assert part_term(part, columns('softmax')) == class_term(part, 'ckd')


def test_a_softmax_needs_no_option() -> None:
    for method in METHODS['dense_logits']:
        term = class_term('dense_logits', method, columns('softmax'))
        assert term['on'] == 'dense_logits'


def test_losses_of_distributions_say_how_they_see_a_sigmoid() -> None:
    seen = {
        method: class_term('query_logits', method, columns('sigmoid'))['on']
        for method in METHODS['query_logits']
    }
    assert seen == {
        'ckd': 'query_logits',
        'kd': dict(part='query_logits', activation='binary'),
        'dkd': dict(part='query_logits', activation='binary'),
        'dist': dict(part='query_logits', activation='softmax'),
    }


def test_rows_of_one_class_get_a_loss_that_can_compare_them() -> None:
    term = part_term('dense_logits', columns('sigmoid', num_classes=1))
    assert term is not None
    assert term['on'] == dict(part='dense_logits', activation='binary')
    assert term['loss']['type'] == 'KDLoss'


def test_a_part_without_a_default_has_no_line() -> None:
    assert part_term('something_new') is None


def test_a_suggested_loss_asks_for_what_the_pair_has() -> None:
    """The head of AutoAssign tells no loss what it assigns to each point."""
    student, teacher = (zoo('AutoAssign', seed=seed) for seed in (0, 1))
    batch = batch_that_trains(copy.deepcopy(student), (64, 96))
    found = [part for part in find_parts(student, teacher, batch) if part.term]
    assert 'cross_logits' in {part.on for part in found}
    for part in found:
        assert part.term is not None
        (term,) = build_terms({'term': part.term})
        assert set(term.context) <= set(part.context), part.on
