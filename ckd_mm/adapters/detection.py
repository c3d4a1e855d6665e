"""Any detector of MMDetection: feature maps, with the ground truth of their images."""

from __future__ import annotations

from functools import partial
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.batch_checks import why_other_images
from ckd_mm.adapters.core.pair_spec import Context, Part, Unavailable
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.modules import ModuleAdapter
from ckd_mm.registry import ADAPTERS

__all__ = ['DetectionAdapter']

HEADS = ('bbox_head', 'mask_head', 'panoptic_head', 'rpn_head', 'roi_head')
_NECK = Tap('neck')
_ANY = 'on=dict(student=NAME, teacher=NAME)'


def _boxes(step: Step) -> list[Tensor]:
    return [sample.gt_instances.bboxes for sample in step.data_samples]


def _labels(step: Step) -> list[Tensor]:
    return [sample.gt_instances.labels for sample in step.data_samples]


def _image_size(step: Step) -> tuple[int, ...]:
    return tuple(step.inputs.shape[-2:])


def _image_shapes(step: Step) -> list[tuple[int, int]]:
    return [tuple(sample.img_shape[:2]) for sample in step.data_samples]


def _anchors(generator: Any, step: Step) -> tuple[Tensor, ...]:
    sizes = [level.shape[-2:] for level in step.noted(_NECK)[0]]
    return tuple(generator.grid_priors(sizes, device=step.inputs.device))


@ADAPTERS.register_module()
class DetectionAdapter(ModuleAdapter):
    """Detectors of every family, compared by their feature maps.

    `backbone`, `neck`: all levels. A loss can ask for the ground truth, in pixels of
    the padded batch: `boxes` (N tensors (G, 4): x1, y1, x2, y2), `labels` (N tensors
    (G,)); for `image_size` (height and width of the batch), `image_shapes` (those of
    each image before padding) and, where the student has anchors on the levels of its
    neck, `anchors` (a tensor (H * W * A, 4) per level).
    """

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return super().supports(model) and any(hasattr(model, name) for name in HEADS)

    def parts(self) -> dict[str, Part]:
        known = super().parts()
        missing = why_other_images(self.student, self.teacher)
        if missing is not None:
            return dict.fromkeys([*known, *self.head_parts], missing)
        if self.supports(self.teacher):
            return {**known, **self.parts_of_heads()}
        return {**known, **dict.fromkeys(self.head_parts, self.why_no_rows())}

    def why_no_rows(self) -> Unavailable:
        """Why the rows of this family cannot be aligned with the teacher's."""
        maps = [
            f'on={name!r}'
            for name, part in super().parts().items()
            if not isinstance(part, Unavailable)
        ]
        return Unavailable(
            f'the student is a {type(self.student).__name__} and the teacher a '
            f'{getattr(self.teacher, "title", type(self.teacher).__name__)}, '
            'whose rows cannot be aligned with it; '
            f'compare feature maps with {" or ".join(maps or [_ANY])}'
        )

    def parts_of_heads(self) -> dict[str, Part]:
        """What this family compares beside feature maps.

        A student of no special family has nothing beside them.
        """
        heads = [getattr(self.student, name, None) for name in HEADS]
        kinds = [type(head).__name__ for head in heads if head is not None]
        reason = Unavailable(
            f'no rows are known of a {type(self.student).__name__} with '
            f"{' and '.join(kinds) or 'no head'}; compare feature maps with on='neck' "
            "or on='backbone'"
        )
        return dict.fromkeys(('dense_logits', 'query_logits', 'roi_logits'), reason)

    def context(self) -> dict[str, Context]:
        found = {
            **super().context(),
            'boxes': Context(_boxes, of_labels=True),
            'labels': Context(_labels, of_labels=True),
            'image_size': Context(_image_size),
            'image_shapes': Context(_image_shapes),
        }
        heads = (
            getattr(self.student, name, None) for name in ('rpn_head', 'bbox_head')
        )
        head = next((head for head in heads if head is not None), None)
        generator = getattr(head, 'prior_generator', None)
        if generator is not None and getattr(self.student, 'neck', None) is not None:
            found['anchors'] = Context(partial(_anchors, generator), (_NECK,))
        return found
