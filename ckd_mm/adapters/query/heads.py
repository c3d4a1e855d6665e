"""What the queries of a model are: class logits, and a box or a mask each.

Two kinds of head: `bbox_head` of DETR and its kind, whose queries have a box each, and
`panoptic_head` of MaskFormer and Mask2Former, whose queries have a mask each.

Shape suffixes: N images, Q queries, C classes; L decoder layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.class_logits import ClassLogits
from ckd_mm.adapters.core.labels import assigned_labels
from ckd_mm.adapters.core.prompts import PROMPTS, has_prompts, num_tokens
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step

__all__ = ['QueryHead']


class QueryHead:
    """The head of a model with queries.

    Args:
        model: A detector that :meth:`fits`.
    """

    reads_all_layers = False
    """Whether each decoder layer gives queries, or only the last."""

    def __init__(self, model: BaseModel) -> None:
        self.has_masks = hasattr(model, 'panoptic_head')
        self.path = 'panoptic_head' if self.has_masks else 'bbox_head'
        self.model = model
        self.module: Any = getattr(model, self.path)
        self.has_prompts = has_prompts(model)
        self.taps = (Tap(self.path), *([PROMPTS] if self.has_prompts else []))
        self._class_loss = Tap(f'{self.path}.loss_cls', 'input')

    @staticmethod
    def fits(model: BaseModel) -> bool:
        """Whether the model has queries with class logits."""
        if hasattr(model, 'panoptic_head'):
            names = ['num_queries', 'num_classes', 'loss_cls']
            return all(hasattr(model.panoptic_head, name) for name in names)
        head = getattr(model, 'bbox_head', None)
        return (
            hasattr(model, 'forward_transformer')
            and isinstance(getattr(model, 'num_queries', None), int)
            and all(hasattr(head, name) for name in ('cls_out_channels', 'num_classes'))
        )

    @property
    def label_taps(self) -> tuple[Tap, ...]:
        """Where the labels are noted."""
        return (*self.taps, self._class_loss)

    @property
    def class_logits(self) -> ClassLogits:
        """What its class logits are; those of masks have a softmax with background."""
        classes = self.module.num_classes
        softmax = self.has_masks or self.module.cls_out_channels != classes
        return ClassLogits(
            classes, 'softmax' if softmax else 'sigmoid', background=softmax
        )

    @property
    def num_layers(self) -> int:
        """The number of decoder layers whose queries the head sees."""
        decoder = self.model.decoder
        return decoder.num_layers if decoder.return_intermediate else 1

    def of_all_layers(self) -> AllLayers:
        """The queries of every decoder layer.

        Raises:
            ValueError: The columns are tokens of a prompt.
        """
        if self.has_prompts:
            raise ValueError(
                "layers='all' is for queries with classes, and those of a "
                f"{type(self.model).__name__} have tokens; leave layers='last'"
            )
        return AllLayers(self.model)

    def run(
        self, features: Any, samples: Sequence[Any], prompts: Sequence[str] = ()
    ) -> None:
        """Run what makes the queries of feature maps, and of prompts if it has any."""
        if self.has_masks:
            self.module(features, samples)
            return
        texts = []
        if self.has_prompts:
            texts.append(self.model.language_model(prompts))
            if self.model.text_feat_map is not None:
                embedded = self.model.text_feat_map(texts[0]['embedded'])
                texts[0]['embedded'] = embedded
        self.module(**self.model.forward_transformer(features, *texts, samples))

    def logits(self, values: list[Any]) -> Tensor:
        """Class logits (N, Q, C) of what the taps noted, or (N, Q, T) of tokens.

        Raises:
            ValueError: The head returned something else, or the images of the batch
                have different prompts.
        """
        logits = self._read(values[0])[0]
        if self.has_prompts:
            return logits[..., : num_tokens(self.model, values[1])]
        return logits

    def boxes_or_masks(self, values: list[Any], step: Step) -> Tensor:
        """Boxes (N, Q, 4), relative to the image, or mask logits (N, Q, H, W)."""
        return self._read(values[0])[1]

    def labels(self, step: Step) -> Tensor:
        """The class (N * Q,) that the student's assigner gave each of its queries.

        The class loss runs once per decoder layer before all else.
        """
        (outputs,) = step.noted(self.taps[0])
        logits, _ = self._read(outputs)
        call = step.noted(self._class_loss)[len(outputs[0]) - 1]
        return assigned_labels([call], [logits.shape[1]], len(logits)).flatten()

    def _read(self, outputs: Any) -> tuple[Tensor, Tensor]:
        """Class logits, and boxes or masks, of the last decoder layer."""
        ndims = (3, 4) if self.has_masks else (3, 3)
        word = 'masks' if self.has_masks else 'boxes'
        if len(outputs) != 2 or any(
            getattr(layers[-1], 'ndim', 0) != ndim
            for layers, ndim in zip(outputs, ndims, strict=True)
        ):
            raise ValueError(
                f'module {self.path!r} is expected to return class logits and {word} '
                f'by decoder layer, got a {type(outputs).__name__} of {len(outputs)}; '
                "compare on='neck' or on='backbone'"
            )
        logits, boxes_or_masks = (layers[-1][:, self._queries] for layers in outputs)
        return logits, boxes_or_masks

    @property
    def _queries(self) -> slice:
        """The learned ones: denoising queries come before, DDQ's dense ones after."""
        number = self.module.num_queries if self.has_masks else self.model.num_queries
        number *= getattr(self.model, 'num_patterns', 0) or 1  # of DAB-DETR
        dense = 0
        if self.model.training and hasattr(self.model, 'dense_topk_ratio'):
            dense = self.model.cache_dict['num_dense_queries']
        return slice(-number - dense, -dense or None)


class AllLayers(QueryHead):
    """The queries of every decoder layer: (L * N, Q, ...), layer after layer."""

    reads_all_layers = True

    def labels(self, step: Step) -> Tensor:
        """The class (L * N * Q,) that the assigner gave each query in its layer."""
        (outputs,) = step.noted(self.taps[0])
        logits, _ = self._read(outputs)
        calls = step.noted(self._class_loss)[: len(outputs[0])]
        queries, images = [logits.shape[1]], len(logits) // len(calls)
        found = [assigned_labels([call], queries, images) for call in calls]
        return torch.cat([labels.flatten() for labels in found])

    def _read(self, outputs: Any) -> tuple[Tensor, Tensor]:
        super()._read(outputs)  # its checks
        logits, boxes = (layers[:, :, self._queries] for layers in outputs)
        return logits.flatten(0, 1), boxes.flatten(0, 1)
