"""Write a peer of a run, a model that was trained along, as a stock checkpoint."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ckd_mm.commands.export import (
    check_fit,
    files_to_write,
    read_checkpoint,
    read_config,
    without_hook,
    write_both,
)
from ckd_mm.engine.connectors import KEY
from ckd_mm.teachers import PeerKind, read_peers

__all__ = ['export_peer']


def export_peer(
    config: str | PathLike[str],
    checkpoint: str | PathLike[str],
    folder: Path,
    name: str,
) -> tuple[Path, Path]:
    """Write a config with the peer as its model, and a checkpoint with its weights.

    Args:
        config: The config of the run.
        checkpoint: A checkpoint of it.
        folder: Where both files are written, under the names of those of the run.
        name: The name of the peer.

    Returns:
        The paths of the config and of the checkpoint.

    Raises:
        FileExistsError: A file of that name is there already.
        ValueError: A file cannot be read, the run has no such peer, or config and
            checkpoint are of different runs.
    """
    config, checkpoint = Path(config), Path(checkpoint)
    targets = files_to_write(config, checkpoint, folder)
    cfg, content = read_config(config), read_checkpoint(checkpoint)
    peer = _peer(cfg, config, name).config_in(cfg)
    exported = without_hook(cfg)
    exported.model = peer.model
    exported.pop('data_preprocessor', None)
    for key in ('data_preprocessor', 'default_scope', 'custom_imports'):
        if peer.get(key) is not None:
            exported[key] = peer[key]
    weights = _weights(content.get(KEY) or {}, name, checkpoint)
    check_fit(exported, weights, config, checkpoint)
    write_both(targets, exported, weights, content.get('meta') or {})
    return targets


def _peer(cfg: Config, config: Path, name: str) -> PeerKind:
    """The peer of a run by name.

    Raises:
        ValueError: There is none.
    """
    kinds: list[PeerKind] = []
    for hook in cfg.get('custom_hooks') or []:
        if hook.get('type') == 'DistillationHook':
            kinds += read_peers(hook.get('peers'))
    found = next((one for one in kinds if one.name == name), None)
    if found is None:
        shown = ', '.join(repr(one.name) for one in kinds) or 'none'
        raise ValueError(
            f'{config} has no peer {name!r}, its peers are: {shown}; give the config '
            'of the run, and the name of one, or leave --peer out to export the student'
        )
    return found


def _weights(kept: dict[str, Any], name: str, checkpoint: Path) -> dict[str, Any]:
    """The weights of a peer in a checkpoint.

    Raises:
        ValueError: It has none.
    """
    start = f'{name}.'
    found = {
        key.removeprefix(start): value
        for key, value in kept.items()
        if key.startswith(start)
    }
    if not found:
        raise ValueError(
            f'{checkpoint} has no weights of the peer {name!r}; it is of another run, '
            'or was published without them: give a checkpoint that the run of this '
            'config has saved'
        )
    return found
