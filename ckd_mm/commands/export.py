"""Write the student of a run with what its terms give it at inference."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeGuard

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from ckd_mm.atomic import replacing
from ckd_mm.commands.arguments import LIBRARIES
from ckd_mm.engine.inference import KEY
from ckd_mm.errors import as_value_error
from ckd_mm.registry import LOSSES
from ckd_mm.teachers.loading.safe import TRUST, read_file, reason, refused

__all__ = [
    'check_fit',
    'export_student',
    'files_to_write',
    'read_checkpoint',
    'read_config',
    'without_hook',
    'write_both',
]


def export_student(
    config: str | PathLike[str], checkpoint: str | PathLike[str], folder: Path
) -> tuple[Path, Path]:
    """Write a config without the hook, and a checkpoint, which the library's tools run.

    Neither teacher nor data are read: the run's checkpoint has all that is needed.

    Args:
        config: The config of the run.
        checkpoint: A checkpoint of it.
        folder: Where both files are written, under the names of those of the run.

    Returns:
        The paths of the config and of the checkpoint.

    Raises:
        FileExistsError: A file of that name is there already.
        ValueError: A file cannot be read, no term changes the student at inference, or
            config and checkpoint are of different runs.
    """
    config, checkpoint = Path(config), Path(checkpoint)
    targets = files_to_write(config, checkpoint, folder)
    cfg, content = read_config(config), read_checkpoint(checkpoint)
    wanted = _wanted(cfg, config)
    parts = _parts(content.get(KEY), wanted, checkpoint)
    exported = without_hook(cfg)
    weights = dict(content['state_dict'])
    for name, part in parts.items():
        exported.model[name] = copy.deepcopy(part['config'])
        weights = _with_part(weights, name, part)
    _import_types(exported, parts)
    check_fit(exported, weights, config, checkpoint)
    write_both(targets, exported, weights, content.get('meta') or {})
    return targets


def files_to_write(config: Path, checkpoint: Path, folder: Path) -> tuple[Path, Path]:
    """The paths of config and checkpoint in a folder.

    Raises:
        FileExistsError: A file of that name is there already.
    """
    targets = folder / f'{config.stem}.py', folder / f'{checkpoint.stem}.pth'
    for target in targets:
        if target.exists():
            raise FileExistsError(f'{target} exists; choose another folder')
    return targets


def write_both(
    targets: tuple[Path, Path],
    config: Config,
    weights: Mapping[str, Any],
    meta: Mapping[str, Any],
) -> None:
    """Write a config and a checkpoint, in which the config stands as well."""
    targets[0].parent.mkdir(parents=True, exist_ok=True)
    with replacing(targets[1]) as draft:
        meta = {**meta, 'cfg': config.pretty_text}
        torch.save({'meta': meta, 'state_dict': dict(weights)}, draft)
    targets[0].write_text(config.pretty_text, encoding='utf-8')


def read_config(path: Path) -> Config:
    """The config of a run.

    Raises:
        ValueError: It cannot be read.
    """
    way_out = 'give the config of the run, a file that ends in .py'
    with as_value_error(f'reading the config {path}', way_out):
        return Config.fromfile(path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint of a run.

    Raises:
        ValueError: It cannot be read, or is something else.
    """
    if not path.is_file():
        raise ValueError(f'{path} does not exist; expected a checkpoint of the run')
    try:
        content = read_file(str(path))
    except Exception as error:
        trusted = (
            f', or set {TRUST}=1 if you trust its source' if refused(error) else ''
        )
        raise ValueError(
            f'{path} cannot be read: {reason(error)}; give a checkpoint that the run '
            f'has saved{trusted}'
        ) from error
    found = content if isinstance(content, Mapping) else {}
    meta = found.get('meta') or {}
    if not all(isinstance(one, Mapping) for one in (found.get('state_dict'), meta)):
        raise ValueError(
            f'{path} has no state_dict and meta of a run; expected a checkpoint that '
            'the run has saved'
        )
    return dict(found)


def _wanted(cfg: Config, config: Path) -> dict[str, Any]:
    """The losses of a run that change the student at inference, by name of the term.

    Raises:
        ValueError: There is none.
    """
    terms = {
        name: term.get('loss', {}).get('type')
        for hook in cfg.get('custom_hooks') or []
        if hook.get('type') == 'DistillationHook'
        for name, term in hook.get('distill', {}).items()
    }
    found = {name: LOSSES.get(loss) if loss else None for name, loss in terms.items()}
    wanted = {name: one for name, one in found.items() if hasattr(one, 'at_inference')}
    if not wanted:
        shown = ', '.join(f'{name} ({loss})' for name, loss in terms.items())
        raise ValueError(
            f'no term of {config} changes the student at inference, got '
            f'{shown or "no DistillationHook"}; there is nothing to export: the '
            'checkpoint is that of the stock student, test it with its stock config'
        )
    return wanted


