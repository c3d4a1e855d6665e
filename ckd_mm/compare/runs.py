"""Training runs, and the files in their folders.

The folder of a comparison's run is `METHOD/seed<N>-<digest>`. The digest is that of the
resolved config and of the teacher's weights. So a changed run has another folder: it is
trained anew, and the result of the old one stays.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ckd_mm.commands.presets import add_imports
from ckd_mm.compare.comparison import ALONE, Comparison, folder_name
from ckd_mm.compare.students import hook_of
from ckd_mm.compare.teachers import local_files

__all__ = ['Run', 'digest', 'hash_of_file', 'plan', 'seeded']


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        method: Its name in the comparison.
        seed: The run's seed; None if the method has only one run.
        cfg: The whole config, with the seed.
        folder: The folder of this run alone.
        depends_on: What the result depends on, if the name of the folder does not say
            it. A result with another value does not count.
        first: The run that must have ended before; this one begins with its weights.
        is_first: Whether it is one that others begin after, and has no metric.
        teachers: The runs that must have ended before and whose students teach this
            one, by what its config has as `config` of that teacher.
    """

    method: str
    seed: int | None
    cfg: Config
    folder: Path
    depends_on: str = ''
    first: Run | None = None
    is_first: bool = False
    teachers: Mapping[str, Run] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        """Whether it can be started."""
        before = [*self.teachers.values(), *([self.first] if self.first else [])]
        return all(run.result is not None for run in before)

    @property
    def title(self) -> str:
        """The name of the run in messages."""
        return self.method if self.seed is None else f'{self.method}, seed {self.seed}'

    @property
    def result(self) -> dict[str, Any] | None:
        """The results of the run, once it has finished; None before."""
        found = read_json(self.folder / 'result.json')
        same = found is not None and found.get('depends_on', '') == self.depends_on
        return found if same else None

    @property
    def record(self) -> dict[str, Any] | None:
        """The results that the run has written so far, see :class:`RecordHook`."""
        return read_json(self.folder / 'record.json')

    @property
    def console(self) -> Path:
        """The file of what the process prints."""
        return self.folder / 'console.log'

    @property
    def config_file(self) -> Path:
        """The config that the run is started with."""
        return self.folder / 'config.py'

    @property
    def checkpoint(self) -> Path:
        """The last epoch's weights; nothing is chosen by validation results."""
        return self.folder / f'epoch_{self.cfg.train_cfg.max_epochs}.pth'

    @property
    def last_checkpoint(self) -> Path | None:
        """The checkpoint that MMEngine noted last; None before there is one.

        The file may be gone: MMEngine deletes old ones before it saves the next, so a
        run that is killed then has none with `max_keep_ckpts=1`.
        """
        note = self.folder / 'last_checkpoint'
        return Path(note.read_text().strip()) if note.is_file() else None

    @property
    def can_resume(self) -> bool:
        """Whether its last checkpoint is there."""
        path = self.last_checkpoint
        return path is not None and path.is_file()

    def forget(self) -> None:
        """Remove results and the note of the last checkpoint, to start anew."""
        for name in ('result.json', 'record.json', 'last_checkpoint'):
            (self.folder / name).unlink(missing_ok=True)

    def write_config(self) -> Path:
        """Write the config that the run is started with: `cfg` and a RecordHook."""
        cfg = Config(self.cfg.to_dict())
        cfg.work_dir = str(self.folder.resolve())
        if self.first is not None:
            cfg.load_from = str(self.first.last_checkpoint)
        if self.teachers:
            self._name_teachers(cfg)
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='RecordHook')]
        add_imports(cfg, ['ckd_mm'])
        cfg.dump(self.config_file)
        return self.config_file

    def _name_teachers(self, cfg: Config) -> None:
        """Write where config and weights of the teachers are, in place."""
        hook = hook_of(cfg)
        assert hook is not None, 'a run with teachers distils'
        named = hook['teacher']
        for teacher in named if isinstance(named, (list, tuple)) else [named]:
            name = teacher.get('config')
            run = self.teachers.get(name) if isinstance(name, str) else None
            if run is not None:
                teacher['config'] = str(run.config_file.resolve())
                teacher['checkpoint'] = str(run.last_checkpoint)


def plan(comparison: Comparison, work_dir: Path) -> list[Run]:
    """All runs, seed by seed, so that an unfinished comparison is a fair one."""
    runs: dict[Path, Run] = {}  # by folder: several methods may share a first training
    file_digest = functools.cache(hash_of_file)  # one teacher serves many runs
    for seed in comparison.seeds:
        for method, student in comparison.students.items():
            cfg, first = seeded(student, seed), None
            if method in comparison.firsts:
                first = _first(comparison, method, seed, work_dir, file_digest)
                first = runs.setdefault(first.folder, first)
            code = digest(cfg, file_digest, [first] if first else [])
            folder = work_dir / folder_name(method) / f'seed{seed}-{code}'
            runs[folder] = Run(method, seed, cfg, folder, first=first)
    return list(runs.values())


def seeded(cfg: Config, seed: int) -> Config:
    """A copy of a config, with the seed."""
    copy = Config(cfg.to_dict())
    copy.randomness = dict(copy.get('randomness') or {}, seed=seed)
    return copy


def _first(
    comparison: Comparison,
    method: str,
    seed: int,
    work_dir: Path,
    file_digest: Callable[[Path], str],
) -> Run:
    """The training that a method begins after, without the name of its base."""
    name = method.removeprefix(comparison.baseline(method).removesuffix(ALONE))
    name = f'training before {name}'
    cfg = seeded(comparison.firsts[method], seed)
    folder = work_dir / folder_name(name) / f'seed{seed}-{digest(cfg, file_digest)}'
    return Run(name, seed, cfg, folder, is_first=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of a file, None if it is not there."""
    return json.loads(path.read_text()) if path.is_file() else None


def digest(
    cfg: Config,
    file_digest: Callable[[Path], str] | None = None,
    before: Sequence[Run] = (),
) -> str:
    """A hash of a config and what it builds on; the work dir does not count.

    Args:
        cfg: The whole config, with the seed.
        file_digest: The hash of a file, such as the teacher's weights.
        before: The runs whose weights it begins with, or learns from.
    """
    file_digest = file_digest or hash_of_file
    content = cfg.to_dict()
    content.pop('work_dir', None)
    text = json.dumps(content, default=str)
    for hook in content.get('custom_hooks') or []:
        if hook['type'] == 'DistillationHook':
            text += ''.join(map(file_digest, local_files(hook)))
    code = hashlib.sha256(text.encode()).hexdigest()[:12]
    for run in before:
        code = hashlib.sha256(f'{code} {run.folder.name}'.encode()).hexdigest()[:12]
    return code


def hash_of_file(path: Path) -> str:
    """A hash of the content of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
