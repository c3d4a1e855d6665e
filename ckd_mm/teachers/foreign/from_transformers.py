"""Models of Hugging Face's transformers (Apache-2.0): vision models, vision towers."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from torch import nn

from ckd_mm.registry import TEACHERS, did_you_mean
from ckd_mm.teachers.foreign.explain import (
    check_args,
    explained,
    first_line,
    has_no_connection,
)
from ckd_mm.teachers.foreign.kind import ForeignTeacher, Loaded, imported
from ckd_mm.teachers.foreign.pixels import PixelFormat
from ckd_mm.teachers.foreign.traced import TracedBody
from ckd_mm.teachers.foreign.weights import check_finite, snapshot, weights_file
from ckd_mm.teachers.loading.misfit import listed
from ckd_mm.teachers.loading.weight_file import read_weights

__all__ = ['TransformersTeacher']

LOADING = (
    'attn_implementation',
    'cache_dir',
    'code_revision',
    'dtype',
    'force_download',
    'local_files_only',
    'proxies',
    'revision',
    'subfolder',
    'token',
    'torch_dtype',
    'trust_remote_code',
)
"""What `from_pretrained` takes and no configuration keeps."""
TOWERS = ('vision_model', 'vision_tower', 'vision_encoder')


@TEACHERS.register_module(name='transformers')
@dataclass(frozen=True)
class TransformersTeacher(ForeignTeacher):
    """A model of transformers.

    `teacher=dict(type='transformers', model='facebook/dinov2-base')`. The arguments are
    those of :class:`ForeignTeacher`. `model` is a name on the hub, a local folder with
    a `config.json`, or a type such as `'dinov2'`, whose configuration has `args`. Of
    models of images and text (CLIP, SigLIP) it is the vision tower.
    """

    library: ClassVar[str] = 'transformers'

    def load(self, weights: bool) -> Loaded:
        transformers = imported('transformers', 'transformers')
        config, folder = self._config(transformers)
        source = ''
        if weights and (self.checkpoint is not None or self.pretrained):
            source = str(self.checkpoint or folder)
        with explained(self.title, source, self.args):
            if source:
                model = self._loaded(transformers, config, folder)
                check_finite(model, source)
            else:
                model = transformers.AutoModel.from_config(config)
        tower = next(
            (getattr(model, one) for one in TOWERS if hasattr(model, one)), model
        )
        options = {}
        if 'interpolate_pos_encoding' in inspect.signature(tower.forward).parameters:
            options['interpolate_pos_encoding'] = True
        body = TracedBody(tower, self.norm, options, self.fixed_size, self.title)
        return Loaded(body, _pixels(transformers, folder), source)

    def _config(self, transformers: ModuleType) -> tuple[Any, str]:
        """The model's configuration, and where its files are.

        Raises:
            ValueError: There is none.
        """
        folder = self.model
        if self.checkpoint is not None and Path(self.checkpoint).is_dir():
            folder = str(snapshot(Path(self.checkpoint), self.model))
            if not (Path(folder) / 'config.json').is_file():
                raise ValueError(
                    f'teacher checkpoint: the folder {folder!r} has no config.json of '
                    f'{self.model!r}; give a folder that save_pretrained has written, '
                    'or one of the cache of the Hugging Face hub'
                )
        known = transformers.models.auto.configuration_auto.CONFIG_MAPPING
        if folder in known:
            check_args(self.title, self.args, _Options(known[folder]()))
            with explained(self.title, '', self.args):
                return transformers.AutoConfig.for_model(folder, **self.args), ''
        try:
            config = transformers.AutoConfig.from_pretrained(folder, **self.args)
        except Exception as error:
            raise ValueError(self._not_found(folder, known, error)) from error
        check_args(self.title, self.args, _Options(config))
        return config, folder

    def _not_found(self, folder: str, known: Iterable[str], error: Exception) -> str:
        start = f'transformers finds no model {folder!r}'
        hint = did_you_mean(self.model, known)
        if not has_no_connection(error):
            return (
                f'{start} ({first_line(error)}): it is no folder with a config.json, '
                f'no type of model{hint}'
            )
        if '/' not in folder:
            return (
                f'{start} on this machine, and the Hugging Face hub cannot be reached: '
                f'it is no folder with a config.json, no type of model{hint}'
            )
        return (
            f'{start} on this machine, and the Hugging Face hub cannot be reached to '
            'download it; give its folder or a cache of the hub with '
            "checkpoint=FOLDER, or a type such as model='dinov2' with pretrained=False "
            'to try the run with random weights'
        )

    def _loaded(self, transformers: ModuleType, config: Any, folder: str) -> nn.Module:
        """The model with all of its weights.

        Raises:
            ValueError: Some are missing.
        """
        path: Any = folder
        options: dict[str, Any] = dict(config=config)
        if self.checkpoint is not None and not Path(self.checkpoint).is_dir():
            state = read_weights(str(weights_file(self.checkpoint)))[0].values
            path, options['state_dict'] = None, state
        elif not folder:
            raise ValueError(
                f'{self.title} has no weights of its own, as it is a type of model; '
                'give checkpoint=PATH, or pretrained=False for random ones'
            )
        cls = transformers.AutoModel._model_mapping[type(config)]
        cls = cls[0] if isinstance(cls, tuple) else cls
        model, info = cls.from_pretrained(path, output_loading_info=True, **options)
        self._check(model, info, str(self.checkpoint or folder))
        return model

    def _check(self, model: Any, info: dict[str, Any], source: str) -> None:
        """Check that no weights are missing but those of a pooler, which goes then."""
        missing = [one for one in info['missing_keys'] if 'pooler.' not in one]
        if missing:
            raise ValueError(
                f'{source} does not hold the weights of {self.title}: '
                f'{listed("missing", missing)}; '
                f'{listed("unexpected", list(info["unexpected_keys"]))}; give the file '
                'of this model'
            )
        if info['missing_keys']:
            model.pooler = None


class _Options:
    """The names of what can be given for a configuration."""

    def __init__(self, config: Any) -> None:
        self._config = config

    def __contains__(self, name: object) -> bool:
        return name in LOADING or hasattr(self._config, str(name))


def _pixels(transformers: ModuleType, folder: str) -> PixelFormat | None:
    """Mean and deviation in the files of a model; `None` where they have none."""
    with suppress(Exception):  # some have no such file, and the options then say it
        mixin = transformers.image_processing_utils.BaseImageProcessor
        said, _ = mixin.get_image_processor_dict(folder)
        return PixelFormat(said['image_mean'], said['image_std'])
    return None
