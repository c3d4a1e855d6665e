"""Read and check a chain, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ckd_mm.chain.fit import check_fit, check_stock
from ckd_mm.chain.teachers import PREVIOUS, check_alone, read_link_teachers
from ckd_mm.checks import integer
from ckd_mm.commands.presets import add_imports
from ckd_mm.compare.comparison import folder_name
from ckd_mm.compare.entries import (
    check_checkpoint,
    check_entries,
    check_names,
    modules_of,
    read_entries,
)
from ckd_mm.compare.students import (
    check_student,
    hook_of,
    load_config,
    student_of,
    with_options,
)
from ckd_mm.compare.teachers import check_teachers
from ckd_mm.registry import did_you_mean

__all__ = ['Chain', 'Link', 'read_chain']

KEYS = (
    'links',
    'metric',
    'more_metrics',
    'seeds',
    'baseline',
    'cfg_options',
    'custom_imports',
)
NEEDED = ('links', 'metric', 'seeds')
HOOK_KEYS = ('distill', 'student_loss_weight')
LINK_KEYS = (
    'config',
    'cfg_options',
    'method',
    *HOOK_KEYS,
    'teacher',
    'checkpoint',
    'repeat',
)


@dataclass(frozen=True)
class Link:
    """One model of a chain.

    Attributes:
        cfg: Its whole config. Where its hook has the name of a link as the `config` of
            a teacher, that link teaches it.
        teachers: The names of the links that teach it.
        checkpoint: Its weights, if it is not trained here.
    """

    cfg: Config
    teachers: Sequence[str] = ()
    checkpoint: str | None = None


@dataclass(frozen=True)
class Chain:
    """Models that are trained one after the other, and teach those after them.

    Attributes:
        source: The file it was read from.
        metric: Key of a validation metric.
        seeds: The seeds with which the whole chain is trained.
        links: The links by name, in their order.
        more_metrics: What is shown beside the metric.
        baseline: The link that all are compared with; empty for none.
    """

    source: Path
    metric: str
    seeds: list[int]
    links: Mapping[str, Link]
    more_metrics: Sequence[str] = field(default_factory=list)
    baseline: str = ''

    @property
    def metrics(self) -> list[str]:
        """All metrics that the validation must give."""
        return [self.metric, *self.more_metrics]

    @property
    def students(self) -> Mapping[str, Link]:
        """The links, under the name that the reports of comparisons have for them."""
        return self.links


def read_chain(path: str | Path, options: dict[str, Any] | None = None) -> Chain:
    """Read a chain's config and check all that can be checked without training.

    Args:
        path: An MMEngine config with `links`, `metric` and `seeds`, and optionally
            `more_metrics`, `baseline`, `cfg_options` and `custom_imports`.
        options: Changes to it, as `--cfg-options` gives them.

    Raises:
        ValueError: Something in it is wrong; the message names it.
    """
    content = read_entries(path, options)
    check_entries('chain', content, KEYS, NEEDED)
    entries = dict(_repeated(_named(content['links'])))
    links: dict[str, Link] = {}
    for name, entry in entries.items():
        links[name] = _link(name, entry, links, list(entries), content)
    baseline = content.get('baseline') or ''
    if baseline and baseline not in links:
        raise ValueError(
            f'baseline must be a link, got {baseline!r}{did_you_mean(baseline, links)}'
        )
    return Chain(
        Path(path),
        content['metric'],
        list(content['seeds']),
        links,
        content.get('more_metrics', []),
        baseline,
    )


def _named(links: Any) -> dict[str, dict[str, Any]]:
    """Check the names of the links and their keys."""
    if not isinstance(links, dict) or not links:
        raise ValueError(
            'links must be a dict with at least one entry, '
            f'links=dict(NAME=dict(config=...), ...), got {links!r}'
        )
    check_names('a link', links)
    for name, entry in links.items():
        what = f'link {name!r}'
        if not isinstance(entry, dict) or not isinstance(entry.get('config'), str):
            raise ValueError(
                f'{what} must be a dict with a config, a path or a zoo name, got '
                f'{entry!r}'
            )
        for key in entry:
            if key not in LINK_KEYS:
                raise ValueError(f'{what} has no {key!r}{did_you_mean(key, LINK_KEYS)}')
        integer(f'{what}: repeat', entry.get('repeat', 1), least=1)
    return links


def _repeated(
    links: Mapping[str, dict[str, Any]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The links, those with `repeat` that often: each teaches the next."""
    seen = {folder_name(PREVIOUS)}
    for name, entry in links.items():
        count = entry.get('repeat', 1)
        for number in range(1, count + 1):
            one = {key: value for key, value in entry.items() if key != 'repeat'}
            title = name if count == 1 else f'{name} {number}'
            if folder_name(title) in seen or not folder_name(title):
                raise ValueError(
                    'the names of links must differ from each other and from '
                    f'{PREVIOUS!r} in letters or digits, got {title!r}; rename it'
                )
            seen.add(folder_name(title))
            yield title, {**one, 'teacher': PREVIOUS} if number > 1 else one


