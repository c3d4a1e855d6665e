"""The hook that a user adds to a config. It decides when; the distiller acts."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook, RuntimeInfoHook
from mmengine.logging import print_log
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ckd_mm.cache.replay import Replay
from ckd_mm.checks import is_number
from ckd_mm.engine.connectors import Connectors
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.sample_index import SampleIndex
from ckd_mm.engine.terms import Term, build_terms
from ckd_mm.random_state import preserved_random_state
from ckd_mm.teachers import (
    CachedTeacher,
    Teacher,
    evaluate_teacher,
    read_teachers,
)
from ckd_mm.teachers.classes import check_loss_classes

__all__ = ['DistillationHook']

# Steps in a row that a loss scaler may skip; it halves its scale at each.
MAX_SKIPPED = 20


@HOOKS.register_module()
class DistillationHook(Hook):
    """Distils the runner's model from a teacher.

    ```python
    custom_hooks = [
        dict(
            type='DistillationHook',
            teacher=dict(config='mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py'),
            distill=dict(
                ckd=dict(on='roi_logits', loss=dict(type='CKDLoss', loss_weight=0.1)),
            ),
        )
    ]
    ```

    What a config gets wrong is refused when the hook is built (names, values) or when
    training starts (what depends on the two models), before the first iteration. What
    only a step can show, such as a module that runs twice, is refused in the first one.
    `runner.val()` and `runner.test()` do not load the teacher.

    Args:
        teacher: `config` (a path, a zoo name, or a dict); `checkpoint` (a path or URL,
            the zoo's if left out); `prefix`, to take one of several models out of a
            file; `classes` and `class_map`, to match its classes with the student's by
            name; `evaluate=True` evaluates the teacher with the run's
            own validation before training and logs its metrics under `teacher/`.
            `ema=True` instead of a config: the student's own average, which the run's
            EMAHook keeps. `cache=PATH` instead: what `tools/cache_teacher.py` has
            stored of a teacher, whose augmentations this run replays; no teacher is
            built. A list of such dicts: several teachers, averaged by `weight`
            where a term does not choose.
        distill: The terms by name, each a dict with `on` (what is compared), `loss` (a
            registered loss) and optionally `schedule` (see
            :class:`ckd_mm.engine.schedules.Schedule`) and `teacher` (the position of
            one in the list, or of several).
        student_loss_weight: A factor on the student's own losses, or a dict with a
            factor per loss key. Plain KD on CIFAR weighs the cross-entropy by 0.1. A
            key that the student does not log in the first step, as losses that come
            later, or never, as a misspelt one, is named in a warning.

    Raises:
        ValueError: A part of the config is wrong.
    """

    # After RuntimeInfoHook, whose values `after_train_iter` reads; before what saves.
    priority = 'HIGH'

    def __init__(
        self,
        teacher: dict[str, Any] | list[dict[str, Any]],
        distill: dict[str, dict[str, Any]],
        student_loss_weight: float | dict[str, float] = 1.0,
    ) -> None:
        self.teacher_configs = read_teachers(teacher)
        with preserved_random_state():  # connectors draw their first weights
            self.terms = build_terms(distill, len(self.teacher_configs))
        for number, config in enumerate(self.teacher_configs):
            if not any(term.listens_to(number) for term in self.terms):
                raise ValueError(
                    f'no distill term compares with teacher {number} '
                    f'({config.config}); leave it out, or name it in a term'
                )
        self.connectors = Connectors(self.terms)
        self.student_loss_weight = _checked_weight(student_loss_weight)
        self.distiller: Distiller | None = None
        self._replay: Replay | None = None
        self._sample_index: SampleIndex | None = None
        self._num_non_finite = 0

    def before_run(self, runner: Runner) -> None:
        """Have connectors optimised; see to it that what is attached is detached."""
        loop = runner._train_loop
        if not _has_train_loop(runner) or 'run' in vars(loop):
            return
        if sum(isinstance(hook, DistillationHook) for hook in runner.hooks) > 1:
            raise ValueError(
                'a run has one DistillationHook, got several; give one of them all '
                'teachers, as a list, and all terms'
            )
        self.connectors.join(runner)
        run = loop.run

        @functools.wraps(run)
        def run_and_detach() -> Any:
            try:
                return run()
            finally:
                self._detach(runner)
                del loop.run

        loop.run = run_and_detach

    def before_train(self, runner: Runner) -> None:
        """Build the teachers, check that all terms fit, and attach."""
        student = _unwrapped(runner.model)
        per_epoch = len(runner.train_dataloader)
        self._schedules = {
            term.name: term.schedule.resolved(runner.max_iters, per_epoch)
            for term in self.terms
        }
        check_loss_classes(runner, self.terms)
        device = next(student.parameters()).device
        teachers = [config.build(runner, device) for config in self.teacher_configs]
        self.distiller = Distiller(
            student, teachers, self.terms, self.student_loss_weight
        )
        for teacher, config in zip(teachers, self.teacher_configs, strict=True):
            if config.evaluate and isinstance(teacher, Teacher):
                self._evaluate(teacher.model, runner)
        self._sample_index = _attached_index(runner, self.terms)
        self._replay = _attached_replay(runner, teachers)
        self.distiller.attach()

    def before_train_epoch(self, runner: Runner) -> None:
        """Have the epoch's augmentations replayed, where a teacher is cached."""
        if self._replay is not None:
            self._replay.start(runner.epoch)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Take the connectors' state along when a training run resumes."""
        if runner._resume and _has_train_loop(runner):
            self.connectors.load(checkpoint)

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Save the connectors' state beside the student's."""
        self.connectors.save(checkpoint)

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Set how much each term counts in this iteration."""
        assert self.distiller is not None
        per_epoch = len(runner.train_dataloader)
        self.distiller.epoch = runner.iter / per_epoch
        self.distiller.factors = {
            name: schedule.factor(runner.iter, per_epoch)
            for name, schedule in self._schedules.items()
        }

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Stop on a distillation loss that is not finite.

        The values come from the message hub, which has them on the host already, so
        this costs no synchronisation. Without MMEngine's RuntimeInfoHook nobody puts
        them there, and each step waits for them here. The step was taken, but nothing
        is saved. A loss scaler (float16) skips such a step; then only many in a row are
        an error.

        Raises:
            FloatingPointError: A term is NaN or infinite.
        """
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        tolerated = MAX_SKIPPED if scaler is not None and scaler.is_enabled() else 0
        broken = self._first_non_finite(runner, outputs or {})
        self._num_non_finite = self._num_non_finite + 1 if broken else 0
        if self._num_non_finite > tolerated:
            raise FloatingPointError(broken)

    def after_train(self, runner: Runner) -> None:
        """Name the weights of the student's losses that have done nothing."""
        for key in self.distiller.unlogged if self.distiller else ():
            print_log(
                f'student_loss_weight names {key!r}, which the student has not logged '
                'in any step since training started or resumed, so that its weight has '
                'done nothing; check the name',
                logger='current',
                level=logging.WARNING,
            )

    def _first_non_finite(self, runner: Runner, outputs: dict[str, Any]) -> str:
        """What is wrong with the first term that is not finite; empty if all are."""
        in_hub = any(isinstance(hook, RuntimeInfoHook) for hook in runner.hooks)
        for term in self.terms:
            key = f'loss_{term.name}'
            value = (
                runner.message_hub.get_scalar(f'train/{key}').current()
                if in_hub
                else float(outputs[key])
            )
            if not math.isfinite(value):
                return (
                    f'distillation term {term.name!r} is {value} in iteration '
                    f'{runner.iter + 1}; look at the other values of this iteration: '
                    "if the student's own losses are not finite either, lower the "
                    'learning rate or clip gradients; if they are, lower the '
                    'loss_weight or raise the temperature of the term, or check the '
                    "teacher's weights with teacher=dict(evaluate=True)"
                )
        return ''

    def _evaluate(self, teacher: BaseModel, runner: Runner) -> None:
        metrics = evaluate_teacher(teacher, runner)
        values = ', '.join(f'{key}: {value}' for key, value in metrics.items())
        print_log(f'Teacher evaluated: {values}', logger='current')
        runner.visualizer.add_scalars(
            {f'teacher/{key}': value for key, value in metrics.items()},
            step=runner.iter,
        )

    def _detach(self, runner: Runner) -> None:
        if self.distiller is not None:
            self.distiller.detach()
            self.distiller = None
        if self._replay is not None:
            self._replay.detach(runner)
            self._replay = None
        if self._sample_index is not None:
            self._sample_index.detach(runner)
            self._sample_index = None


def _has_train_loop(runner: Runner) -> bool:
    """Whether this is a training run; `runner.val()` and `.test()` build no loop."""
    return hasattr(runner._train_loop, 'run')


def _attached_index(runner: Runner, terms: Sequence[Term]) -> SampleIndex | None:
    """Numbers of images that suit the losses which ask for them; `None` without any.

    Raises:
        ValueError: The training set does not give them, or a loss has no room for all.
    """
    asking = [term for term in terms if 'sample_index' in term.needs]
    if not asking:
        return None
    index = SampleIndex(runner.train_dataloader.dataset)
    for term in asking:
        index.check(term.name, term.loss)
    index.attach(runner)
    return index


def _attached_replay(
    runner: Runner, teachers: Sequence[Teacher | CachedTeacher]
) -> Replay | None:
    """The training data, augmented as when the caches were made; `None` without any.

    Raises:
        ValueError: The caches need different augmentations.
    """
    caches = [one.cache for one in teachers if isinstance(one, CachedTeacher)]
    if not caches:
        return None
    wanted = {(cache.epochs, cache.seed) for cache in caches}
    if len(wanted) > 1:
        raise ValueError(
            'caches of several teachers must have the same epochs and seed, as a run '
            f'has one augmentation of an image, got {sorted(wanted)}'
        )
    return Replay.attach(runner, *wanted.pop())


def _unwrapped(model: nn.Module) -> nn.Module:
    """The student itself.

    Raises:
        ValueError: It is sharded: its modules have no whole tensors to compare.
    """
    if not is_model_wrapper(model):
        return model
    if not isinstance(model, DistributedDataParallel):
        raise ValueError(
            f'the student is wrapped in {type(model).__name__}; DistillationHook works '
            'with an unwrapped model and with MMDistributedDataParallel, not with '
            'sharded models (FSDP, DeepSpeed, ColossalAI)'
        )
    return model.module


def _checked_weight(weight: Any) -> float | dict[str, float]:
    values = weight.values() if isinstance(weight, dict) else [weight]
    for value in values:
        if not is_number(value) or value < 0:
            raise ValueError(
                'student_loss_weight must be a finite number >= 0, or a dict of such '
                f'numbers by loss key, got {weight!r}'
            )
    return weight
