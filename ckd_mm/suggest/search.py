"""The whole of it: read the terms, measure them in a short run, propose."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

from mmengine.config import Config

from ckd_mm.checks import integer, is_number
from ckd_mm.suggest.proposal import Proposal, propose
from ckd_mm.suggest.run import measure
from ckd_mm.suggest.trials import find_hook, probing_config, read_terms

__all__ = ['suggest']


def suggest(
    cfg: Config,
    iters: int = 50,
    temperatures: Sequence[float] | None = None,
    share: float = 0.5,
    terms: Sequence[str] | None = None,
    of: Sequence[str] | None = None,
    seed: int = 0,
) -> list[Proposal]:
    """Propose temperature and weight for the terms of a distillation config.

    Args:
        cfg: The config. It stays as it is, and nothing is written to its work dir.
        iters: The length of that run.
        temperatures: What is tried; `None` is from a quarter of the term's own to four
            times it.
        share: The share of the gradient that each term is to have, > 0 and < 1.
        terms: The names of the terms; `None` is all.
        of: The modules at whose parameters the gradient is measured; `None` is those of
            a term's `GradientShare`, and the backbone for others.
        seed: The seed of the run.

    Raises:
        ValueError: Something is wrong; nothing was trained then.
    """
    if not is_number(share) or not 0 < share < 1:
        raise ValueError(f'share must be a number > 0 and < 1, got {share!r}')
    integer('seed', seed, least=0)
    subjects = read_terms(find_hook(cfg)[1], terms, temperatures, of)
    with tempfile.TemporaryDirectory() as work_dir:
        probing = probing_config(cfg, subjects, iters, seed, work_dir)
        measured = measure(probing, iters)
    return propose(subjects, measured, share)
