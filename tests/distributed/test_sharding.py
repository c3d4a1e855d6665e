"""Students and teachers sharded over two ranks train as one process does."""

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
from .ranks import start_ranks
from .vit import as_vit

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('fsdp2')]

WORKER = Path(__file__).with_name('train_worker.py')
Make = Callable[..., Config]
LINEAR = dict(type='FitNetLoss', norm=False, relu=False)  # without statistics of a rank


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
            fitnet=dict(on='backbone', loss=LINEAR),
        )
        hook = dict(type='DistillationHook', teacher=teacher, distill=terms)
        cfg = as_vit(classifier_config(folder, epochs=2, custom_hooks=[hook]))
        cfg.train_dataloader.batch_size = 64 // num_ranks
        cfg.train_dataloader.dataset.indices = 192
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


@pytest.fixture(scope='module')
def alone(config: Make, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process ends with."""
    cfg = config(tmp_path_factory.mktemp('alone'))
    RUNNERS.build(cfg).train()
    return torch.load(Path(cfg.work_dir) / 'epoch_2.pth', weights_only=False)


@pytest.fixture(scope='module')
def folder(config: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of two ranks, one after the other in one start of the processes."""
    folder = tmp_path_factory.mktemp('sharded')
    sharded = config(folder / 'sharded', 2)
    start = dict(resume=True, load_from=str(folder / 'sharded/epoch_1.pth'))
    resumed = config(folder / 'resumed', 2, **start)
    ddp = config(folder / 'ddp', 2)
    wrapper = dict(type='MMDistributedDataParallel', device_ids=None)
    ddp.strategy = dict(type='DDPStrategy', model_wrapper=wrapper)
    arguments = []
    for cfg in (sharded, resumed, ddp):
        if cfg is not sharded:
            cfg.custom_hooks[0].teacher.update(shard=True, evaluate=True)
        work_dir = Path(cfg.work_dir)
        work_dir.mkdir()
        cfg.dump(work_dir / 'config.py')
        arguments += [work_dir / 'config.py', work_dir]
    start_ranks(2, WORKER, *arguments)
    return folder


def saved(folder: Path) -> dict[str, Any]:
    """The last checkpoint, under the student's own names."""
    found = torch.load(folder / 'epoch_2.pth', weights_only=False)
    state = found['state_dict'].items()  # MMEngine's strategies save the wrapper's
    found['state_dict'] = {name.removeprefix('module.'): one for name, one in state}
    return found


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


def sizes(folder: Path, key: str) -> list[tuple[int, int]]:
    """Bytes of parameters on each rank, and those of the whole model."""
    files = [folder / f'rank{rank}.pt' for rank in (0, 1)]
    return [torch.load(file, weights_only=False)[key] for file in files]


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


def test_a_sharded_student_trains_as_one_process_with_the_double_batch(
    alone: dict[str, Any], folder: Path
) -> None:
    assert_close(alone, saved(folder / 'sharded'))


def test_each_rank_keeps_half_of_the_parameters(folder: Path) -> None:
    (first, total), (second, _) = sizes(folder / 'sharded', 'size')
    assert first + second == total
    # one row, as in the position embedding, cannot be halved
    assert max(first, second) < 0.55 * total


def test_its_checkpoint_is_the_whole_stock_model(
    config: Make, folder: Path, tmp_path: Path
) -> None:
    checkpoint = torch.load(folder / 'sharded/epoch_2.pth', weights_only=False)
    model = stock_model(config(tmp_path))
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    assert all(type(value) is Tensor for value in tensors(checkpoint).values())


def test_it_is_resumed_with_a_sharded_teacher_and_ends_the_same(folder: Path) -> None:
    assert_close(saved(folder / 'sharded'), saved(folder / 'resumed'))


def test_one_process_goes_on_from_its_checkpoint(
    config: Make, folder: Path, tmp_path: Path
) -> None:
    start = dict(resume=True, load_from=str(folder / 'sharded/epoch_1.pth'))
    RUNNERS.build(config(tmp_path, **start)).train()
    assert_close(saved(folder / 'sharded'), saved(tmp_path))


def test_a_whole_student_learns_the_same_from_a_sharded_teacher(
    alone: dict[str, Any], folder: Path
) -> None:
    assert_close(alone, saved(folder / 'ddp'))
    for local, total in sizes(folder / 'ddp', 'teacher_size'):
        assert local < 0.56 * total
