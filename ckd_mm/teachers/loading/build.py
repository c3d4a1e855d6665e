"""A frozen teacher from a config file, a name in a model zoo, or a dict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any

from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.utils import import_modules_from_strings

from ckd_mm.random_state import preserved_random_state
from ckd_mm.teachers.loading.checkpoint import load_weights

__all__ = ['build_model', 'build_teacher', 'built', 'read_config']


def build_teacher(
    config: str | PathLike[str] | dict | Config,
    checkpoint: str | PathLike[str] | None = None,
    prefix: str = '',
) -> BaseModel:
    """Build a teacher, load its weights and freeze it.

    The global random states stay as they are, so that the student's run is the same
    with and without a teacher. Nothing is downloaded but the checkpoint.

    Args:
        config: Path of a config, a zoo name such as
            `mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py`, or a dict: a whole
            config, whose `custom_imports` are carried out, or only its `model`.
        checkpoint: Path or URL of the weights. `None` takes the zoo's, which the
            metafile of a zoo config names.
        prefix: Takes only the weights whose names begin so, see :func:`load_weights`.

    Returns:
        The teacher on the CPU, in eval mode, without gradients. Its `dataset_meta` is
        that of the checkpoint, with keys in lower case, such as
        `{'classes': ('person', ...)}`; `None` where the file has none.

    Raises:
        ValueError: The config cannot be read or built, there is no checkpoint, or its
            weights are not this model's.
    """
    cfg, zoo_weights = read_config(config)
    checkpoint = fspath(checkpoint) if checkpoint is not None else zoo_weights
    if checkpoint is None:
        raise ValueError(
            f'teacher {_name(config)} has no checkpoint: only zoo configs (mmdet::..., '
            'mmpretrain::...) whose metafile names weights come with one; give '
            'teacher=dict(config=..., checkpoint=PATH_OR_URL)'
        )
    teacher = built(cfg, config)
    meta = load_weights(teacher, checkpoint, prefix)
    teacher.dataset_meta = _dataset_meta(meta)
    teacher.eval()  # LAD's and LD's return None
    teacher.requires_grad_(False)
    print_log(_summary(teacher, config, checkpoint, meta), logger='current')
    return teacher


def build_model(config: str | PathLike[str] | dict | Config) -> BaseModel:
    """The model of a teacher's config without its weights, frozen, in eval mode.

    Raises:
        ValueError: The config cannot be read or built.
    """
    cfg, _ = read_config(config)
    return built(cfg, config).eval().requires_grad_(False)


def read_config(
    config: str | PathLike[str] | dict | Config, what: str = 'teacher'
) -> tuple[Config, str | None]:
    """A teacher's config, and the zoo's weights for it if there are any.

    Args:
        config: A path, a zoo name, or a dict.
        what: What it is in the run, for messages.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        if isinstance(config, Config):
            config = config.to_dict()
        if isinstance(config, dict):
            return _from_dict(config), None
        if '::' not in fspath(config):
            return Config.fromfile(config), None
        return _from_zoo(fspath(config))
    except Exception as error:
        raise ValueError(
            f'{what} config {_name(config)} cannot be read: {type(error).__name__}: '
            f'{error}; give the path of a config, a zoo name such as '
            "'mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py', or a dict with a "
            'whole config or its model'
        ) from error


def _from_dict(content: dict) -> Config:
    """A config from a dict; as by `Config.fromfile`, its `custom_imports` are run."""
    if '_base_' in content:
        raise ValueError(
            "'_base_' is resolved in files only; write the dict to a file, or give "
            'Config.fromfile(FILE).to_dict()'
        )
    cfg = Config(content if 'model' in content else {'model': content})
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    return cfg


def _from_zoo(name: str) -> tuple[Config, str | None]:
    try:
        cfg = get_config(name, pretrained=True)
    except AssertionError:  # the metafile has the config, but names no weights
        cfg = get_config(name)
    if cfg.get('default_scope') is None:  # DINOv2's, for instance
        cfg.default_scope = name.split('::')[0]
    return cfg, cfg.get('model_path')


def built(cfg: Config, config: Any, what: str = 'teacher') -> BaseModel:
    """The model of a config that was read, as its library builds it.

    Args:
        cfg: What was read.
        config: As the user gave it, for messages.
        what: What it is in the run, for messages.

    Raises:
        ValueError: It has no model, or one that cannot be built.
    """
    if 'model' not in cfg:
        raise ValueError(
            f"{what} config {_name(config)} has no 'model'; it has {sorted(cfg.keys())}"
        )
    model_cfg = cfg.model
    if cfg.get('data_preprocessor') is not None:
        model_cfg.setdefault('data_preprocessor', cfg.data_preprocessor)
    scope = cfg.get('default_scope')  # None keeps the scope of the run
    try:
        with preserved_random_state(), DefaultScope.overwrite_default_scope(scope):
            return MODELS.build(model_cfg)
    except Exception as error:
        unknown = isinstance(error, KeyError) and scope is None
        hint = "; if it is another library's, add default_scope='mmpretrain' or 'mmdet'"
        raise ValueError(
            f'{what} {_name(config)} cannot be built: {type(error).__name__}: {error}'
            f'{hint if unknown else ""}'
        ) from error


def _dataset_meta(meta: dict[str, Any]) -> dict[str, Any] | None:
    """The `dataset_meta` of a checkpoint; files from before MMEngine have `CLASSES`."""
    found = meta.get('dataset_meta')
    if not isinstance(found, Mapping):
        classes = meta.get('CLASSES', meta.get('classes'))
        found = {} if classes is None else {'classes': classes}
    found = {str(key).lower(): value for key, value in found.items()}
    classes = found.get('classes')
    if isinstance(classes, str):
        found['classes'] = (classes,)
    elif isinstance(classes, Iterable):
        found['classes'] = tuple(classes)
    return found or None


def _name(config: str | PathLike[str] | dict | Config) -> str:
    if isinstance(config, (dict, Config)):
        return 'given as a dict'
    return repr(fspath(config))


def _summary(teacher: BaseModel, config: Any, checkpoint: str, meta: dict) -> str:
    parameters = sum(parameter.numel() for parameter in teacher.parameters())
    trained = f', trained for {meta["epoch"]} epochs' if meta.get('epoch') else ''
    return (
        f'Teacher: {type(teacher).__name__} {_name(config)}, '
        f'{parameters / 1e6:.2f} M parameters, all from {checkpoint}{trained}'
    )
