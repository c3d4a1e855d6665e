"""What a run needs of its training data, looked up and checked before training."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from mmengine.logging import print_log
from mmengine.runner import Runner
from torch.nn.parallel import DistributedDataParallel

from ckd_mm.cache.replay import Replay
from ckd_mm.engine.label_free import LabelFreeForward
from ckd_mm.engine.pairs import PairMaker
from ckd_mm.engine.sample_index import innermost
from ckd_mm.teachers import Teacher
from ckd_mm.teachers.classes import lists_of

__all__ = ['attached_replay', 'check_training_data', 'check_wrapper', 'class_names']


def check_training_data(
    runner: Runner, maker: PairMaker, student_loss_weight: Any
) -> None:
    """Check a run without labels, and log what of the student it runs.

    Args:
        runner: The run.
        maker: Knows which terms need labels.
        student_loss_weight: As in the hook's config.

    Raises:
        ValueError: Something needs labels that are not there, or waits for gradients of
            modules that do not run.
    """
    _check_labels(runner, maker, student_loss_weight)
    if maker.student.label_free is not None:
        check_wrapper(runner.model)
        _say_what_runs(maker.student.label_free)


def _check_labels(runner: Runner, maker: PairMaker, student_loss_weight: Any) -> None:
    """Check that a run that needs labels has some.

    Data sets say by `with_label=False` that they have none.

    Raises:
        ValueError: The student's losses or a term need labels, and the training data
            have none; or the images are to be grouped by sizes that are not known.
    """
    datasets = innermost(runner.train_dataloader.dataset)
    lacking = [one for one in datasets if not getattr(one, 'with_label', True)]
    if not lacking:
        return
    kind = type(lacking[0]).__name__
    if student_loss_weight != 0:
        raise ValueError(
            f"the student's losses need labels, and the training data ({kind}) have "
            'none; set student_loss_weight=0 to train by the terms alone, or give the '
            'folder to unlabelled=dict(dataloader=...) beside labelled data'
        )
    for peer in maker.peers:
        raise ValueError(
            f'peer {peer.name!r} is trained by its own losses, which need labels, and '
            f'the training data ({kind}) have none; leave peers out, or give labelled '
            'data'
        )
    for name, reason in maker.needing_labels.items():
        raise ValueError(
            f'term {name!r} needs labels, and the training data ({kind}) have none: '
            f"{reason}; compare by on='backbone', on='neck', the logits of a "
            "classifier, on='dense_logits' or RoIs with rois='teacher', with a loss "
            'and weighers that ask for nothing of the labels'
        )
    groups = type(getattr(runner.train_dataloader, 'batch_sampler', None)).__name__
    if 'AspectRatio' in groups:
        raise ValueError(
            f'{groups} groups images by their height and width, which a {kind} does '
            'not know; set batch_sampler=None in the train_dataloader'
        )


def check_wrapper(model: Any) -> None:
    """Check that parameters may stay out of a step.

    Raises:
        ValueError: DistributedDataParallel waits for all of them.
    """
    waits = isinstance(model, DistributedDataParallel)
    if waits and not model.find_unused_parameters:
        raise ValueError(
            'with student_loss_weight=0 the heads of the student do not run, and '
            'DistributedDataParallel waits for their gradients; add '
            'find_unused_parameters=True to the config, or to its model_wrapper_cfg'
        )


def class_names(runner: Runner) -> list[str] | None:
    """The names of the student's classes, as its training data have them."""
    meta = getattr(runner.train_dataloader.dataset, 'metainfo', None)
    return (lists_of(meta) or {}).get('classes')


def attached_replay(runner: Runner, teachers: Sequence[Teacher]) -> Replay | None:
    """The training data, augmented as teachers need it; `None` if none does.

    Raises:
        ValueError: The teachers need different augmentations.
    """
    replays = {one.replays for one in teachers if one.replays is not None}
    if not replays:
        return None
    if len(replays) > 1:
        raise ValueError(
            'caches of several teachers must have the same epochs and seed, as a run '
            f'has one augmentation of an image, got {sorted(replays)}'
        )
    return Replay.attach(runner, *replays.pop())


def _say_what_runs(forward: LabelFreeForward) -> None:
    """Log which modules stay as they are."""
    left = {
        name: sum(one.numel() for one in parameters)
        for name, parameters in forward.untouched.items()
    }
    shown = ', '.join(f'{name} ({number} parameters)' for name, number in left.items())
    print_log(
        'No labels: the student runs as far as the terms read it, and its own losses '
        'do not run'
        + (
            f'; {shown} stay as they are, without gradient and weight decay'
            if left
            else ''
        ),
        logger='current',
        level=logging.INFO,
    )
