"""A student sharded over two ranks trains as one process does with the double batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import RUNNERS
from torch import Tensor

from ..conftest import stock_model
from .ranks import torchrun
from .vit import as_vit

pytestmark = pytest.mark.slow

WORKER = Path(__file__).with_name('train_worker.py')
Make = Callable[..., Config]


@pytest.fixture(scope='module')
def config(
    classifier_config: Callable[..., Config],
    teacher_of: Callable[[Config], dict[str, Any]],
) -> Make:
    """A vision transformer with a term on logits, and one on maps with a connector."""
    teacher = teacher_of(as_vit(classifier_config(Path('unused')), 32, 3))

    def make(folder: Path, num_ranks: int = 1, **changes: Any) -> Config:
        terms = dict(
            kd=dict(on='logits', loss=dict(type='KDLoss')),
            fitnet=dict(on='backbone', loss=dict(type='FitNetLoss')),
        )
        hook = dict(type='DistillationHook', teacher=teacher, distill=terms)
        cfg = as_vit(classifier_config(folder, epochs=2, custom_hooks=[hook]))
        cfg.train_dataloader.batch_size = 128 // num_ranks
        cfg.train_dataloader.dataset.indices = 384
        cfg.val_dataloader.dataset.indices = 64
        cfg.train_cfg.val_interval = 1
        cfg.runner_type = 'FlexibleRunner'  # draws other weights than Runner
        cfg.optim_wrapper = dict(
            # a small eps would turn the rounding of tiny gradients into steps
            optimizer=dict(type='AdamW', lr=1e-2, eps=1e-3),
            clip_grad=dict(max_norm=0.5),
        )
        if num_ranks > 1:
            cfg.launcher = 'pytorch'
            cfg.strategy = dict(type='FSDP2Strategy')
        cfg.merge_from_dict(changes)
        return cfg

    return make


def train(cfg: Config, num_ranks: int = 1) -> dict[str, Any]:
    """The last checkpoint."""
    folder = Path(cfg.work_dir)
    if num_ranks > 1:
        folder.mkdir()
        cfg.dump(folder / 'config.py')
        torchrun(num_ranks, WORKER, folder / 'config.py', folder)
    else:
        RUNNERS.build(cfg).train()
    return torch.load(folder / 'epoch_2.pth', weights_only=False)


@pytest.fixture(scope='module')
def alone(config: Make, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return train(config(tmp_path_factory.mktemp('alone') / 'work'))


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `sharded` trains."""
    return tmp_path_factory.mktemp('sharded') / 'work'


@pytest.fixture(scope='module')
def sharded(config: Make, folder: Path) -> dict[str, Any]:
    return train(config(folder, 2), 2)


def tensors(state: Any, name: str = '') -> dict[str, Tensor]:
    """All tensors in nested dicts, by their path."""
    if isinstance(state, Tensor):
        return {name: state}
    if not isinstance(state, dict):
        return {}
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        found |= tensors(value, f'{name}/{key}')
    return found


def assert_close(one: dict[str, Any], two: dict[str, Any]) -> None:
    """Student, connectors and state of the optimizer are equal up to rounding."""
    for part in ('state_dict', 'ckd_mm', 'optimizer'):
        first, second = tensors(one[part]), tensors(two[part])
        assert first and first.keys() == second.keys()
        for name, value in first.items():
            rounding = max(1e-6, 1e-4 * float(value.abs().max()))
            torch.testing.assert_close(
                second[name], value, rtol=1e-4, atol=rounding, msg=f'{part}{name}'
            )


def test_it_trains_as_one_process_with_the_double_batch(
    alone: dict[str, Any], sharded: dict[str, Any]
) -> None:
    assert_close(alone, sharded)


def test_each_rank_keeps_half_of_the_parameters(
    sharded: dict[str, Any], folder: Path
) -> None:
    sizes = [torch.load(folder / f'rank{r}.pt', weights_only=False) for r in (0, 1)]
    assert sum(size['local'] for size in sizes) == sizes[0]['total']
    # one row, as in the position embedding, cannot be halved
    assert max(size['local'] for size in sizes) < 0.55 * sizes[0]['total']


def test_its_checkpoint_is_the_whole_stock_model(
    config: Make, sharded: dict[str, Any], tmp_path: Path
) -> None:
    model = stock_model(config(tmp_path))
    model.load_state_dict(sharded['state_dict'], strict=True)
    assert all(type(value) is Tensor for value in tensors(sharded).values())


@pytest.mark.parametrize('num_ranks', [2, 1])
def test_its_checkpoint_is_resumed_sharded_and_by_one_process(
    config: Make,
    sharded: dict[str, Any],
    folder: Path,
    num_ranks: int,
    tmp_path: Path,
) -> None:
    start = dict(resume=True, load_from=str(folder / 'epoch_1.pth'))
    assert_close(
        sharded, train(config(tmp_path / 'work', num_ranks, **start), num_ranks)
    )
