"""Students and their teacher on a fixed sample of validation images."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import DATASETS
from mmengine.runner import Runner, load_state_dict
from mmengine.utils import import_modules_from_strings
from numpy.typing import NDArray

from ckd_mm.commands.defaults import METHODS
from ckd_mm.engine.pairs import PairMaker
from ckd_mm.engine.terms import Term
from ckd_mm.errors import as_value_error
from ckd_mm.hooks import DistillationHook
from ckd_mm.random_state import preserved_random_state
from ckd_mm.teachers import STUDENT, Request, Teacher
from ckd_mm.teachers.loading.safe import read_file

__all__ = ['Logits', 'Models', 'open_models']

BATCH_SIZE = 4


@dataclass(frozen=True)
class Logits:
    """The logits of both models for the same rows.

    Attributes:
        on: What the rows are, such as `roi_logits`.
        student: (R, C).
        teacher: (R, C).
        labels: The class of each row (R,). For RoIs, C - 1 is the background.
        from_teacher: Whether the labels are what the teacher predicts, for parts that
            have no target.
    """

    on: str
    student: NDArray[np.float32]
    teacher: NDArray[np.float32]
    labels: NDArray[np.int64]
    from_teacher: bool


@dataclass(frozen=True)
class Models:
    """The models of a distilled run.

    Attributes:
        student: Built, with the weights that `load` read last.
        teachers: With their weights.
        hook: The run's hook, for its terms.
        dataset: The validation set, with ground truth.
    """

    student: BaseModel
    teachers: Sequence[Teacher]
    hook: DistillationHook
    dataset: Any

    @property
    def names(self) -> list[str]:
        """The names of the student's classes; empty where the data have none."""
        return list(map(str, (self.dataset.metainfo or {}).get('classes') or ()))

    def load(self, checkpoint: Path) -> None:
        """Take the weights of a student. Nothing that is in the file is run.

        Raises:
            ValueError: They are another model's, or the file has more than weights.
        """
        with as_value_error(f'loading {checkpoint}'):
            weights = read_file(str(checkpoint))['state_dict']
            load_state_dict(self.student, weights, strict=True)
        self.student.eval()

    def samples(self, num_images: int) -> list[dict[str, Any]]:
        """Images that are spread evenly over the validation set."""
        count = min(num_images, len(self.dataset))
        numbers = np.linspace(0, len(self.dataset) - 1, count).round().astype(int)
        return [self.dataset[int(number)] for number in numbers]

    def logits(self, samples: Sequence[dict[str, Any]], most: int) -> Logits:
        """The class logits of student and teacher.

        Args:
            samples: As :meth:`samples` gives them.
            most: The maximum number of rows of one class; the first ones are taken.

        Raises:
            ValueError: These models have no class logits to compare.
        """
        on, maker, has_target = self._maker()
        found = [
            maker.pairs(pseudo_collate(batch))['rows'].arguments()
            for batch in _batches(samples)
        ]
        student, teacher = (
            torch.cat([one[key].detach().flatten(1) for one in found]).float().cpu()
            for key in ('student', 'teacher')
        )
        labels = teacher.argmax(dim=1)
        if has_target:
            labels = torch.cat([one['target'] for one in found]).cpu()
        kept = _first_of_each(labels.numpy(), most)
        return Logits(
            str(_part(on)),
            student.numpy()[kept],
            teacher.numpy()[kept],
            labels.numpy()[kept],
            not has_target,
        )

    @torch.no_grad()
    def predictions(self, samples: Sequence[dict[str, Any]]) -> list[Any]:
        """What the student predicts, as its library's data samples."""
        return [
            sample
            for batch in _batches(samples)
            for sample in self.student.test_step(pseudo_collate(deepcopy(batch)))
        ]

    def _hears_peers(self, term: Term) -> bool:
        """Whether it compares with a model that was trained along: it is not here."""
        return any(number >= len(self.teachers) for number in term.teachers or ())

    def _maker(self) -> tuple[Any, PairMaker, bool]:
        """Of the term that compares class logits, or else of the family's own part."""
        if not self.teachers or any(one.is_student for one in self.hook.teachers):
            raise ValueError(
                'the student of this run had no other model as its teacher, so there '
                'are no logits to compare with its own; the page goes without the '
                'pictures of logits'
            )
        wanted = [
            (term.on, term.teachers)
            for term in self.hook.terms
            if term.learner == STUDENT and not self._hears_peers(term)
        ]
        wanted = [one for one in wanted if str(_part(one[0])) in METHODS]
        wanted += [(part, None) for part in METHODS]
        reasons = []
        for on, teachers in wanted:
            try:
                request = Request(on, (), teachers)
                maker = PairMaker(self.student, self.teachers, {'rows': request})
                has_target = 'target' in maker.bound('rows').offers
                if has_target:
                    request = Request(on, ('target',), teachers)
                    maker = PairMaker(self.student, self.teachers, {'rows': request})
                return on, maker, has_target
            except ValueError as error:
                reasons.append(str(error))
        raise ValueError(
            f'no class logits of these models can be compared: {reasons[0]}; '
            'tools/inspect_distillation.py shows what else there is'
        )


