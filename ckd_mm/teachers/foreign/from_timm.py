"""Models of timm, see https://huggingface.co/docs/timm (Apache-2.0)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from torch import Tensor, nn

from ckd_mm.registry import TEACHERS, did_you_mean
from ckd_mm.teachers.foreign.explain import explained
from ckd_mm.teachers.foreign.kind import ForeignTeacher, Loaded, imported
from ckd_mm.teachers.foreign.model import Body
from ckd_mm.teachers.foreign.pixels import PixelFormat
from ckd_mm.teachers.foreign.weights import check_finite, weights_file

__all__ = ['TimmTeacher']


@TEACHERS.register_module(name='timm')
@dataclass(frozen=True)
class TimmTeacher(ForeignTeacher):
    """A model of timm: `teacher=dict(type='timm', model='vit_base_patch16_dinov3')`.

    The arguments are those of :class:`ForeignTeacher`; `args` are those of
    `timm.create_model`. A checkpoint is converted as timm does it: names of the model's
    authors, and position embeddings of another image size.
    """

    library: ClassVar[str] = 'timm'

    def load(self, weights: bool) -> Loaded:
        timm = imported('timm', 'timm')
        cfg, source = self._known(timm), ''
        kwargs: dict[str, Any] = {**self.args}
        if weights and self.checkpoint is not None:
            source = str(weights_file(self.checkpoint, cfg.get('hf_hub_id') or ''))
            number = self.args.get('num_classes', cfg['num_classes'])
            overlay = dict(file=source, num_classes=number)
            kwargs |= dict(pretrained=True, pretrained_cfg_overlay=overlay)
        elif weights and self.pretrained:
            source = f'timm ({cfg.get("hf_hub_id") or cfg.get("url") or "no source"})'
            kwargs['pretrained'] = True
        with explained(self.title, source, self.args):
            model = self._created(timm, kwargs)
        check_finite(model, source)
        pixels = PixelFormat(cfg['mean'], cfg['std'])
        return Loaded(_TimmBody(model, self.norm), pixels, source)

    def _known(self, timm: ModuleType) -> dict[str, Any]:
        """What timm says of the model.

        Raises:
            ValueError: It does not know it.
        """
        name, _, tag = self.model.partition('.')
        if not timm.is_model(name):
            raise ValueError(
                f'timm {timm.__version__} has no model '
                f'{name!r}{did_you_mean(name, timm.list_models())}'
            )
        tags = timm.list_pretrained(f'{name}*')
        known = [one.partition('.')[2] for one in tags if one.partition('.')[0] == name]
        if tag and tag not in known:
            raise ValueError(
                f'timm {timm.__version__} has no weights {tag!r} of '
                f'{name!r}{did_you_mean(tag, known)}'
            )
        return timm.get_pretrained_cfg(self.model).to_dict()

    def _created(self, timm: ModuleType, kwargs: dict[str, Any]) -> Any:
        """The model, which takes images of every size if it can.

        Raises:
            ValueError: It takes images of one size, and `input_size` gives none.
        """
        sizes: dict[str, Any] = dict(dynamic_img_size=True)
        if self.fixed_size:
            sizes = dict(img_size=self.fixed_size)
        name = next(iter(sizes))
        if name in self.args:
            return timm.create_model(self.model, **kwargs)
        try:
            return timm.create_model(self.model, **kwargs, **sizes)
        except TypeError as error:
            if name not in str(error):
                raise
        model = timm.create_model(self.model, **kwargs)
        cfg = model.pretrained_cfg
        size = tuple(cfg['input_size'][1:])
        if cfg.get('fixed_input_size') and self.fixed_size != size:
            raise ValueError(
                f'{self.title} takes images of one size; give the teacher '
                f'input_size={size}'
            )
        return model


class _TimmBody(Body):
    """Runs timm's own `forward_intermediates`, which stops early."""

    def __init__(self, model: nn.Module, norm: bool) -> None:
        super().__init__()
        self.model, self._norm = model, norm
        infos = _infos(model)
        self._indices = [number for number, _ in infos]
        self.channels = [info['num_chs'] for _, info in infos]
        strides = [info['reduction'] for _, info in infos]
        if infos:
            same = len({*strides}) == 1
            is_vit = same and bool(re.search(r'\.\d+$', infos[-1][1]['module']))
            self.kind = 'blocks' if is_vit else 'stages'
            self.divisor = max(strides)
            self.patch = self.divisor if is_vit else 1

    def forward(
        self, images: Tensor, wanted: Sequence[int], whole: bool = False
    ) -> Sequence[Tensor]:
        if not wanted:
            self.model(images)
            return []
        return self.model.forward_intermediates(
            images,
            indices=[self._indices[one] for one in wanted],
            norm=self._norm and self.kind == 'blocks',
            stop_early=not whole,
            output_fmt='NCHW',
            intermediates_only=True,
        )


def _infos(model: Any) -> list[tuple[int, dict[str, Any]]]:
    """timm's number and description of each block, or stage of stride 4 and more."""
    if not hasattr(model, 'forward_intermediates'):
        return []
    info = getattr(model, 'feature_info', None) or []
    return [one for one in enumerate(info) if one[1]['reduction'] >= 4]
