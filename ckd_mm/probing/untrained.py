"""Models with random weights, for tools that only try what fits."""

from __future__ import annotations

import json
import tempfile
from copy import deepcopy
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS, DefaultScope
from mmengine.utils import get_installed_path

from ckd_mm.adapters.core.class_names import LISTS
from ckd_mm.errors import as_value_error

__all__ = ['build_untrained', 'class_lists']

_NO_WEIGHTS = ('pretrained', 'teacher_ckpt', 'checkpoint')
"""Keys under which models name a file of weights."""

_RESIZING = ('BatchFixedSizePad', 'BatchResize')
"""Augmentations of a batch that bring it to the size of their data set."""


def build_untrained(
    config: str | PathLike[str] | dict | Config,
) -> tuple[Config, BaseModel]:
    """A config, and its model with random weights; nothing is downloaded.

    A text model that its config names (BERT) is replaced by one of the same width with
    one layer and a few words. Batches are not resized to the size of a data set.

    Args:
        config: A path, a zoo name such as
            `mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py`, a whole config, or the
            dict of its `model`.

    Raises:
        ValueError: The config cannot be read, or its model cannot be built.
    """
    cfg, name = _read(config)
    if not isinstance(cfg.get('model'), dict):
        raise ValueError(
            f'config {name} has no model; it has {sorted(cfg.keys())}: give a config '
            'that inherits from that of a model'
        )
    model = deepcopy(cfg.model)
    if cfg.get('data_preprocessor') is not None:
        model.setdefault('data_preprocessor', deepcopy(cfg.data_preprocessor))
    with (
        as_value_error(f'building the model of config {name}'),
        tempfile.TemporaryDirectory() as folder,
        DefaultScope.overwrite_default_scope(cfg.get('default_scope')),
    ):
        built = MODELS.build(_without_weights(model, Path(folder)))
        built.init_weights()
    return cfg, built


def class_lists(cfg: Config) -> dict[str, list[str]] | None:
    """The names of the classes of a config's training data, which is not built.

    `None` where they cannot be told from the config.
    """
    data = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    while 'dataset' in data or 'datasets' in data:
        data = data['dataset'] if 'dataset' in data else data['datasets'][0]
    with DATASETS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
        kind = registry.get(data['type']) if isinstance(data.get('type'), str) else None
    meta = {**getattr(kind, 'METAINFO', {}), **(data.get('metainfo') or {})}
    lists = {
        key: meta[key] for key in LISTS if isinstance(meta.get(key), (list, tuple))
    }
    return {key: list(names) for key, names in lists.items()} or None


def _read(config: str | PathLike[str] | dict | Config) -> tuple[Config, str]:
    """A config and what to call it."""
    if isinstance(config, Config):
        return config, Path(config.filename).name if config.filename else 'given'
    if isinstance(config, dict):
        content = config if 'model' in config else dict(model=config)
        return Config(content), 'given as a dict'
    name = fspath(config)
    with as_value_error(f'reading config {name}'):
        return get_config(name) if '::' in name else Config.fromfile(name), name


def _without_weights(config: Any, folder: Path) -> Any:
    """The same config, whose models start from random weights."""
    if isinstance(config, dict):
        for key, value in list(config.items()):
            if key == 'init_cfg' and _names_weights(value):
                config[key] = None
            elif key in _NO_WEIGHTS and isinstance(value, (str, bool)):
                config[key] = False if value is True else None
            elif key == 'batch_augments' and value:
                kept = [one for one in value if one.get('type') not in _RESIZING]
                config[key] = kept or None
            elif key == 'language_model' and isinstance(value, dict):
                value['name'] = str(_tiny_bert(folder))
            elif key == 'lang_model_name':  # GLIP's head reads the tokens with it
                config[key] = str(_tiny_bert(folder))
            elif key == 'teacher_config' and isinstance(value, str):
                config[key] = _installed(value)
            else:
                _without_weights(value, folder)
    elif isinstance(config, (list, tuple)):
        for value in config:
            _without_weights(value, folder)
    return config


def _names_weights(init_cfg: Any) -> bool:
    return 'Pretrained' in str(init_cfg) or (
        isinstance(init_cfg, dict) and 'checkpoint' in init_cfg
    )


def _installed(config: str) -> str:
    """The path of a config that MMDetection names as seen from its checkout."""
    if Path(config).is_file():
        return config
    return str(Path(get_installed_path('mmdet')) / '.mim' / config)


def _tiny_bert(folder: Path) -> Path:
    """A folder that Hugging Face's `from_pretrained` reads instead of a download."""
    from transformers import BertConfig, BertModel

    words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '.', '?', 'a', 'cat', 'dog']
    (folder / 'vocab.txt').write_text('\n'.join(words))
    (folder / 'tokenizer_config.json').write_text(
        json.dumps(dict(tokenizer_class='BertTokenizer', do_lower_case=True))
    )
    config = BertConfig(vocab_size=len(words), num_hidden_layers=1)
    BertModel(config).save_pretrained(folder)
    return folder
