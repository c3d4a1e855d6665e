"""What is wrong with peers is said in a sentence, before training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import nn

from ckd_mm.engine.peers import Peers
from ckd_mm.hooks import DistillationHook
from ckd_mm.sharding import shard

KD = dict(type='KDLoss', temperature=1.0)
TERM = dict(on='logits', loss=KD)
FROM, TO = dict(TERM, teacher='peer0'), dict(TERM, learner='peer0')
PEER = dict(config='x.py')
SHARE = dict(type='GradientShare', share=0.5, of='backbone')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(peers=[]), r'peers must be a list of dicts.*got \[\]; write peers='),
        (dict(peers=PEER), 'peers must be a list of dicts.*write peers='),
        (dict(peers=['x.py']), 'peers must be a list of dicts'),
        (dict(peers=[{}]), r"peer 'peer0' lacks its config, it has \[\]; give config"),
        (
            dict(peers=[dict(PEER, frozen=False)]),
            "peer 'peer0' has no option 'frozen'.*the options are name, config",
        ),
        (
            dict(peers=[dict(PEER, chekpoint='x')]),
            "no option 'chekpoint'; did you mean 'checkpoint'",
        ),
        (dict(peers=[dict(config=3)]), "peer 'peer0': config must be a path, a zoo"),
        (dict(peers=[dict(PEER, checkpoint=3)]), 'checkpoint must be a path or URL'),
        (dict(peers=[dict(PEER, prefix=3)]), "prefix must be a string such as 'stu"),
        (dict(peers=[dict(PEER, loss_weight=-1)]), "peer 'peer0': loss_weight must be"),
        (dict(peers=[dict(PEER, evaluate=1)]), "peer 'peer0': evaluate must be"),
        (dict(peers=[dict(PEER, weight=0)]), "peer 'peer0': weight must be"),
        (dict(peers=[dict(PEER, name='0')]), 'name of a peer must be letters, .*begin'),
        (dict(peers=[dict(PEER, name='a.b')]), 'name of a peer must be letters'),
        (dict(peers=[dict(PEER, name='floss')]), "must not contain 'loss'.*choose"),
        (
            dict(peers=[dict(PEER, name='student')]),
            "'student' of a peer is that of the student of the hook; give each a name",
        ),
        (
            dict(peers=[PEER, dict(PEER, name='peer0')]),
            "name 'peer0' of a peer is that of another peer; give each",
        ),
        (
            dict(peers=[dict(PEER, name='kd')], distill=dict(kd=TERM)),
            "name 'kd' of a peer is that of a distill term; give each",
        ),
        (
            dict(peers=[PEER, PEER], distill=dict(kd=FROM)),
            "no distill term names the peer 'peer1'; leave it out, or name it with",
        ),
        (
            dict(peers=[PEER, PEER], distill=dict(kd=TERM)),
            "term 'kd': the hook has the peers 'peer0', 'peer1', and the term does not",
        ),
        (
            dict(peers=[PEER], distill=dict(kd=dict(TERM, teacher='peer1'))),
            "teacher='peer1' names no model that is trained, .*did you mean 'peer0'",
        ),
        (
            dict(peers=[PEER], distill=dict(kd=dict(TERM, teacher='student'))),
            "teacher='student' must be the name of a peer, as the hook has no teacher",
        ),
        (
            dict(peers=[PEER], distill=dict(kd=dict(TERM, learner='peer1'))),
            "learner='peer1' names no model that is trained, .*did you mean 'peer0'",
        ),
        (
            dict(teacher=PEER, distill=dict(kd=dict(TERM, learner='peer0'))),
            "learner='peer0' names a peer, and the hook has none; give it one with pee",
        ),
        (
            dict(teacher=PEER, distill=dict(kd=dict(TERM, teacher='peer0'))),
            "teacher='peer0' must be a number from 0 to 0",
        ),
        (
            dict(
                teacher=PEER,
                peers=[PEER],
                distill=dict(a=FROM, b=dict(TERM, teacher=1)),
            ),
            "teacher=1 must be a number from 0 to 0, .*or a peer: 'peer0'",
        ),
        (
            dict(
                teacher=PEER,
                peers=[PEER],
                distill=dict(a=TERM, b=dict(TERM, learner='peer0', teacher=0)),
            ),
            'teacher=0 names no model that is trained, which are',
        ),
        (
            dict(
                peers=[PEER],
                distill=dict(kd=dict(TERM, learner='peer0', teacher='peer0')),
            ),
            "learner='peer0' and teacher='peer0' are one model; leave teacher out",
        ),
        (
            dict(
                peers=[PEER],
                distill=dict(
                    simkd=dict(
                        on='module:backbone.layer4',
                        loss=dict(type='SimKDLoss'),
                        learner='peer0',
                    )
                ),
            ),
            'SimKDLoss changes the student at inference, .*leave learner out',
        ),
        (
            dict(
                peers=[PEER],
                distill=dict(kd=dict(TERM, learner='peer0', schedule=SHARE)),
            ),
            "type 'GradientShare' looks at the losses of the student, .*take one by ti",
        ),
        (
            dict(peers=[PEER], distill=dict(kd=dict(TO, data='unlabelled'))),
            "data='unlabelled' is for what the student learns.*leave data out",
        ),
        (
            dict(
                peers=[PEER],
                distill=dict(
                    uskd=dict(
                        on=['logits', 'module:backbone.layer3'],
                        loss=dict(type='USKDLoss'),
                        learner='peer0',
                    )
                ),
            ),
            "USKDLoss reads the student alone; leave learner='peer0' out",
        ),
    ],
)
def test_wrong_options_are_refused_when_the_hook_is_made(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        DistillationHook(**{'distill': dict(kd=FROM), **options})


def test_students_beside_which_no_peer_can_be_trained_are_refused(
    one_rank: None,
) -> None:
    student = nn.Sequential(nn.Linear(2, 2))
    shard(student)
    wrapper: Any = WithoutLosses()
    wrapper.student, wrapper.loss_by_gt_instances = WithoutLosses(), print
    for model, message in (
        (student, 'peers are trained whole .*sharded by FSDP2.*leave peers out'),
        (wrapper, 'trains on batches of several branches, .*leave peers out'),
    ):
        runner: Any = SimpleNamespace(model=model)
        with pytest.raises(ValueError, match=message):
            Peers([PEER]).build(runner)


def test_data_without_labels_are_refused(
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    cfg = classifier_config(tmp_path)
    cfg.train_dataloader.dataset.with_label = False
    peer = dict(config=dict(model=cfg.model.to_dict(), default_scope='mmpretrain'))
    cfg.custom_hooks = [
        dict(
            type='DistillationHook',
            peers=[peer],
            distill=dict(kd=FROM),
            student_loss_weight=0,
        )
    ]
    with pytest.raises(
        ValueError, match="peer 'peer0' is trained by its own losses, w"
    ):
        run(cfg)


@MODELS.register_module(force=True)
class WithoutLosses(BaseModel):
    def __init__(self, data_preprocessor: Any = None) -> None:
        super().__init__(data_preprocessor)
        self.layer = nn.Linear(2, 2)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return {}


@pytest.fixture
def peers(
    classifier_config: Callable[..., Config],
    detector_config: Callable[..., Config],
    tmp_path: Path,
) -> dict[str, dict[str, Any]]:
    classes, other = classifier_config(tmp_path), detector_config(tmp_path)
    classes.model.head.num_classes = 7
    wide = classifier_config(tmp_path)
    wide.model.head.in_channels = 77
    return {
        'classes': dict(config=classes.to_dict()),
        'task': dict(config=other.to_dict()),
        'losses': dict(config=dict(type='WithoutLosses', data_preprocessor=None)),
        'file': dict(config=str(tmp_path / 'missing.py')),
        'weights': dict(
            config=classifier_config(tmp_path).to_dict(), checkpoint='missing.pth'
        ),
        'width': dict(config=wide.to_dict()),
        'part': dict(config=classifier_config(tmp_path).to_dict()),
        'optimizer': dict(config=classifier_config(tmp_path).to_dict()),
    }


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('classes', "peer 'peer0' has 7 classes and the student 10, .*set num_classes"),
        (
            'task',
            "peer 'peer0': a peer is trained on the batch of the student, .*mmdet",
        ),
        ('losses', "peer 'peer0': a peer is trained by its own losses, .*has no loss"),
        ('file', "peer 'peer0' config '.*missing.py' cannot be read: .*give the path"),
        ('weights', "peer 'peer0' checkpoint 'missing.pth' cannot be read"),
        ('width', "forward of peer 'peer0' ended in .* be multiplied .*trains alone"),
    ],
)
def test_a_peer_that_does_not_suit_the_student_is_refused_before_training(
    name: str,
    message: str,
    peers: dict[str, dict[str, Any]],
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    hook = dict(type='DistillationHook', peers=[peers[name]], distill=dict(kd=FROM))
    with pytest.raises(ValueError, match=message):
        run(classifier_config(tmp_path, custom_hooks=[hook]))


@pytest.mark.parametrize(
    ('term', 'message'),
    [
        (
            dict(
                on='module:backbone.layer4',
                loss=dict(type='SimKDLoss'),
                teacher='peer0',
            ),
            "stays as it is, got the peer 'peer0'; give the hook teacher=",
        ),
        (
            dict(on='logits', loss=dict(type='WKDLLoss'), teacher='peer0'),
            "asks for 'teacher_classifier' of a teacher that stays as it is",
        ),
        (
            dict(
                on='module:backbone.layer9', loss=dict(type='ATLoss'), learner='peer0'
            ),
            "did you mean 'backbone.layer",
        ),
    ],
)
def test_a_term_that_does_not_suit_a_peer_is_refused_before_training(
    term: dict[str, Any],
    message: str,
    peers: dict[str, dict[str, Any]],
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    hook = dict(type='DistillationHook', peers=[peers['part']], distill=dict(x=term))
    with pytest.raises(ValueError, match=message):
        run(classifier_config(tmp_path, custom_hooks=[hook]))
