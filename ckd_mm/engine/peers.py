"""The peers of a run: when they are built, clipped, evaluated.

Their parameters join the run's optimizer as those of connectors do, and their state is
saved with theirs (`engine/connectors.py`). What a peer does in a step is in
`ckd_mm/teachers/peers`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.adapters.core.semi_supervised import is_semi_supervised
from ckd_mm.engine.connectors import averaged_over_ranks
from ckd_mm.engine.student import student_of
from ckd_mm.sharding import is_sharded
from ckd_mm.teachers import Peer, read_peers
from ckd_mm.teachers.evaluate import log_metrics
from ckd_mm.teachers.peers import seed_of

__all__ = ['Peers']


class Peers:
    """The peers of a hook, from their options to their evaluation.

    Args:
        options: `peers` of the hook.
        terms: The names of its terms.

    Raises:
        ValueError: An option is wrong.
    """

    def __init__(self, options: Any, terms: Collection[str] = ()) -> None:
        self.kinds = read_peers(options, terms)
        self.names = [kind.name for kind in self.kinds]
        self._built: list[Peer] = []

    def build(self, runner: Runner) -> Mapping[str, nn.Module]:
        """Build them, before the optimizer; their models by name.

        Raises:
            ValueError: One cannot be built, or is not of the student's kind, or the run
                has no place for peers.
        """
        self._built = []
        if not self.kinds:
            return {}
        student = student_of(runner)
        _check_run(student)
        device = next(student.parameters()).device
        for kind in self.kinds:
            peer = kind.build(runner, device)
            kind.check_beside(student, peer.model)
            self._built.append(peer)
        return {peer.name: peer.model for peer in self._built}

    def start(self, runner: Runner) -> Sequence[Peer]:
        """Make them ready for the first step: averaged over ranks, clipped by itself.

        Raises:
            ValueError: The optimizer does not have their parameters, or the training
                data have no labels.
        """
        cfg = runner.cfg.get('model_wrapper_cfg') or runner.cfg
        unused = dict(find_unused_parameters=cfg.get('find_unused_parameters', False))
        for kind, peer in zip(self.kinds, self._built, strict=True):
            _check_optimised(peer, runner)
            peer.seed = seed_of(runner)
            peer.parallel = averaged_over_ranks(peer.model, **unused)
            knows_something = kind.checkpoint is not None
            if kind.evaluate and knows_something and runner.val_loop is not None:
                self._evaluate(peer, runner)
        if self._built and hasattr(runner.optim_wrapper, 'clip_func'):
            _clip_apart(runner.optim_wrapper, [peer.model for peer in self._built])
        return self._built

    def evaluate(self, runner: Runner) -> None:
        """Evaluate those that are to be, after a validation of the student."""
        for kind, peer in zip(self.kinds, self._built, strict=False):
            if kind.evaluate:
                self._evaluate(peer, runner)

    def _evaluate(self, peer: Peer, runner: Runner) -> None:
        log_metrics(peer.evaluate(runner), runner, peer.name)


def _check_run(student: nn.Module) -> None:
    """Check that peers can be trained beside a student.

    Raises:
        ValueError: It is sharded, or has unlabelled images of its own.
    """
    if is_sharded(student):
        raise ValueError(
            'peers are trained whole on each process, and the student is sharded by '
            'FSDP2, whose gradients an optimizer cannot clip with theirs; train with '
            'DDP, or leave peers out'
        )
    if is_semi_supervised(student):
        raise ValueError(
            f'a {type(student).__name__} trains on batches of several branches, and a '
            'peer on a batch with labels; train the detector inside of it, or leave '
            'peers out'
        )


def _check_optimised(peer: Peer, runner: Runner) -> None:
    """Check that the run's optimizer trains a peer.

    Raises:
        ValueError: Its constructor has left the peer out.
    """
    optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
    groups = optimizer.param_groups if optimizer is not None else []
    known = {id(one) for group in groups for one in group['params']}
    trained = [one for one in peer.model.parameters() if one.requires_grad]
    if not any(id(one) in known for one in trained):
        raise ValueError(
            f'peer {peer.name!r} is in no group of the optimizer that '
            f'{runner.cfg.optim_wrapper.get("constructor", "the config")} builds of '
            f"the student with its parts as 'ckd_mm.{peer.name}'; take MMEngine's "
            'DefaultOptimWrapperConstructor'
        )


def _clip_apart(optim_wrapper: Any, models: Sequence[nn.Module]) -> None:
    """Have gradients of each peer clipped by themselves, and the student's as ever.

    Together, the norm of the peers' gradients would shorten the student's step. What is
    logged is the student's norm.
    """
    clip: Callable[..., Tensor | None] = optim_wrapper.clip_func
    owners = {
        id(one): number
        for number, model in enumerate(models)
        for one in model.parameters()
    }

    def clip_each(parameters: Sequence[nn.Parameter], **options: Any) -> Tensor | None:
        parts: dict[int | None, list[nn.Parameter]] = {}
        for one in parameters:
            parts.setdefault(owners.get(id(one)), []).append(one)
        norms = {owner: clip(part, **options) for owner, part in parts.items()}
        return norms.get(None)

    optim_wrapper.clip_func = clip_each
