"""A teacher that is sharded over two ranks says what the whole one says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from .ranks import start_ranks
from .vit import as_vit

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('fsdp2')]

WORKER = Path(__file__).with_name('teacher_worker.py')
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    'vit': ('vit', {}),
    'resnet': ('resnet', {}),
    'fused': ('resnet', dict(fuse_bn=True)),
    'bfloat16': ('vit', dict(dtype='bfloat16')),
    'compiled': ('vit', dict(compile=dict(backend='eager'))),
}


@pytest.fixture(scope='module')
def ranks(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[dict[str, Any]]:
    """What both ranks found, by case."""
    folder = tmp_path_factory.mktemp('teachers')
    vit = as_vit(classifier_config(Path('unused')), 32, 4)
    vit.model.backbone.img_size = 32
    teachers = dict(vit=teacher_of(vit), resnet=classifier_teacher)
    cases = {
        name: dict(teachers[kind], speed=speed) for name, (kind, speed) in CASES.items()
    }
    torch.save(cases, folder / 'cases.pt')
    start_ranks(2, WORKER, folder)
    return [torch.load(folder / f'rank{rank}.pt') for rank in (0, 1)]


@pytest.mark.parametrize('name', CASES)
def test_its_outputs_are_those_of_the_whole_one_bit_for_bit(
    name: str, ranks: list[dict[str, Any]]
) -> None:
    for found in ranks:
        whole, sharded = found[name]['outputs'], found[name]['sharded']
        assert len(whole) == len(sharded) > 1
        for one, other in zip(whole, sharded, strict=True):
            assert torch.equal(one, other)
    first, second = (found[name]['outputs'][0] for found in ranks)
    assert not torch.equal(first, second), 'the ranks have their own images'


@pytest.mark.parametrize('name', CASES)
def test_each_rank_keeps_half_of_it_before_and_after_a_forward(
    name: str, ranks: list[dict[str, Any]]
) -> None:
    for found in ranks:
        case = found[name]
        assert case['after'] == case['before'] < 0.56 * case['whole']


@pytest.mark.parametrize('name', CASES)
def test_sharding_leaves_the_random_state_alone(
    name: str, ranks: list[dict[str, Any]]
) -> None:
    assert all(found[name]['same_random_state'] for found in ranks)
