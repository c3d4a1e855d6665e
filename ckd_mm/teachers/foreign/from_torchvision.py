"""Models of torchvision (BSD-3-Clause)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ckd_mm.registry import TEACHERS, did_you_mean
from ckd_mm.teachers.foreign.explain import explained
from ckd_mm.teachers.foreign.kind import ForeignTeacher, Loaded, imported
from ckd_mm.teachers.foreign.pixels import PixelFormat
from ckd_mm.teachers.foreign.traced import TracedBody
from ckd_mm.teachers.foreign.weights import weights_file
from ckd_mm.teachers.loading.checkpoint import fill
from ckd_mm.teachers.loading.weight_file import Weights, read_weights

__all__ = ['TorchvisionTeacher']


@TEACHERS.register_module(name='torchvision')
@dataclass(frozen=True)
class TorchvisionTeacher(ForeignTeacher):
    """A model of torchvision: `teacher=dict(type='torchvision', model='resnet50')`.

    The arguments are those of :class:`ForeignTeacher`; `args` are those of
    `torchvision.models.get_model`, and `prefix` is removed from the names in a file. A
    ViT takes square images of one size, and its position embeddings are interpolated by
    `interpolate_embeddings`.
    """

    library: ClassVar[str] = 'torchvision'

    prefix: str = ''

    def load(self, weights: bool) -> Loaded:
        models = imported('torchvision.models', 'torchvision')
        if self.model not in models.list_models():
            hint = did_you_mean(self.model, models.list_models())
            raise ValueError(f'torchvision has no model {self.model!r}{hint}')
        theirs = models.get_model_weights(self.model).DEFAULT
        args = {**self.args}
        if self.fixed_size and 'vit_' in self.model:
            args.setdefault('image_size', self._square())
        with explained(self.title, '', self.args):
            model = models.get_model(self.model, weights=None, **args)
        source = ''
        if weights and (self.checkpoint is not None or self.pretrained):
            with explained(self.title, str(self.checkpoint or theirs.url), self.args):
                read, source = self._read(theirs)
                read.values = _of_size(models, model, read.values)
            fill(model, read, source, self.prefix)
        body = TracedBody(model, self.norm, size=self.fixed_size, title=self.title)
        seen = theirs.transforms()
        pixels = PixelFormat(seen.mean, seen.std) if hasattr(seen, 'mean') else None
        return Loaded(body, pixels, source)

    def _square(self) -> int:
        assert self.fixed_size is not None
        height, width = self.fixed_size
        if height != width:
            raise ValueError(
                f'{self.title} takes square images alone, got '
                f'input_size={self.fixed_size}; take a ViT of timm for others'
            )
        return height

    def _read(self, theirs: Any) -> tuple[Weights, str]:
        """The weights by name, and where they are from."""
        if self.checkpoint is None:
            state = theirs.get_state_dict(progress=False, check_hash=True)
            return Weights.of(state), theirs.url
        name = theirs.url.rsplit('/', 1)[-1]
        cached = [Path(self.checkpoint) / one / name for one in ('', 'checkpoints')]
        found = [one for one in cached if one.is_file()]
        path = str(found[0] if found else weights_file(self.checkpoint))
        return read_weights(path, self.prefix)[0], path


def _of_size(models: Any, model: Any, state: dict[str, Any]) -> dict[str, Any]:
    """The weights with a ViT's position embeddings for the size of its images."""
    name = 'encoder.pos_embedding'
    own = model.state_dict().get(name)
    if own is None or name not in state or own.shape[1] == state[name].shape[1]:
        return state
    return models.vision_transformer.interpolate_embeddings(
        model.image_size, model.patch_size, state
    )
