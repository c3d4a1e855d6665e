"""The metrics of a teacher on the run's validation set."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ckd_mm.random_state import preserved_random_state

__all__ = ['evaluate_teacher', 'log_metrics']


@torch.no_grad()
def evaluate_teacher(teacher: BaseModel, runner: Runner) -> dict[str, Any]:
    """Evaluate a teacher with the run's validation data loader and evaluator.

    The loop's hooks are left out: they would save a "best" checkpoint of the student by
    the teacher's metrics. The teacher prepares its inputs with its own preprocessor.

    Args:
        teacher: In eval mode, on the device it will run on.
        runner: Its `val_loop` is used.

    Returns:
        The metrics by their usual names.

    Raises:
        ValueError: The run has no validation loop.
    """
    if runner.val_loop is None:
        raise ValueError(
            'teacher=dict(evaluate=True) needs a validation loop; add val_dataloader, '
            'val_cfg and val_evaluator to the config, or leave evaluate out'
        )
    loader, evaluator = runner.val_loop.dataloader, runner.val_loop.evaluator
    with preserved_random_state():
        for batch in loader:
            evaluator.process(data_samples=teacher.val_step(batch), data_batch=batch)
        return evaluator.evaluate(len(loader.dataset))


def log_metrics(metrics: dict[str, Any], runner: Runner, name: str = '') -> None:
    """Log the metrics of a teacher, if it was evaluated, or of the peer of a name."""
    if metrics:
        who = f'Peer {name!r}' if name else 'Teacher'
        values = ', '.join(f'{key}: {value}' for key, value in metrics.items())
        print_log(f'{who} evaluated: {values}', logger='current')
        runner.visualizer.add_scalars(
            {f'{name or "teacher"}/{key}': value for key, value in metrics.items()},
            step=runner.iter,
        )
