"""What a chain's config may say, and what is refused before any training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ckd_mm.chain import Chain, read_chain

from .conftest import KD

Write = Callable[..., Path]
TERM = KD['distill']


def teacher(chain: Chain, link: str) -> Any:
    (hook,) = chain.links[link].cfg.custom_hooks
    return hook.teacher


def test_a_link_that_distils_learns_from_the_one_before_it(write: Write) -> None:
    chain = read_chain(write())
    assert not chain.links['big'].cfg.get('custom_hooks')
    assert list(chain.links['big'].teachers) == []
    assert list(chain.links['small'].teachers) == ['big']


def test_a_link_may_learn_from_any_before_it_or_from_several(
    write: Write, model: str, classifier_teacher: dict[str, Any]
) -> None:
    links = dict(
        a=dict(config=model),
        b=dict(config=model, **KD),
        c=dict(config=model, teacher='a', **KD),
        d=dict(config=model, teacher=['a', 'previous', classifier_teacher], **KD),
    )
    chain = read_chain(write(links=links))
    assert [list(link.teachers) for link in chain.links.values()] == [
        [],
        ['a'],
        ['a'],
        ['a', 'c'],
    ]
    assert teacher(chain, 'd')[2] == classifier_teacher


def test_a_config_with_a_hook_gets_the_link_before_it_as_its_teacher(
    write: Write, model: str, classifier_teacher: dict[str, Any], tmp_path: Path
) -> None:
    hook = dict(type='DistillationHook', teacher=classifier_teacher, **KD)
    (tmp_path / 'kd.py').write_text(f'_base_ = {model!r}\ncustom_hooks = [{hook}]\n')
    kd = dict(config=str(tmp_path / 'kd.py'))
    chain = read_chain(write(links=dict(first=kd, second=kd)))
    assert teacher(chain, 'first') == classifier_teacher
    assert list(chain.links['first'].teachers) == []
    assert list(chain.links['second'].teachers) == ['first']


def test_repeated_links_are_generations(write: Write, model: str) -> None:
    links = dict(zero=dict(config=model), again=dict(config=model, repeat=2, **KD))
    chain = read_chain(write(links=links))
    taught = {name: list(link.teachers) for name, link in chain.links.items()}
    assert taught == {'zero': [], 'again 1': ['zero'], 'again 2': ['again 1']}


def test_a_preset_chooses_what_the_two_models_have(write: Write, model: str) -> None:
    links: dict[str, dict[str, Any]] = dict(
        a=dict(config=model), b=dict(config=model, method='dkd')
    )
    chain = read_chain(write(links=links))
    (hook,) = chain.links['b'].cfg.custom_hooks
    assert hook.distill.dkd.on == 'logits'
    assert hook.teacher == dict(config='a')
    links['b']['teacher'] = dict(ema=True)  # a model like the student
    links['b']['cfg_options'] = dict(custom_hooks=[dict(type='EMAHook')])
    hooks = read_chain(write(links=links)).links['b'].cfg.custom_hooks
    assert hooks[1].teacher == dict(ema=True)


def test_options_change_every_link_that_is_trained(
    write: Write, model: str, classifier_teacher: dict[str, Any]
) -> None:
    links = dict(
        given=classifier_teacher,
        a=dict(config=model, cfg_options={'train_cfg.max_epochs': 9}, **KD),
        b=dict(config=model, cfg_options={'optim_wrapper.optimizer.lr': 0.5}, **KD),
    )
    options = {'train_cfg.max_epochs': 3}
    chain = read_chain(write(links=links, cfg_options=options))
    assert [chain.links[name].cfg.train_cfg.max_epochs for name in 'ab'] == [3, 3]
    assert chain.links['b'].cfg.optim_wrapper.optimizer.lr == 0.5
    assert chain.links['given'].cfg.train_cfg.max_epochs == 1


def changed(**entries: Any) -> Callable[[str], dict[str, Any]]:
    """The links with an entry of the second one changed."""
    return lambda model: dict(
        links={'big': dict(config=model), 'small': dict(config=model, **entries)}
    )


def first(**entries: Any) -> Callable[[str], dict[str, Any]]:
    """The links with an entry of the first one changed."""
    return lambda model: dict(
        links={
            'big': dict(config=model, **entries),
            'small': dict(config=model, **KD),
        }
    )


GONE = dict(config='nowhere.py', checkpoint='nowhere.pth')
MISTAKES: list[tuple[Callable[[str], dict[str, Any]], str]] = [
    (lambda _: dict(link={}), "a chain has no 'link'; did you mean 'links'"),
    (lambda _: dict(links=[]), 'links must be a dict with at least one entry'),
    (lambda _: dict(seeds=[0, 0]), r'seeds must differ, got \[0, 0\]'),
    (lambda _: dict(baseline='smal'), "baseline must be a link, got 'smal'; did you"),
    (lambda _: dict(links=dict(a='a.py')), "link 'a' must be a dict with a config"),
    (lambda _: dict(links=dict(a=dict(config='a.py'))), "link 'a': 'a.py' cannot be"),
    (changed(distil=TERM), "link 'small' has no 'distil'; did you mean 'distill'"),
    (changed(repeat=0, **KD), "link 'small': repeat must be an integer >= 1, got 0"),
    (changed(teacher='small', **KD), "'small' is to learn from itself, so the chain"),
    (first(teacher='small', **KD), "learn from 'small', which comes after it, so the"),
    (first(teacher='previous', **KD), r"\(not for the first link\).* got 'previous'"),
    (first(**KD), "link 'big' is the first one and distils, but .* give it a teacher="),
    (changed(teacher='bg', **KD), "got 'bg'; did you mean 'big'"),
    (changed(teacher=[], **KD), 'teacher must have one entry at least'),
    (changed(teacher=0, **KD), "'small': teacher must be 'previous' .* got 0"),
    (changed(teacher=None, **KD), "'small': distill term 'kd': KDLoss compares with"),
    (changed(teacher=None, method='kd'), "teacher=None, and method='kd' compares with"),
    (
        first(method='kd'),
        "link 'big' is the first one and distils, but nothing teaches",
    ),
    (changed(cfg_options='x', **KD), "'small': cfg_options must be a dict, .* got 'x'"),
    (
        lambda _: dict(cfg_options=[1]),
        r'the chain: cfg_options must be a dict, .*\[1\]',
    ),
    (lambda m: dict(links={1: dict(config=m)}), 'of a link must be a string .* got 1;'),
    (lambda m: dict(links={'..': dict(config=m)}), r"got '\.\.'; rename it"),
    (
        first(cfg_options={'model.head.num_classes': 7}),
        "'small': .* the student has 10 classes and the teacher 7",
    ),
    (
        first(cfg_options={'model.backbone.depth': 19}),
        "'small': building the model of .*depth",
    ),
    (changed(distill=dict(kd=dict(TERM['kd'], on='logit'))), "unknown on='logit' for"),
    (changed(teacher='big'), "'small' has a teacher and nothing to distil"),
    (changed(method='kd', **KD), 'has method and distill; give one of both'),
    (changed(method='kdd'), "link 'small': unknown method 'kdd'"),
    (changed(distill=dict(kd=dict(on='logits'))), "'small': distill term 'kd' lacks"),
    (changed(cfg_options=dict(val_cfg=None)), "'small': the config has no val_cfg"),
    (first(checkpoint='gone.pth'), "'big': checkpoint .* got 'gone.pth'; leave it out"),
    (first(checkpoint=None), "'big': checkpoint must be a file, .* got None; leave it"),
    (first(checkpoint='a.pth', **KD), "'big' has a checkpoint.* and 'distill'; leave"),
    (changed(teacher=GONE, **KD), "link 'small': .*'nowhere.pth' is not there"),
    (lambda m: dict(links={'Previous': dict(config=m)}), "'Previous'; rename it"),
    (
        lambda m: dict(links={'a 1': dict(config=m), 'a': dict(config=m, repeat=2)}),
        "must differ from each other .* got 'a 1'; rename it",
    ),
]


@pytest.mark.parametrize(('changes', 'message'), MISTAKES)
def test_mistakes_are_found_before_training(
    changes: Callable[[str], dict[str, Any]], message: str, write: Write, model: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_chain(write(**changes(model)))


def test_a_link_may_learn_from_itself_alone(write: Write, model: str) -> None:
    uskd = dict(on=['logits', 'module:backbone.layer3'], loss=dict(type='USKDLoss'))
    alone = dict(config=model, teacher=None, distill=dict(uskd=uskd))
    links = dict(first=alone, second=alone, third=dict(config=model, **KD))
    chain = read_chain(write(links=links))
    taught = [list(link.teachers) for link in chain.links.values()]
    assert taught == [[], [], ['second']]
    assert teacher(chain, 'second') is None


def test_a_config_keeps_its_own_teacher_where_the_link_has_none(
    write: Write, model: str, tmp_path: Path
) -> None:
    hook = dict(type='DistillationHook', teacher=dict(previous_epoch='memory'), **KD)
    (tmp_path / 'pskd.py').write_text(f'_base_ = {model!r}\ncustom_hooks = [{hook}]\n')
    pskd = dict(config=str(tmp_path / 'pskd.py'), teacher=None)
    chain = read_chain(write(links=dict(a=dict(config=model), b=pskd)))
    assert teacher(chain, 'b') == dict(previous_epoch='memory')
    assert list(chain.links['b'].teachers) == []


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (None, "few.py' is not there; give the path"),
        ('links = {', "reading .*few.py' ended in SyntaxError: .*; mend the file"),
        ('links = {}\n1 / 0', "few.py' ended in ZeroDivisionError"),
    ],
)
def test_a_file_that_is_no_config_is_one_sentence(
    text: str | None, message: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / 'few.py').write_text(text)
    with pytest.raises(ValueError, match=message):
        read_chain(tmp_path / 'few.py')


def test_a_student_whose_checkpoint_is_not_the_one_validated_cannot_teach(
    write: Write, model: str
) -> None:
    channels = dict(student_channels=64, teacher_channels=64)
    simkd = dict(on='module:backbone:-1', loss=dict(type='SimKDLoss', **channels))
    links = dict(
        a=dict(config=model),
        b=dict(config=model, distill=dict(simkd=simkd)),
        c=dict(config=model, **KD),
    )
    with pytest.raises(ValueError, match="link 'b', whose SimKDLoss .*export_student"):
        read_chain(write(links=links))
