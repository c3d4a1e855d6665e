"""What a chain has given after training, to see whether a ranking was right."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from ckd_mm.chain import Chain, plan_chain, read_chain
from ckd_mm.compare import Run, values_by_seed
from ckd_mm.ranking.entries import Model

__all__ = ['read_trained']


def read_trained(
    chain: str | Path, work_dir: Path, kind: str, models: Mapping[str, Model]
) -> tuple[dict[str, float], dict[str, str]]:
    """The results of a chain for the models of a ranking.

    Args:
        chain: The config of the chain.
        work_dir: The folder of its runs.
        kind: `'students'`: the models are links; `'teachers'`: they are links, and what
            counts is the one student of each.
        models: The models by name.

    Returns:
        The mean of the metric over the seeds that all have finished, and the checkpoint
        of the link of the model, of the first seed if the chain has trained it, both by
        the name of the model.

    Raises:
        ValueError: A link is not there, has another backbone, or is not trained.
    """
    read = read_chain(chain)
    runs = plan_chain(read, work_dir)
    values = values_by_seed(read, runs)
    links = {name: _link(read, kind, name) for name in models}
    for name, model in models.items():
        if read.links[name].cfg.model.backbone != model.cfg.model.backbone:
            raise ValueError(
                f'link {name!r} of {chain} has another backbone than {name!r} of '
                'the ranking; give both the same config and cfg_options'
            )
    seeds = [
        seed for seed in read.seeds if all(seed in values[x] for x in links.values())
    ]
    for link in links.values():
        if not seeds and len(values[link]) < len(read.seeds):
            raise ValueError(
                f'link {link!r} of {chain} has no result in {work_dir} of a seed that '
                f'all have finished; train it first: python tools/chain.py {chain} '
                f'--work-dir {work_dir}'
            )
    found = {
        name: statistics.mean(values[link][seed] for seed in seeds)
        for name, link in links.items()
    }
    return found, {name: _checkpoint(read, runs, name) for name in links}


def _link(chain: Chain, kind: str, name: str) -> str:
    """The link whose result counts for a model."""
    if name not in chain.links:
        raise ValueError(
            f'{chain.source} has no link {name!r}; it has {list(chain.links)}; give '
            'the models the names of its links'
        )
    if kind == 'students':
        if chain.links[name].checkpoint is not None:
            raise ValueError(
                f'link {name!r} of {chain.source} has a checkpoint, so the chain does '
                'not train it and has no result of it; leave that out, or this model'
            )
        return name
    taught = [one for one, link in chain.links.items() if [*link.teachers] == [name]]
    if len(taught) != 1:
        raise ValueError(
            f'link {name!r} of {chain.source} must have one student that learns from '
            f'it alone, got {taught}; change the chain'
        )
    return taught[0]


def _checkpoint(chain: Chain, runs: Iterable[Run], name: str) -> str:
    given = chain.links[name].checkpoint
    if given is not None:
        return given
    found = next(run for run in runs if run.method == name)
    return str(found.last_checkpoint)
