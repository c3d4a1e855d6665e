"""The hook that a user adds to a config. It decides when; the distiller acts."""

from __future__ import annotations

import functools
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ckd_mm.cache.replay import Replay
from ckd_mm.engine.connectors import Connectors
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.finite import FiniteCheck
from ckd_mm.engine.hearing import check_all_are_heard
from ckd_mm.engine.inference import AtInference, warn_of_stock_student
from ckd_mm.engine.inherit import Inherit
from ckd_mm.engine.peers import Peers
from ckd_mm.engine.sample_index import SampleIndex, attached_index
from ckd_mm.engine.student import check_averages, check_strategy, student_of
from ckd_mm.engine.student_losses import StudentLosses
from ckd_mm.engine.teacher_states import TeacherStates
from ckd_mm.engine.terms import build_terms, check_loss_classes
from ckd_mm.engine.training_data import (
    attached_replay,
    check_training_data,
    class_names,
)
from ckd_mm.engine.unlabelled_data import UnlabelledData, check_data
from ckd_mm.engine.widths import completed
from ckd_mm.random_state import preserved_random_state
from ckd_mm.registry import checks_names
from ckd_mm.teachers import read_teachers
from ckd_mm.teachers.evaluate import log_metrics

__all__ = ['DistillationHook']


@HOOKS.register_module()
class DistillationHook(Hook):
    """Distils the runner's model from teachers, or from itself.

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

    A mistake in the config is reported before the first iteration; a module that runs
    twice, in the first step. `runner.val()` and `runner.test()` load no teacher.

    Args:
        teacher: `config` (a path, a zoo name, or a dict); `checkpoint` (a path or URL,
            the zoo's if left out); `prefix`, to take one of several models out of a
            file; `classes` and `class_map`, to match its classes with the student's by
            name; `evaluate=True`, to evaluate the teacher before training and log its
            metrics under `teacher/`; `shard=True`, to spread it over the processes.
            `ema=True` instead: the student's average, of the run's EMAHook.
            `cache=PATH` instead: what `tools/cache_teacher.py` has stored.
            `itself=True`, `previous_epoch=...`: its own deeper layers, and what it was
            an epoch ago. A list of such dicts: several teachers, averaged by `weight`
            unless a term chooses. Left out where all losses read the student alone.
        distill: The terms by name, each a dict with `on`, `loss` and optionally
            `schedule` (see :mod:`ckd_mm.engine.schedules`), `sample_weight`, `data`,
            `teacher` (its position, or several), `learner`, `average` and
            `teacher_weights`.
        student_loss_weight: A factor on the student's losses, or a dict with a factor
            per loss key. `dict(value=(1, 0.2), schedule=dict(...))` goes from the first
            number to the second as the schedule rises. A warning names each key that
            the student does not log in the first step. With 0, and terms that need no
            labels, only the modules that they read are run.
        unlabelled: `dataloader`, of images for terms that name them by their `data`;
            `moves_statistics=False` keeps them out of BatchNorm's running statistics.
        peers: Models that are trained along, which terms name as `teacher` or
            `learner`: a list of dicts, see docs/how_to/peers.md.
        inherit: Modules, such as `['neck', 'bbox_head']`, whose weights the student
            takes from the teacher, where names and shapes agree;
            `dict(teacher=NUMBER, parts=[...])` of several teachers.

    Raises:
        ValueError: Something in the config is wrong.
    """

    # After RuntimeInfoHook, whose values `after_train_iter` reads; before what saves.
    priority = 'HIGH'

    @checks_names
    def __init__(
        self,
        teacher: dict[str, Any] | list[dict[str, Any]] | None = None,
        distill: dict[str, dict[str, Any]] | None = None,
        student_loss_weight: float | dict[str, Any] = 1.0,
        unlabelled: dict[str, Any] | None = None,
        inherit: Any = None,
        peers: list[dict[str, Any]] | None = None,
    ) -> None:
        self.teachers = read_teachers(teacher)
        self.peers = Peers(peers, distill or ())
        self._kinds = [*self.teachers, *self.peers.kinds]  # by the number in terms
        self._inherit = Inherit.read(inherit, self.teachers)
        self._teacher_states = TeacherStates(self.teachers)
        self._random_state = torch.get_rng_state()
        with preserved_random_state():  # connectors draw their first weights
            self.terms = build_terms(distill, len(self.teachers), self.peers.names)
        self._distill = distill or {}
        check_all_are_heard(teacher, self.terms, self.peers.names)
        self.connectors = Connectors(self.terms)
        StudentLosses(student_loss_weight)  # refuses a bad one at once
        self.student_loss_weight = student_loss_weight
        check_data(unlabelled, self.terms, alone=student_loss_weight == 0)
        self._unlabelled = None if unlabelled is None else UnlabelledData(**unlabelled)
        self.distiller: Distiller | None = None
        self._at_inference: AtInference | None = None
        self._joined = False
        self._replay: Replay | None = None
        self._sample_index: SampleIndex | None = None
        self._check_finite = FiniteCheck(term.name for term in self.terms)

    def before_run(self, runner: Runner) -> None:
        """Put connectors into the optimizer; detach after the run, on errors too."""
        loop = runner._train_loop
        if not _has_train_loop(runner) or 'run' in vars(loop):
            return
        if sum(isinstance(hook, DistillationHook) for hook in runner.hooks) > 1:
            raise ValueError(
                'a run has one DistillationHook, got several; give one of them all '
                'teachers, as a list, and all terms'
            )
        self._join(runner)
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
        student = student_of(runner)
        per_epoch = len(runner.train_dataloader)
        self._schedules = {
            term.name: term.schedule.resolved(runner.max_iters, per_epoch)
            for term in self.terms
        }
        check_loss_classes(self.terms, class_names(runner))
        if self._inherit is not None:
            self._inherit.apply(runner, student)
        device = next(student.parameters()).device
        teachers = [kind.build(runner, device) for kind in self.teachers]
        all_teachers = [*teachers, *self.peers.start(runner)]
        self.distiller = Distiller(
            student,
            all_teachers,
            self.terms,
            self.student_loss_weight,
            self._unlabelled is None or self._unlabelled.moves_statistics,
        )
        self.distiller.student_losses.resolve(runner.max_iters, per_epoch)
        check_training_data(runner, self.distiller.maker, self.student_loss_weight)
        self._teacher_states.begin(teachers)
        self._at_inference = AtInference(
            student, self.terms, self._kinds, all_teachers, runner.cfg.get('model')
        )
        if self._unlabelled is not None:
            self._unlabelled.open(runner)
        for teacher in teachers:
            log_metrics(teacher.evaluate(runner), runner)
        self._sample_index = attached_index(runner, self.terms, self.teachers)
        self._replay = attached_replay(runner, teachers)
        self.distiller.attach()

    def before_train_epoch(self, runner: Runner) -> None:
        """Have the epoch's augmentations replayed; say to teachers that it begins."""
        self._teacher_states.start_epoch(runner)
        if self._replay is not None:
            self._replay.start(runner.epoch)

    def after_train_epoch(self, runner: Runner) -> None:
        """Say to teachers that an epoch has ended."""
        self._teacher_states.end_epoch(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Take the states of connectors and teachers along when a run resumes."""
        if runner._resume and _has_train_loop(runner):
            self._join(runner)  # FlexibleRunner resumes before `before_run`
            self.connectors.load(checkpoint)
            self._teacher_states.load(checkpoint)

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Save the states of connectors and teachers beside the student's."""
        self.connectors.save(checkpoint)
        self._teacher_states.save(checkpoint)
        if self._at_inference is not None:
            self._at_inference.save(checkpoint, self.connectors)

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Set how much each term counts in this iteration."""
        assert self.distiller is not None
        per_epoch = len(runner.train_dataloader)
        factors = {
            name: schedule.factor(runner.iter, per_epoch)
            for name, schedule in self._schedules.items()
        }
        wanted = any(factors[one.name] for one in self.terms if one.request.unlabelled)
        loader = self._unlabelled if wanted else None
        batch = None if loader is None else loader.batch(runner)
        done = runner.iter / runner.max_iters
        self.distiller.set_progress(runner.iter / per_epoch, factors, batch, done)
        self.distiller.controllers.begin(runner.iter, per_epoch, runner.optim_wrapper)
        self.distiller.student_losses.begin(runner.iter, per_epoch)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Stop on a distillation loss that is not finite.

        Raises:
            FloatingPointError: A term is NaN or infinite.
        """
        self._check_finite(runner, outputs or {})

    def before_val(self, runner: Runner) -> None:
        """Warn if what terms give the student at inference is not there."""
        if self._at_inference is None:
            warn_of_stock_student(self.terms)

    before_test = before_val

    def before_val_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Give the student what its terms put in place at inference."""
        if self._at_inference is not None:
            self._at_inference.begin()

    def after_val_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Give it its own modules back."""
        if self._at_inference is not None:
            self._at_inference.end()

    def after_val(self, runner: Runner) -> None:
        """Evaluate the peers as well."""
        if self.distiller is not None:
            self.peers.evaluate(runner)

    def after_train(self, runner: Runner) -> None:
        """Warn of weights of the student's losses that have done nothing."""
        if self.distiller is not None:
            self.distiller.student_losses.warn_of_unlogged()

    def _join(self, runner: Runner) -> None:
        """Complete the connectors and put them into the optimizer, once in a run."""
        if not self._joined:
            check_strategy(runner)
            check_averages(runner)
            peers = self.peers.build(runner)
            self.terms = completed(
                self._distill, self.terms, self._kinds, runner, self._random_state
            )
            self.connectors = Connectors(self.terms, peers)
            self.connectors.join(runner)
            self._joined = True

    def _detach(self, runner: Runner) -> None:
        self._joined = False
        self._teacher_states.end()
        if self.distiller is not None:
            self.distiller.detach()
            self.distiller = None
        if self._at_inference is not None:
            self._at_inference.end()
            self._at_inference = None
        for attached in (self._replay, self._sample_index):
            if attached is not None:
                attached.detach(runner)
        self._replay = self._sample_index = None
        if self._unlabelled is not None:
            self._unlabelled.close()


def _has_train_loop(runner: Runner) -> bool:
    """Whether this is a training run; `runner.val()` and `.test()` build no loop."""
    return hasattr(runner._train_loop, 'run')