def _parts(
    parts: Any, wanted: Mapping[str, Any], checkpoint: Path
) -> Mapping[str, Mapping[str, Any]]:
    """What a checkpoint has for inference, by child of the student.

    Args:
        parts: What stands there.
        wanted: The losses that it must be of, by name of the term.

    Raises:
        ValueError: Something of it is missing.
    """
    if not parts:
        raise ValueError(
            f'{checkpoint} has nothing of {", ".join(wanted)} for inference; it is '
            'of another run, of one with loss_weight=0, or was published without it: '
            'give a checkpoint that the run of this config has saved'
        )
    expected = {
        child: settings
        for loss in wanted.values()
        for child, settings in getattr(loss, 'inference_parts', {}).items()
    }
    known = parts if isinstance(parts, Mapping) else {}
    for child in {**expected, **known} or ['module']:
        part = known.get(child)
        if not _is_part(part):
            raise ValueError(
                f'{checkpoint} has no {child} with config and state_dict for '
                f'inference, as {", ".join(wanted)} gives it; give a checkpoint that '
                'the run of this config has saved'
            )
        for name in expected.get(child, ()):
            if part['config'].get(name) is None:
                raise ValueError(
                    f'the {child} for inference in {checkpoint} has no {name}, which '
                    'the first step of the term finds; give a later checkpoint that '
                    'the run of this config has saved'
                )
    return known


def _is_part(part: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether it has the config and the weights of a module."""
    found = part if isinstance(part, Mapping) else {}
    config, state = found.get('config'), found.get('state_dict')
    return (
        isinstance(config, Mapping)
        and isinstance(config.get('type'), str)
        and isinstance(state, Mapping)
        and isinstance(found.get('of_student', {}), Mapping)
    )


def without_hook(cfg: Config) -> Config:
    """A copy of the config of a run, for the student alone."""
    exported = copy.deepcopy(cfg)
    hooks = [
        hook
        for hook in cfg.get('custom_hooks') or []
        if hook.get('type') != 'DistillationHook'
    ]
    exported.pop('custom_hooks', None)
    if hooks:
        exported.custom_hooks = hooks
    exported.update(load_from=None, resume=False)
    exported.pop('work_dir', None)
    return exported


def _with_part(
    weights: Mapping[str, Any], name: str, part: Mapping[str, Any]
) -> dict[str, Any]:
    """Weights of the student in which one child has other ones."""
    kept = {key: one for key, one in weights.items() if not key.startswith(f'{name}.')}
    of_student = part.get('of_student', {})  # what `_check_fit` will miss, if anything
    shared = {key: weights[one] for key, one in of_student.items() if one in weights}
    state = {**part['state_dict'], **shared}
    return {**kept, **{f'{name}.{key}': one for key, one in state.items()}}


def _import_types(cfg: Config, parts: Mapping[str, Any]) -> None:
    """Have the config import what registers the modules, beside those of a library."""
    imports = list((cfg.get('custom_imports') or {}).get('imports', []))
    for part in parts.values():
        cls: Any = MODELS.get(part['config']['type'])
        module = getattr(cls, '__module__', LIBRARIES[0])
        package = module.split('.')[0]
        wanted = package if package == 'ckd_mm' else module
        if package not in LIBRARIES and wanted not in imports:
            imports.append(wanted)
    if imports:
        cfg.custom_imports = dict(imports=imports, allow_failed_imports=False)


def check_fit(
    cfg: Config, weights: Mapping[str, Any], config: Path, checkpoint: Path
) -> None:
    """Check that the weights are those of the model.

    Raises:
        ValueError: They are not.
    """
    scope = DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmpretrain'))
    what = f'the weights of {checkpoint} in the model of {config}'
    way_out = 'give config and checkpoint of one run'
    with as_value_error(what, way_out), scope:
        settings = cfg.get('data_preprocessor')
        model = dict(copy.deepcopy(cfg.model))
        if settings is not None:
            model.setdefault('data_preprocessor', copy.deepcopy(settings))
        MODELS.build(model).load_state_dict(weights, strict=True)
