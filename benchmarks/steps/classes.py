"""What it costs to match the classes of student and teacher by name."""

from __future__ import annotations

from collections.abc import Sequence

from ckd_mm.adapters.core.class_names import ClassNames

from .cases import distiller_of, hooked, term_of
from .setting import Setting
from .timing import Case, interleaved, ratios, spread

__all__ = ['classes']

HEAD = (
    '| term | no names | same order (ratio) | other order (ratio) | half in common |',
    '|---' * 5 + '|',
)


def classes(
    setting: Setting, titles: Sequence[str], rounds: int, warmup: int
) -> list[str]:
    """The step with names in the same and in another order, and without names."""
    lines = [
        'Steps with the hook; the ratios are to the step without names. Half of the '
        'classes in common: RoIs of the others leave the term, for which the device is '
        'waited for.',
        '',
        *HEAD,
    ]
    for title in titles:
        cases = {
            name: _case(setting, title, names)
            for name, names in _names(setting).items()
        }
        found = interleaved(cases, setting.samples, rounds, warmup)
        cells = [spread(found['none'])]
        cells += [
            spread(ratios(found[name], found['none']))
            for name in ('same', 'other', 'half')
        ]
        lines.append(f'| {title} | {" | ".join(cells)} |')
    return lines


def _case(setting: Setting, title: str, names: ClassNames | None) -> Case:
    return hooked(setting, distiller_of(setting, term_of(title, setting), names=names))


def _names(setting: Setting) -> dict[str, ClassNames | None]:
    number = setting.student.roi_head.bbox_head.num_classes
    student = [f'class {one}' for one in range(number)]
    half = [
        *student[: number // 2],
        *(f'other {one}' for one in range(number // 2, number)),
    ]
    return {
        'none': None,
        **{
            name: ClassNames(dict(classes=student), dict(classes=teacher), {})
            for name, teacher in (
                ('same', student),
                ('other', student[::-1]),
                ('half', half),
            )
        },
    }
