"""The runs of a comparison, and what is kept of a finished one.

A run's folder is `METHOD/seed<N>-<digest>`. The digest is that of the resolved config
and of the teacher's weights, so that a changed run has another folder: it is trained
anew, and the result of the old one stays what it was.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ckd_mm.compare.comparison import Comparison, folder_name
from ckd_mm.compare.teachers import local_files

__all__ = ['Run', 'plan']


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        method: Its name in the comparison.
        seed: Of the run.
        cfg: The whole config, with the seed.
        folder: The run's own.
    """

    method: str
    seed: int
    cfg: Config
    folder: Path

    @property
    def title(self) -> str:
        """For messages."""
        return f'{self.method}, seed {self.seed}'

    @property
    def result(self) -> dict[str, Any] | None:
        """What was measured, once the run has finished; None before."""
        return read_json(self.folder / 'result.json')

    @property
    def record(self) -> dict[str, Any] | None:
        """What the run itself has written so far, see :class:`RecordHook`."""
        return read_json(self.folder / 'record.json')

    @property
    def console(self) -> Path:
        """What the process prints."""
        return self.folder / 'console.log'

    @property
    def can_resume(self) -> bool:
        """Whether the checkpoint that MMEngine noted last is there.

        It deletes old ones before it saves the next, so a run that is killed then has
        none with `max_keep_ckpts=1`.
        """
        note = self.folder / 'last_checkpoint'
        return note.is_file() and Path(note.read_text().strip()).is_file()

    def write_config(self) -> Path:
        """The config file that the run is started with."""
        cfg = Config(self.cfg.to_dict())
        cfg.work_dir = str(self.folder.resolve())
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='RecordHook')]
        path = self.folder / 'config.py'
        cfg.dump(path)
        return path


def plan(comparison: Comparison, work_dir: Path) -> list[Run]:
    """All runs, one seed of all methods after the other: so a part is a fair part."""
    runs = []
    file_digest = functools.cache(_file_digest)  # one teacher serves many runs
    for seed in comparison.seeds:
        for method, student in comparison.students.items():
            cfg = Config(student.to_dict())
            cfg.randomness = dict(cfg.get('randomness') or {}, seed=seed)
            name = f'seed{seed}-{_digest(cfg, file_digest)}'
            runs.append(Run(method, seed, cfg, work_dir / folder_name(method) / name))
    return runs


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of a file, None if it is not there."""
    return json.loads(path.read_text()) if path.is_file() else None


def _digest(cfg: Config, file_digest: Callable[[Path], str]) -> str:
    content = cfg.to_dict()
    content.pop('work_dir', None)
    text = json.dumps(content, default=str)
    for hook in content.get('custom_hooks') or []:
        if hook['type'] == 'DistillationHook':
            text += ''.join(map(file_digest, local_files(hook)))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
