"""The options of a peer, and how its model is made."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel, convert_sync_batchnorm, revert_sync_batchnorm
from mmengine.runner import Runner

from ckd_mm.adapters.core.semi_supervised import is_semi_supervised
from ckd_mm.checks import boolean, non_negative, positive
from ckd_mm.distributed import world_size
from ckd_mm.probing.batches import library_of, num_classes
from ckd_mm.random_state import own_random_state, preserved_random_state
from ckd_mm.teachers.base import TeacherKind
from ckd_mm.teachers.loading.build import built, read_config
from ckd_mm.teachers.loading.checkpoint import load_weights
from ckd_mm.teachers.peers.peer import Peer, seed_of

__all__ = ['PeerKind']

FIRST_WEIGHTS = 1
"""Tells the random numbers of first weights from those of steps."""


@dataclass(frozen=True)
class PeerKind(TeacherKind):
    """A model that is trained along with the student, by its own losses and by terms.

    Args:
        name: What terms and the log call it.
        config: A path, a zoo name, or a dict, as of a teacher. A config without a data
            preprocessor has that of the run.
        checkpoint: The path or URL of its first weights. If left out, they are drawn as
            its config says, without moving the random state of the run.
        prefix: Takes only the weights whose names begin so.
        loss_weight: A factor on its own losses, >= 0.
        evaluate: Evaluate it at each validation of the run, and before training if it
            has a checkpoint.
        weight: Its share when a term of the student averages several.

    Raises:
        ValueError: An option has a wrong type or value.
    """

    needed = ('config',)

    name: str = ''
    config: Any = None
    checkpoint: Any = None
    prefix: str = ''
    loss_weight: float = 1.0
    evaluate: bool = True
    weight: float = 1.0

    def __post_init__(self) -> None:
        for name, kinds, words in (
            ('config', (str, PathLike, dict, Config), 'a path, a zoo name or a dict'),
            ('checkpoint', (str, PathLike), 'a path or URL'),
        ):
            value = getattr(self, name)
            may_lack = name == 'checkpoint' and value is None
            if not may_lack and not isinstance(value, kinds):
                raise ValueError(f'{self.title}: {name} must be {words}, got {value!r}')
        if not isinstance(self.prefix, str):
            raise ValueError(
                f"{self.title}: prefix must be a string such as 'student.', got "
                f'{self.prefix!r}'
            )
        non_negative(f'{self.title}: loss_weight', self.loss_weight)
        boolean(f'{self.title}: evaluate', self.evaluate)
        positive(f'{self.title}: weight', self.weight)

    @property
    def name_in_terms(self) -> str:
        """Its name."""
        return self.name

    @property
    def title(self) -> str:
        """What messages call it."""
        return f'peer {self.name!r}'

    def build(self, runner: Runner, device: torch.device) -> Peer:
        """The peer with its first weights, in training mode.

        Raises:
            ValueError: It cannot be built or loaded.
        """
        # Not those that the student draws: two equal models would stay equal.
        numbers = (FIRST_WEIGHTS, seed_of(runner), *self.name.encode())
        with own_random_state(*numbers):
            model = self._model(runner.cfg)
            if self.checkpoint is None:
                model.init_weights()
        if self.checkpoint is not None:
            with preserved_random_state():
                self._load(model)
        model = _with_batch_norm_of_the_run(model, runner)
        return Peer(self, model.to(device).train())

    def sketch(self, runner: Runner, student: BaseModel) -> Peer:
        """The model with any weights, in eval mode, as a step of it is only tried."""
        with preserved_random_state():
            model = self._model(runner.cfg).to(next(student.parameters()).device)
        return Peer(self, revert_sync_batchnorm(model).eval())

    def check_beside(self, student: BaseModel, peer: BaseModel) -> None:
        """Check that it trains on what the student trains on.

        Raises:
            ValueError: It has no losses, or is of another task or of other classes.
        """
        if is_semi_supervised(peer) or not _has_losses(peer):
            raise ValueError(
                f'{self.title}: a peer is trained by its own losses, and a '
                f"{type(peer).__name__} has no loss() for the student's batch; give a "
                "model that the library's tools/train.py trains on such data"
            )
        library, other = (_library_of(one) for one in (student, peer))
        if library != other:
            raise ValueError(
                f'{self.title}: a peer is trained on the batch of the student, whose '
                f'labels are those of {library}, got a {type(peer).__name__} of '
                f'{other}; give a model of the same task'
            )
        if not library:
            return
        ours, theirs = num_classes(student), num_classes(peer)
        if ours != theirs:
            raise ValueError(
                f'{self.title} has {theirs} classes and the student {ours}, on whose '
                'labels it is trained; set num_classes of its head to that of the '
                'student, in a dict or a config of its own'
            )

    def check(self) -> None:
        """Build it with its first weights, if they are those of a file.

        Raises:
            ValueError: It cannot be built, or there is no such file, or one that does
                not fit.
        """
        for path in self.files():
            if not path.is_file():
                raise ValueError(
                    f'{self.title}: its checkpoint {str(path)!r} is not there; train '
                    'it first, or leave checkpoint out to start from random weights'
                )
        cfg, _ = read_config(self.config, self.title)
        model = built(cfg, self.config, self.title)
        if self.checkpoint is not None:
            self._load(model)

    def files(self) -> list[Path]:
        """Its checkpoint, if that is a local file."""
        if self.checkpoint is None or '://' in fspath(self.checkpoint):
            return []
        return [Path(self.checkpoint)]

    def config_in(self, run: Config) -> Config:
        """Its config, with the data preprocessor of a run where it has none.

        Raises:
            ValueError: It cannot be read.
        """
        cfg, _ = read_config(self.config, self.title)
        if 'model' in cfg and 'data_preprocessor' not in {**cfg, **cfg.model}:
            of_run = run.get('data_preprocessor') or run.model.get('data_preprocessor')
            cfg.data_preprocessor = of_run
        return cfg

    def _load(self, model: BaseModel) -> None:
        load_weights(model, fspath(self.checkpoint), self.prefix, self.title)

    def _model(self, run: Config) -> BaseModel:
        return built(self.config_in(run), self.config, self.title)


def _has_losses(model: BaseModel) -> bool:
    return callable(getattr(model, 'loss', None))


def _library_of(model: BaseModel) -> str:
    try:
        return library_of(model)
    except ValueError:
        return ''


def _with_batch_norm_of_the_run(model: BaseModel, runner: Runner) -> BaseModel:
    """Its BatchNorm over all ranks, or each by itself, as MMEngine does it."""
    if world_size() == 1:
        return revert_sync_batchnorm(model)
    kind = runner.cfg.get('sync_bn')
    return model if kind is None else convert_sync_batchnorm(model, kind)
