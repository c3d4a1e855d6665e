"""Image classifiers of MMPretrain: logits, embeddings, feature maps of each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.activation_maps import (
    activation_maps,
    why_no_activation_maps,
)
from ckd_mm.adapters.core.class_logits import ClassLogits, Columns
from ckd_mm.adapters.core.family import Adapter
from ckd_mm.adapters.core.last_stage import (
    last_stage_of,
    stages_of,
    why_no_last_stage,
)
from ckd_mm.adapters.core.levels import readout_of
from ckd_mm.adapters.core.pair_spec import Context, PairSpec, Part, Readout, Unavailable
from ckd_mm.adapters.core.passes import FeatureMaps, Made, Pass
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.core.teacher_classifier import with_class_weights
from ckd_mm.adapters.core.tokens import TOKENS, blocks_of, maps_of_blocks
from ckd_mm.checks import boolean
from ckd_mm.registry import ADAPTERS

__all__ = ['ClassificationAdapter', 'last_linear']


def _labels(step: Step) -> Tensor:
    """Class indices (B,), or soft labels (B, C) after mixup and cutmix."""
    if 'gt_score' in step.data_samples[0]:
        return torch.stack([sample.gt_score for sample in step.data_samples])
    return torch.cat([sample.gt_label for sample in step.data_samples])


def _sample_index(step: Step) -> Tensor:
    """Numbers of the images in the training set (B,), see `engine/sample_index.py`."""
    if 'sample_idx' not in step.data_samples[0]:
        raise ValueError(
            "a loss needs 'sample_index', which the data samples lack; leave "
            "'sample_idx' in the meta_keys of PackInputs, as by default"
        )
    indices = [sample.sample_idx for sample in step.data_samples]
    # A blocking copy would wait for all work that the GPU has to do.
    return torch.tensor(indices).to(step.inputs.device, non_blocking=True)


def _received_by(layer: str) -> Context:
    """What a module of the student gets in its one call."""
    readout = Readout((Tap(layer, 'input'),))
    return Context(lambda step: readout.noted(step.student)[0][0], readout.taps)


def _image_size(step: Step) -> tuple[int, ...]:
    return tuple(step.inputs.shape[-2:])


_TARGET = Context(_labels, of_labels=True)
_CONTEXT = {
    'target': _TARGET,
    'sample_index': Context(_sample_index),
    'assigned_class': _TARGET,
}


@ADAPTERS.register_module()
class ClassificationAdapter(Adapter):
    """Classifiers with a backbone and a head that returns class logits.

    `logits`: the output of the head, (B, C). `embedding`: what the last linear layer of
    the head receives, (B, D). `backbone`: the feature maps of the stages in its
    `out_indices`. `last_stages`: the maps of the last two stages. `cam`: class
    activation maps (B, C, H, W). `tokens`: the patch tokens of a ViT as maps. `target`
    is the label of each image, `sample_index` its position in the data set. In
    `image_size` and `image_shapes` each image fills the batch.
    """

    map_parts = ('backbone',)  # the neck pools to what `embedding` is
    who = 'classifiers'
    head_parts = ('logits', 'embedding', 'cam', 'last_stages', TOKENS)

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        head = getattr(model, 'head', None)
        return (
            isinstance(getattr(model, 'backbone', None), nn.Module)
            and isinstance(head, nn.Module)
            and hasattr(head, 'loss_module')
        )

    def parts(self) -> dict[str, Part]:
        known = super().parts()
        if blocks_of(self.student):
            known[TOKENS] = self._missing_tokens() or self.tokens
        known['logits'] = self._missing() or self.logits
        known['cam'] = self._missing() or self._no_maps() or self.cam
        known['last_stages'] = why_no_last_stage(self.teacher) or self.last_stages
        student, teacher = map(last_linear, (self.student, self.teacher))
        if student and teacher:
            known['embedding'] = PairSpec(
                Readout((Tap(student, 'input'),)), Readout((Tap(teacher, 'input'),))
            )
        return known

    def tokens(self, blocks: Sequence[int] = (-1,)) -> PairSpec:
        """The patch tokens of these blocks of two ViTs as maps, (N, D, H, W) each."""
        return PairSpec(
            maps_of_blocks(self.student, blocks),
            maps_of_blocks(self.teacher, blocks),
            levels=True,
        )

    def logits(self, activation: str | None = None) -> PairSpec:
        """Class logits (B, C), of the classes that both models have.

        `activation` is for heads of several labels, which have a sigmoid per class:
        see :class:`ckd_mm.adapters.core.class_logits.Columns`. `teacher_classifier` has
        the weights (C, D) that give the teacher's.
        """
        head = Readout((Tap('head'),))
        spec = self._of_classes(PairSpec(head, head), activation)
        return with_class_weights(spec, self.teacher, last_linear(self.teacher))

    def cam(self, bias: bool = False) -> PairSpec:
        """Class activation maps (B, C, H, W), of the classes that both models have.

        The last map of the backbone, of which the linear layer of the head makes the
        logit of each class at each position. `bias=True` adds the bias of each class.
        """
        boolean('bias', bias)
        student = activation_maps(self.student, bias)
        teacher = activation_maps(self.teacher, bias)
        return self._of_classes(PairSpec(student, teacher, levels=True))

    def _of_classes(self, spec: PairSpec, activation: str | None = None) -> PairSpec:
        """A pair spec whose columns are those of the class logits."""
        student, teacher = (
            _class_logits(self.student.head),
            _class_logits(self.teacher.head),
        )
        if student is None or teacher is None:
            return spec
        columns = Columns.of(student, teacher, self.names, activation)
        several = columns.logits.activation == 'sigmoid'
        return replace(
            spec,
            context=self._context(),
            match=columns.match,
            columns=columns,
            # With several labels, an image may also have labels that the teacher knows.
            labels=None if several else _TARGET,
        )

    def _no_maps(self) -> Unavailable | None:
        """Why the two have no class activation maps, if they have none."""
        both = {'student': self.student, 'teacher': self.teacher}
        reasons = [why_no_activation_maps(*one) for one in both.items()]
        reason = next(filter(None, reasons), '')
        return Unavailable(f"{reason}; compare on='logits'") if reason else None

    def modules(self, student: str, teacher: str) -> PairSpec:
        """As for any model; `embedding` and `logits` are names of what they are.

        `dict(student='embedding', teacher='logits')` compares one with the other.

        Raises:
            ValueError: There is no such module; or it is the logits of both, whose
                classes the part matches.
        """
        if student == teacher == 'logits':
            raise ValueError(
                "on=dict(student='logits', teacher='logits') does not match the "
                "classes of both models; write on='logits'"
            )
        return PairSpec(
            self._named(self.student, student), self._named(self.teacher, teacher)
        )

    def _named(self, model: BaseModel, name: str) -> Readout:
        if not hasattr(model, name) and self.supports(model):
            if name == 'logits':
                return Readout((Tap('head'),))
            if name == 'embedding' and (layer := last_linear(model)):
                return Readout((Tap(layer, 'input'),))
        return readout_of(model, name)

    def last_stages(self, student_stages: Sequence[str] | None = None) -> PairSpec:
        """Maps (N, C, H, W) of the last stage but one and of the last, of both models.

        `last_stage` is the teacher's last stage, frozen: a function of maps as the
        stage before returns them.

        Args:
            student_stages: The names of two modules of the student that return its
                maps; `None` are the last two stages of a ResNet or of MMPretrain's
                Swin.

        Raises:
            ValueError: They are no two names, or needed and not given.
        """
        stage = last_stage_of(self.teacher)
        assert stage is not None
        return PairSpec(
            stages_of(self.student, student_stages),
            stage.readout(),
            levels=True,
            context={'last_stage': Context(lambda step: stage, of_teacher=True)},
        )

    def _missing(self) -> Unavailable | None:
        if self.supports(self.teacher):
            return None
        title = getattr(self.teacher, 'title', '')
        if title:
            return Unavailable(
                f'logits are not taken from {title}, as of models of other libraries '
                'only feature maps are read; compare feature maps with '
                'on=dict(student=NAME, teacher=NAME)'
            )
        return Unavailable(
            f'the student is a {type(self.student).__name__} and the teacher a '
            f'{type(self.teacher).__name__}, which is no classifier; compare feature '
            'maps with on=dict(student=NAME, teacher=NAME)'
        )

    def _missing_tokens(self) -> Unavailable | None:
        if blocks_of(self.teacher):
            return None
        return Unavailable(
            f'the teacher {type(self.teacher).__name__} is no ViT; compare its maps '
            "with on=dict(student='tokens:-1', teacher='backbone:-1')"
        )

    def context(self) -> dict[str, Context]:
        return {
            **super().context(),
            **self._context(),
            'image_size': Context(_image_size),
            'image_shapes': Context(lambda one: [_image_size(one)] * len(one.inputs)),
        }

    def _context(self) -> dict[str, Context]:
        """What has an entry for each image."""
        layer = last_linear(self.student)
        embedding = {'student_embedding': _received_by(layer)} if layer else {}
        return {**_CONTEXT, **embedding}

    def runs(self) -> dict[str, Pass]:
        return {**super().runs(), 'head': _Head(self.teacher)}


@dataclass(frozen=True)
class _Head(Pass):
    """The head, on the feature maps of the teacher, or of a student without labels."""

    model: BaseModel = field(compare=False, repr=False)

    @property
    def without_labels(self) -> tuple[str, ...]:
        return ('head',)

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (FeatureMaps(self.model),)

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        return self.model.head(made[FeatureMaps(self.model)])


def _class_logits(head: Any) -> ClassLogits | None:
    """What the class logits of a head are; `None` if it has no number of classes.

    Some heads of one label are trained with a sigmoid per class, as ResNet's in the
    zoo's RSB recipes. They predict with a softmax, which is what counts here.
    """
    number = getattr(head, 'num_classes', None)
    if number is None:
        return None
    names = {cls.__name__ for cls in type(head).__mro__}
    several = 'MultiLabelClsHead' in names
    return ClassLogits(number, 'sigmoid' if several else 'softmax', background=False)


def last_linear(model: BaseModel) -> str:
    """The name of the last linear layer of the head; empty if there is none."""
    names = [
        f'head.{name}'
        for name, module in getattr(model, 'head', nn.Module()).named_modules()
        if isinstance(module, nn.Linear)
    ]
    return names[-1] if names else ''
