"""A peer in a step: its one training forward, beside that of the student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, Protocol

import torch
import torch.distributed as dist
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.adapters import FeatureMaps, Pass, Recorder, Step
from ckd_mm.distributed import world_size
from ckd_mm.errors import as_value_error
from ckd_mm.random_state import own_random_state
from ckd_mm.teachers.base import Request, Teacher
from ckd_mm.teachers.evaluate import evaluate_teacher
from ckd_mm.teachers.inputs import TeacherInputs
from ckd_mm.teachers.peers.view import PeerView

__all__ = ['Peer', 'introduced', 'seed_of']

STEPS, BESIDE = 2, 3
"""Tell the random numbers of the forwards of steps from those of first weights."""


class _Options(Protocol):
    """What a config says of a peer."""

    @property
    def name(self) -> str: ...

    @property
    def loss_weight(self) -> float: ...

    @property
    def weight(self) -> float: ...


class Peer:
    """A model that is trained along; a :class:`ckd_mm.teachers.Teacher` of the student.

    Each step runs it once, in training mode, on the student's batch. Its own losses and
    all terms read this forward. It draws random numbers of its own.

    Args:
        options: Its name and its weights.
        model: On the student's device.

    Attributes:
        seed: That of the run, once it is known whether it resumes.
        parallel: What is called in a step: the model, or it in DistributedDataParallel.
        others: All peers of the run by number, itself among them.
    """

    def __init__(self, options: _Options, model: BaseModel) -> None:
        self.model, self.parallel = model, model
        self.others: Mapping[int, Peer] = {}
        self.number = 0
        self._options, self.seed = options, 0
        self._inputs: TeacherInputs | None = None
        self._step: Step | None = None
        self._own: Step | None = None
        self._losses: dict[str, Any] = {}
        self._runs = False

    @property
    def name(self) -> str:
        """What terms and the log call it."""
        return self._options.name

    @property
    def weight(self) -> float:
        """Its share when a term averages several teachers."""
        return self._options.weight

    @property
    def replays(self) -> None:
        """It sees the student's images, whatever their augmentation."""
        return None

    def view(
        self,
        student: BaseModel,
        requests: Mapping[str, Request],
        preprocessor: nn.Module | None = None,
    ) -> PeerView:
        """Its view for the terms that it takes part in, as teacher or as learner.

        Raises:
            ValueError: The terms do not fit the models.
        """
        return PeerView(student, self, requests)

    def evaluate(self, runner: Runner) -> dict[str, Any]:
        """Its metrics on the run's validation set.

        Raises:
            ValueError: The run has no validation loop.
        """
        self.model.eval()
        try:
            return evaluate_teacher(self.model, runner)
        finally:
            self.model.train()

    def losses(self, step: Step) -> dict[str, Any]:
        """Its own losses of a step, scaled, and what else it logs, by `NAME/key`."""
        self.run(step)
        return self._losses

    @torch.compiler.disable
    def run(self, step: Step) -> None:
        """Run its training forward, unless it has run in this step.

        Raises:
            ValueError: The first one fails.
        """
        if self._step is step:
            return
        assert self._inputs is not None, 'peers were introduced'
        images = self._inputs(step.inputs, step.data_samples)
        self._step, self._own = step, replace(step, inputs=images)
        numbers = (STEPS, self.seed, self.number, *_now())
        with own_random_state(*numbers), nullcontext() if self._runs else _tried(self):
            found = self.parallel(images, step.data_samples, mode='loss')
        self._runs = True
        self._losses = {
            f'{self.name}/{key}': self._scaled(value) if 'loss' in key else value
            for key, value in found.items()
        }

    @torch.compiler.disable
    def run_beside(
        self, passes: Sequence[Pass], step: Step, recorder: Recorder, *, learns: bool
    ) -> None:
        """Run some of its modules once more, on the feature maps of its forward.

        Args:
            passes: In order; equal ones run once.
            step: That of the model whose RoIs they take.
            recorder: Has noted its forward; notes these runs as well.
            learns: Whether they get a gradient.
        """
        assert self._own is not None, 'it has run'
        maps = FeatureMaps(self.model)
        made: dict[Pass, Any] = {maps: recorder.calls(maps.tap)[-1]}
        numbers = (BESIDE, self.seed, self.number, *_now())
        graph = torch.set_grad_enabled(learns and torch.is_grad_enabled())
        with graph, own_random_state(*numbers):
            for one in dict.fromkeys(passes):
                with recorder.during(one if one.has_own_taps else None):
                    made[one] = one.run(self._own.inputs, step, made)

    def as_learner(self, recorder: Recorder) -> Step:
        """The step as terms see it that compare rows of this peer.

        Args:
            recorder: Has noted its forward.
        """
        assert self._own is not None, 'it has run'
        return replace(self._own, student=recorder)

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self._step, self._own, self._losses = None, None, {}

    def meet(self, number: int, peers: Mapping[int, Peer], student: BaseModel) -> None:
        """Get to know the others, and whose images it sees."""
        self.number, self.others = number, peers
        device = next(student.parameters()).device
        inputs = TeacherInputs(student.data_preprocessor, self.model.data_preprocessor)
        self._inputs = inputs.to(device)

    def _scaled(self, value: Tensor | list[Tensor]) -> Tensor | list[Tensor]:
        weight = self._options.loss_weight
        if weight == 1.0:
            return value
        if isinstance(value, Tensor):
            return value * weight
        return [item * weight for item in value]


def introduced(student: BaseModel, teachers: Sequence[Teacher]) -> list[Peer]:
    """The peers among the teachers of a student, which know each other then."""
    peers = {
        number: one for number, one in enumerate(teachers) if isinstance(one, Peer)
    }
    for number, one in peers.items():
        one.meet(number, peers, student)
    return [*peers.values()]


def seed_of(runner: Runner) -> int:
    """The seed of a run, which a run that resumes takes from its checkpoint."""
    return getattr(runner, 'seed', None) or 0


def _tried(peer: Peer) -> AbstractContextManager[None]:
    """Names the peer where its model does not run, which a later step has proved."""
    return as_value_error(
        f'the training forward of peer {peer.name!r}',
        "see that its config trains alone with the library's tools/train.py",
    )


def _now() -> tuple[int, int]:
    """The rank and the iteration, which each have random numbers of their own."""
    rank = dist.get_rank() if world_size() > 1 else 0
    return rank, int(MessageHub.get_current_instance().get_info('iter', 0) or 0)
