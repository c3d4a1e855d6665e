"""The runs of a chain: one for each link and seed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ckd_mm.chain.links import Chain, Link
from ckd_mm.compare.comparison import folder_name
from ckd_mm.compare.runs import Run, digest, hash_of_file, seeded
from ckd_mm.compare.students import hook_of

__all__ = ['plan_chain']


def plan_chain(chain: Chain, work_dir: Path) -> list[Run]:
    """All runs, seed by seed, teachers before their students.

    The name of a run's folder depends on those of its teachers. So a changed link and
    all that learn from it are trained anew, and the others are kept.

    Raises:
        ValueError: A finished teacher of an unfinished run lacks its checkpoint.
    """
    read = functools.cache(hash_of_file)  # one file serves many runs
    found: list[Run] = []
    for seed in chain.seeds:
        runs: dict[str, Run] = {}
        for name, link in chain.links.items():
            if link.checkpoint is None:
                runs[name] = _run(name, link, seed, runs, chain, work_dir, read)
        found += runs.values()
    for run in found:
        _check_checkpoints(run)
    return found


def _run(
    name: str,
    link: Link,
    seed: int,
    runs: Mapping[str, Run],
    chain: Chain,
    work_dir: Path,
    read: Callable[[Path], str],
) -> Run:
    cfg = seeded(link.cfg, seed)
    teachers = {one: runs[one] for one in link.teachers if one in runs}
    given = {
        one: chain.links[one] for one in link.teachers if chain.links[one].checkpoint
    }
    _name_given(cfg, given)
    code = digest(cfg, read, list(teachers.values()))
    folder = work_dir / folder_name(name) / f'seed{seed}-{code}'
    return Run(name, seed, cfg, folder, teachers=teachers)


def _name_given(cfg: Config, given: Mapping[str, Link]) -> None:
    """Write the config and the weights of teachers that are not trained, in place."""
    hook: dict[str, Any] = hook_of(cfg) or {}
    named = hook.get('teacher') or []
    for teacher in named if isinstance(named, (list, tuple)) else [named]:
        name = teacher.get('config')
        link = given.get(name) if isinstance(name, str) else None
        if link is not None:
            teacher['config'] = link.cfg.to_dict()
            teacher['checkpoint'] = link.checkpoint


def _check_checkpoints(run: Run) -> None:
    """Refuse a run that lacks the weights of a teacher that has been trained."""
    if run.result is not None:
        return
    for teacher in run.teachers.values():
        if teacher.result is not None and not teacher.can_resume:
            raise ValueError(
                f'{run.title} learns from {teacher.title}, which is trained, but its '
                f'checkpoint {teacher.last_checkpoint} is not there; put it back, or '
                f'remove {teacher.folder} to train it again'
            )
