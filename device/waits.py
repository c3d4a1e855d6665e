"""Write the table of `docs/device.md`: what each part waits for, on a mock device.

python -m device.waits                            # all families, a quarter of an hour
python -m device.waits --check                    # a few of them: are they as it says?
python -m device.waits --check --families DETR
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ckd_mm.commands.inspection import Finding
from device.families import FAMILIES, UNMOCKED, parts_of, setting_of
from device.mock import MixedDevices, mock_device, start_autograd
from device.records import ROOT, Device
from device.steps import Setting, Steps, on_device, stock_on_device
from maintenance.pages import with_part

__all__ = ['FEW', 'Row', 'contradictions', 'measured', 'table']

PAGE = ROOT / 'docs/device.md'
FEW = ('ResNet', 'FCOS', 'DETR')
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    'dense_logits': (dict(rows='both'), dict(rows='assigned')),
    'rpn_logits': (dict(rows='both'), dict(rows='assigned')),
    'roi_logits': (
        dict(background_ratio=1.0),
        dict(rois='proposals'),
        dict(rois='teacher'),
    ),
}
"""Options that choose rows, beside the defaults; of these families."""
WITH_OPTIONS = ('FasterRCNN', 'RetinaNet', 'FCOS', 'ATSS', 'GFL', 'RTMDet', 'YOLOX')

REASONS = {
    'single_level_roi_extractor.py': 'a RoI head runs once more',
    **dict.fromkeys(
        ('generalized_attention.py', 'point_sample.py', 'scnet_roi_head.py'),
        'a RoI head runs once more',
    ),
    'vfnet_head.py': 'a dense head runs once more',
    'at backward': 'its backward pass runs once more',
    'dense/priors.py': 'the number of assigned anchors is not known before',
    'query/matching.py': 'the Hungarian method runs on the processor',
    **dict.fromkeys(
        ('mmcv/ops/nms.py', 'ddq_detr_layers.py'),
        "the student's decoder runs once more, and picks distinct queries by NMS",
    ),
    'multi_scale_deform_attn.py': (
        "the student's decoder runs once more, and mmcv's attention checks its sizes"
    ),
    'delta_xywh_bbox_coder.py': 'boxes are decoded once more, by numbers of the coder',
    'class_match.py': 'rows of classes that the teacher lacks leave the term',
    'instances.py': 'the number of RoIs with an object is counted',
}
"""Why, by a part of the file's name. What has no reason here is a fault."""


@dataclass(frozen=True)
class Row:
    """What a part with its default loss waits for in a family.

    Args:
        on: The part, with options.
        family: The student's; the teacher is another of the same.
        waits: Number and place of each, beyond the stock step and the teacher.
        mix: What was refused for tensors on two devices; empty if nothing was.
    """

    on: str
    family: str
    waits: tuple[tuple[str, int], ...] = ()
    mix: str = ''

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Part, number of waits, where and why; without the family."""
        places = '; '.join(f'{n} {place}' for place, n in self.waits)
        number = str(sum(n for _, n in self.waits))
        return f'`{self.on}`', number, places.replace('|', '/'), self._why()

    def _why(self) -> str:
        whys = [
            next((why for name, why in REASONS.items() if name in place), 'a fault')
            for place, _ in self.waits
        ]
        mixes = [f'mixes devices: {self.mix}'] if self.mix else []
        return '; '.join(dict.fromkeys([*whys, *mixes]))


def measured(families: Iterable[str]) -> Iterator[Row]:
    """All parts of some families, each measured where not all are free of waits."""
    for family in families:
        plain = setting_of(family)
        terms = dict(_terms(parts_of(plain), family))
        with mock_device() as device:
            stock = stock_on_device(plain, device)
            for name, found in _waits(plain, terms, stock, device).items():
                yield replace(found, on=name, family=family)


def table(rows: Iterable[Row]) -> str:
    """Parts that wait alike are one line, with the families."""
    lines: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in rows:
        lines[row.cells].append(row.family)
    head = '| `on` | waits | where | why | families |\n|---|---|---|---|---|'
    body = [
        f'| {" | ".join(cells)} | {", ".join(families)} |'.replace('|  |', '| |')
        for cells, families in sorted(lines.items())
    ]
    return '\n'.join([head, *body]).replace('|  |', '| |')


def contradictions(rows: Iterable[Row], page: str) -> list[str]:
    """Rows that are not in the table of a page."""
    lines = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in page.splitlines()
        if line.startswith('| `')
    ]
    return [
        f'{row.family}: {" | ".join(row.cells)}'
        for row in rows
        if not any(
            tuple(line[:4]) == row.cells and row.family in line[-1].split(', ')
            for line in lines
        )
    ]


def _terms(parts: list[Finding], family: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in parts:
        term = part.term
        assert term is not None
        yield part.on, term
        for options in OPTIONS.get(part.on, ()) if family in WITH_OPTIONS else ():
            on = term['on'] if isinstance(term['on'], dict) else dict(part=part.on)
            words = ', '.join(f'{key}={value!r}' for key, value in options.items())
            yield f'{part.on}, {words}', dict(term, on=dict(on, **options))


def _waits(
    plain: Setting, terms: dict[str, Any], stock: Steps, device: Device
) -> dict[str, Row]:
    """By term; at first of all together, which seldom wait."""
    together = _row(plain, terms, stock, device)
    if len(terms) == 1 or not (together.waits or together.mix):
        return dict.fromkeys(terms, together)
    name = list(terms)[-1]  # in most detectors with RoIs `rpn_boxes`, which waits
    rest = {key: term for key, term in terms.items() if key != name}
    alone = _waits(plain, {name: terms[name]}, stock, device)
    return _waits(plain, rest, stock, device) | alone


def _row(plain: Setting, terms: dict[str, Any], stock: Steps, device: Device) -> Row:
    named = {f'term{number}': term for number, term in enumerate(terms.values())}
    try:
        found = on_device(replace(plain, distill=named), device).added(stock)
    except MixedDevices as error:
        return Row('', '', mix=str(error))
    return Row('', '', tuple(sorted(found.items())))


def main() -> None:
    """Write the table, or check a part of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing')
    parser.add_argument('--families', nargs='+', choices=FAMILIES, metavar='FAMILY')
    arguments = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.WARNING)
    start_autograd()
    every = [family for family in FAMILIES if family not in UNMOCKED]
    families = arguments.families or (FEW if arguments.check else every)
    rows = []
    for row in measured(families):
        print(row.family, *row.cells, flush=True)
        rows.append(row)
    page = PAGE.read_text(encoding='utf-8')
    if arguments.check:
        wrong = contradictions(rows, page)
        raise SystemExit('\n'.join(['not in the table:', *wrong]) if wrong else 0)
    PAGE.write_text(with_part(page, 'waits', table(rows)), encoding='utf-8')


if __name__ == '__main__':
    main()
