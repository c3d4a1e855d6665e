"""Numbers of images, for the losses and teachers that ask for them."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import Runner

from ckd_mm.datasets.sample_index import SampleIndex, innermost
from ckd_mm.engine.terms import Term
from ckd_mm.teachers import TeacherKind

__all__ = ['SampleIndex', 'attached_index', 'innermost']


def attached_index(
    runner: Runner, terms: Sequence[Term], kinds: Sequence[TeacherKind] = ()
) -> SampleIndex | None:
    """Numbers of images that suit the losses which ask for them; `None` without any.

    Args:
        runner: The run.
        terms: Its terms.
        kinds: Its teachers, which may ask for them as well.

    Raises:
        ValueError: The training set does not give them, or a loss has no room for all.
    """
    asking = [term for term in terms if 'sample_index' in term.context]
    if not asking and not any(kind.needs_sample_index for kind in kinds):
        return None
    index = SampleIndex(runner.train_dataloader.dataset)
    for term in asking:
        index.check(term.name, term.loss)
    index.attach(runner)
    return index
