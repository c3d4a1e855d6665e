"""What of a peer runs beside its training forward: its heads on RoIs of another model.

Its feature maps are those of that forward.
"""

from __future__ import annotations

from typing import Any

from ckd_mm.adapters import BoundTerm, FeatureMaps, Pass, Plan

__all__ = ['passes_beside']


def passes_beside(term: str, on: Any, bound: BoundTerm) -> tuple[Pass, ...]:
    """The passes of a term, in order, without that of the feature maps.

    Args:
        term: The term's name, for messages.
        on: What it compares.
        bound: The term, bound to who has its rows and to the peer beside it.

    Raises:
        ValueError: The model that has the rows would run once more, or the loss asks
            for a part of a model that changes.
    """
    runs = [tap.run for tap in (*bound.student_taps(), *bound.teacher_taps())]
    plan = Plan(one for one in runs if isinstance(one, Pass))
    if bound.crossed or plan.of_student or plan.crossing:
        raise ValueError(
            f'term {term!r} compares with a peer, and on={on!r} runs modules of who '
            "learns once more; compare what the models' own forwards have, such as "
            "on='logits', 'neck', 'dense_logits', or 'roi_logits' of sampled RoIs"
        )
    if bound.of_one_teacher:
        names = ' and '.join(map(repr, bound.of_one_teacher))
        raise ValueError(
            f'the loss of term {term!r} asks for {names} of a teacher that stays as it '
            'is, and compares with a peer, which is trained; take another loss'
        )
    return tuple(one for one in plan.passes if not isinstance(one, FeatureMaps))