def open_models(config: Config, device: str = 'cpu') -> Models:
    """Build the models of a distilled run; nothing is written into its work dir.

    Args:
        config: The whole config of the run.
        device: Where the models run.

    Raises:
        ValueError: The config does not distil, or models or data are not there.
    """
    cfg = deepcopy(config)
    hooks = [one for one in cfg.custom_hooks if one['type'] == 'DistillationHook']
    # no tracker is started, and no hook of the run acts
    cfg.custom_hooks, cfg.load_from, cfg.resume, cfg.launcher = [], None, False, 'none'
    with (
        as_value_error('building the models of the run'),
        preserved_random_state(),
        tempfile.TemporaryDirectory() as folder,
    ):
        if cfg.get('custom_imports'):
            import_modules_from_strings(**cfg.custom_imports)
        cfg.work_dir = folder
        # runs of one name share a message hub and a visualizer
        cfg.experiment_name = f'report_{Path(folder).name}'
        if cfg.get('visualizer'):
            cfg.visualizer.update(name=cfg.experiment_name, vis_backends=[])
        runner = Runner.from_cfg(cfg)
        student = runner.model.to(device)
        # images are neither mixed nor resized by chance
        if getattr(student.data_preprocessor, 'batch_augments', None) is not None:
            student.data_preprocessor.batch_augments = None
        hook = DistillationHook(
            **{key: value for key, value in hooks[0].items() if key != 'type'}
        )
        teachers = [one.build(runner, torch.device(device)) for one in hook.teachers]
        return Models(student, teachers, hook, DATASETS.build(_with_truth(cfg)))


def _with_truth(cfg: Config) -> Any:
    """The validation set, with boxes in the pixels of the resized image.

    MMDetection's test pipelines load them after the resizing, for the evaluation.
    """
    dataset = deepcopy(cfg.val_dataloader.dataset)
    pipeline = dataset.get('pipeline') or []
    loads = [step for step in pipeline if step['type'] == 'LoadAnnotations']
    if loads:
        rest = [step for step in pipeline if step['type'] != 'LoadAnnotations']
        dataset.pipeline = [rest[0], *loads, *rest[1:]]
    return dataset


def _batches(samples: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(samples), BATCH_SIZE):
        yield deepcopy(list(samples[start : start + BATCH_SIZE]))


def _part(on: Any) -> Any:
    return on.get('part') if isinstance(on, dict) else on


def _first_of_each(labels: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """The numbers of the rows that are kept, sorted by class."""
    kept = [np.flatnonzero(labels == label)[:most] for label in np.unique(labels)]
    return np.concatenate(kept) if kept else np.zeros(0, np.int64)
