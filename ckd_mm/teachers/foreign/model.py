"""A model of another library, whose blocks or stages are feature maps by number."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.teachers.foreign.fit import Fit
from ckd_mm.teachers.foreign.pixels import Pixels

__all__ = ['Body', 'FeatureModel']


class Body(nn.Module):
    """Runs a library's model as far as is needed, and makes maps of its layers.

    Subclasses say how. What the library knows of its model is in the attributes.
    """

    model: Any
    """The library's model, an `nn.Module`."""

    kind: str = ''
    """`'blocks'` of a ViT, `'stages'` of a CNN or a pyramid; empty without maps."""

    channels: Sequence[int] = ()
    """The channels of each block or stage."""

    divisor: int = 1
    """Of what the height and the width of its images must be multiples."""

    patch: int = 1
    """The size of its patches; 1 where it has none."""

    def forward(
        self, images: Tensor, wanted: Sequence[int], whole: bool = False
    ) -> Sequence[Tensor]:
        """The maps (N, C, H, W) of the wanted layers, in ascending order.

        Nothing behind the last of them is run, unless `whole` asks for all: somebody
        listens to a module inside the library's model.
        """
        raise NotImplementedError


class FeatureModel(BaseModel):
    """A model of another library as a teacher.

    Its feature maps are what the modules `blocks.0`, `blocks.1` and so on return, or
    `stages.0` and so on; a config writes `blocks:-1` or `stages:2`. They cover the
    batch as the student has padded it, from the same corner. Only what is read is run.

    Args:
        body: The library's model.
        pixels: How it wants its pixels.
        fit: At which size it sees the batch.
        layers: The numbers of the layers that `backbone` returns. `None` is all stages,
            or the last block.
        title: What it is called in messages.

    Raises:
        ValueError: It has no such layer.
    """

    in_backbone = ('blocks', 'stages', 'model')

    def __init__(
        self,
        body: Body,
        pixels: Pixels,
        fit: Fit,
        layers: Sequence[int] | None = None,
        title: str = '',
    ) -> None:
        super().__init__(data_preprocessor=pixels)
        self.title = title or type(body.model).__name__
        self.kind, self.channels = body.kind, tuple(body.channels)
        self._read: set[str] = set()  # by all views
        self.model = body.model  # first, so that its modules have short names
        outputs = nn.ModuleList(nn.Identity() for _ in self.channels)
        if self.kind:
            setattr(self, self.kind, outputs)
        self.backbone = _Backbone(body, outputs, fit, self._numbers(layers))

    def extract_feat(self, inputs: Tensor, data_samples: Any = None) -> Any:
        """The maps of what is read."""
        return self.backbone(inputs)

    def forward(
        self, inputs: Tensor, data_samples: Any = None, mode: str = 'tensor'
    ) -> Any:
        """The same, whatever the mode: it has no losses and predicts nothing."""
        return self.backbone(inputs)

    def will_be_read(self, modules: Collection[str]) -> None:
        """Take notice of the modules that the terms of a run listen to."""
        self._read |= {*modules}
        self.backbone.listen(self.kind, self._read)

    def why_no_level(self, name: str) -> str:
        """Why there is no level of this name."""
        if not self.kind:
            return (
                f'{self.title} has no {name!r}: no feature maps (N, C, H, W) or tokens '
                'of patches were found in it; compare the output of a module with '
                "teacher='model.NAME', by a loss for rows"
            )
        last = len(self.channels) - 1
        return (
            f'{self.title} has no {name!r}; it has {self.kind}:0 to '
            f'{self.kind}:{last}, name one of these'
        )

    def _numbers(self, layers: Sequence[int] | None) -> tuple[int, ...]:
        number = len(self.channels)
        if layers is None:
            last = range(number)[-1:]
            return tuple(range(number) if self.kind == 'stages' else last)
        wrong = [one for one in layers if not -number <= one < number]
        if wrong:
            kinds = self.kind or 'layers'
            raise ValueError(
                f'teacher: layers={list(layers)} must be numbers of {kinds} of '
                f'{self.title}, which has {number}, got {wrong[0]}'
            )
        return tuple(sorted({one % number for one in layers}))


class _Backbone(nn.Module):
    """The maps of the layers, and all that makes them.

    Args:
        body: The library's model.
        outputs: A module for each layer, which hands its map on to those who listen.
        fit: The size of the images.
        layers: The layers that are returned.
    """

    def __init__(
        self, body: Body, outputs: nn.ModuleList, fit: Fit, layers: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.body, self.outputs, self.fit, self.layers = body, outputs, fit, layers
        self.wanted, self.whole = layers, False

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        scaled = self.fit.scaled(images)
        canvas = self.fit.padded(scaled)
        maps = self.body(canvas, self.wanted, self.whole)
        covered = {
            number: self.outputs[number](self.fit.covered(one, scaled, canvas))
            for number, one in zip(self.wanted, maps, strict=True)
        }
        return tuple(covered[one] for one in self.layers if one in covered)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the library's model, and leave alone what is listened to."""
        self.body.compile(*args, **kwargs)

    def listen(self, kind: str, modules: Collection[str]) -> None:
        """Run as far as these modules."""
        start = f'{kind}.'
        levels = {int(one[len(start) :]) for one in modules if one.startswith(start)}
        if 'backbone' in modules:
            levels |= {*self.layers}
        self.wanted = tuple(sorted(levels))
        self.whole = any(one.split('.')[0] == 'model' for one in modules)