def _link(
    name: str,
    entry: Mapping[str, Any],
    before: Mapping[str, Link],
    names: Sequence[str],
    content: Mapping[str, Any],
) -> Link:
    """One link, checked."""
    what = f'link {name!r}'
    cfg = load_config(what, entry['config'])
    with_options(what, cfg, entry.get('cfg_options'))
    if 'checkpoint' in entry:
        return _given(what, entry, cfg, modules_of(content))
    found = read_link_teachers(what, name, entry, list(before), names)
    taught = [one for one in found if isinstance(one, str)]
    check_stock(what, {one: before[one].cfg for one in taught})
    cfg = _distilled(what, entry, cfg, found, before)
    with_options('the chain', cfg, content.get('cfg_options'))
    add_imports(cfg, modules_of(content))
    check_student(what, cfg)
    hook = hook_of(cfg)
    outside = [one for one in found if not isinstance(one, str)]
    if hook is not None and (outside or not found):
        _check_teachers(what, outside or hook.get('teacher'), cfg.default_scope)
    elif hook is not None:
        check_fit(what, cfg, [before[one].cfg for one in taught])
    return Link(cfg, taught if hook is not None else ())


def _given(
    what: str, entry: Mapping[str, Any], cfg: Config, modules: Sequence[str]
) -> Link:
    """A link whose weights are there, checked."""
    for key in entry:
        if key not in ('config', 'cfg_options', 'checkpoint'):
            raise ValueError(
                f'{what} has a checkpoint, so it is not trained, and {key!r}; leave '
                'one of them out'
            )
    checkpoint = entry['checkpoint']
    check_checkpoint(what, checkpoint, 'leave it out, and the chain trains the link')
    add_imports(cfg, modules)
    link = Link(cfg, checkpoint=checkpoint)
    _check_teachers(what, dict(config=cfg, checkpoint=link.checkpoint))
    return link


def _check_teachers(what: str, teacher: Any, scope: str | None = None) -> None:
    """Check that teachers from outside can be built and have their weights."""
    try:
        check_teachers([(teacher, scope)])
    except ValueError as error:
        raise ValueError(f'{what}: {error}') from error


def _distilled(
    what: str,
    entry: Mapping[str, Any],
    cfg: Config,
    teachers: Sequence[str | dict[str, Any]],
    before: Mapping[str, Link],
) -> Config:
    """The config of a link with its hook, and with its teachers in it."""
    named = [
        dict(config=one) if isinstance(one, str) else deepcopy(one) for one in teachers
    ]
    teacher = named[0] if len(named) == 1 else named
    hook, method = hook_of(cfg), _method_of(what, entry)
    if method is not None:
        if not teachers:
            check_alone(what, method, entry)
            return student_of(what, {**method, 'teacher': None}, cfg, None)
        if isinstance(method, str):  # the models decide what is compared
            first = teachers[0]
            model: Any = before[first].cfg if isinstance(first, str) else None
            if isinstance(first, dict):
                model = first.get('config')
            preset = student_of(what, method, cfg, dict(config=model))
            return _with_teacher(preset, teacher)
        return student_of(what, method, cfg, teacher)
    if hook is not None and teachers:
        return _with_teacher(cfg, teacher)
    if hook is None and entry.get('teacher') is not None:
        raise ValueError(
            f'{what} has a teacher and nothing to distil; give it distill=dict(...) or '
            "method='kd'"
        )
    return cfg


def _method_of(what: str, entry: Mapping[str, Any]) -> Any:
    """What the hook takes, the name of a preset, or None if the link has neither."""
    terms = {key: entry[key] for key in HOOK_KEYS if key in entry}
    if 'method' in entry and terms:
        raise ValueError(
            f'{what} has method and {" and ".join(terms)}; give one of both'
        )
    return entry.get('method', terms or None)


def _with_teacher(cfg: Config, teacher: Any) -> Config:
    hook = hook_of(cfg)
    assert hook is not None
    hook['teacher'] = teacher
    return cfg
