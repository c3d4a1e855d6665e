"""The page of real, very short runs: a parser, a browser, and its numbers."""

from __future__ import annotations

import base64
import dataclasses
import io
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from PIL import Image

from ckd_mm.report import History, Sample, read_history, report_runs
from ckd_mm.report.models import open_models

VOID = {'meta', 'img', 'br', 'link'}
FEW = Sample(examples=2, logits=8, rows_per_class=4)
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')


class Parsed(HTMLParser):
    """Tags in balance, images, text by section, and all addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.images: dict[str, list[str]] = {}
        self.texts: dict[str, str] = {}
        self.section = ''
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or '' for name, value in attrs}
        self.addresses += [found[one] for one in ('src', 'href') if one in found]
        self.section = found.get('id', self.section)
        if tag == 'img':
            assert found['alt']
            self.images.setdefault(self.section, []).append(found['src'])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts[self.section] = self.texts.get(self.section, '') + data


def decoded(address: str) -> Image.Image:
    start, content = address.split(',', 1)
    assert start == 'data:image/png;base64'
    image = Image.open(io.BytesIO(base64.b64decode(content, validate=True)))
    image.load()
    return image


@pytest.fixture(scope='module')
def classifier_run(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path_factory: pytest.TempPathFactory,
) -> History:
    term = dict(on='logits', loss=dict(type='CKDLoss'))
    hook = dict(
        type='DistillationHook', teacher=classifier_teacher, distill=dict(ckd=term)
    )
    folder = tmp_path_factory.mktemp('classifier')
    cfg = classifier_config(folder, custom_hooks=[hook])
    cfg.train_cfg.val_interval = 1
    run(cfg)
    return read_history(folder)


@pytest.fixture(scope='module')
def detector_run(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path_factory: pytest.TempPathFactory,
) -> History:
    term = dict(on='roi_logits', loss=dict(type='CKDLoss'))
    hook = dict(
        type='DistillationHook', teacher=detector_teacher, distill=dict(ckd=term)
    )
    folder = tmp_path_factory.mktemp('detector')
    cfg = detector_config(folder, custom_hooks=[hook])
    run(cfg)
    return read_history(folder)


@pytest.fixture(scope='module')
def classifier_page(classifier_run: History, tmp_path_factory: Any) -> Path:
    out = tmp_path_factory.mktemp('page') / 'report.html'
    report_runs(out, 'A <classifier>', {'student': classifier_run}, sample=FEW)
    return out


@pytest.fixture(scope='module')
def detector_page(detector_run: History, tmp_path_factory: Any) -> Path:
    out = tmp_path_factory.mktemp('page') / 'report.html'
    report_runs(out, 'A detector', {'student': detector_run}, sample=FEW)
    return out


@pytest.mark.parametrize('kind', ['classifier', 'detector'])
def test_the_page_is_one_file_whose_images_decode(
    kind: str, request: pytest.FixtureRequest
) -> None:
    text = request.getfixturevalue(f'{kind}_page').read_text()
    page = Parsed(text)
    assert text.startswith('<!DOCTYPE html>') and not page.open
    assert 'url(' not in text and '@import' not in text and '<script' not in text
    assert page.addresses and all(decoded(one) for one in page.addresses)
    assert {'agreement', 'losses', 'predictions'} <= page.images.keys()
    assert len(page.images['logits']) == 2, 'matrix and t-SNE'
    assert 'Not shown' not in page.texts['logits']


def test_texts_are_escaped(classifier_page: Path) -> None:
    assert '<h1>A &lt;classifier&gt;</h1>' in classifier_page.read_text()


def test_a_classifier_has_its_accuracy_and_captions(classifier_page: Path) -> None:
    page = Parsed(classifier_page.read_text())
    assert 'accuracy/top1' in page.texts['results']
    assert 'truth: 0' in page.texts['predictions']
    assert len(page.images['predictions']) == FEW.examples


def test_a_detector_has_boxes_of_truth_and_student(detector_page: Path) -> None:
    page = Parsed(detector_page.read_text())
    assert len(page.images['predictions']) == 2 * FEW.examples
    assert 'coco/bbox_mAP' in page.texts['results']
    assert 'roi_logits' in page.texts['logits']


class RunsCode:
    """Pickled, it is a call that creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), 'w')


@pytest.mark.skipif(
    tuple(map(int, torch.__version__.split('.')[:2])) < (2, 6),
    reason='PyTorch before 2.6 loads as MMEngine does',
)
def test_a_checkpoint_that_would_run_code_is_refused(
    classifier_run: History, tmp_path: Path
) -> None:
    assert classifier_run.checkpoint is not None
    ran, file = tmp_path / 'ran', tmp_path / 'file.pth'
    saved = torch.load(classifier_run.checkpoint, weights_only=False)
    torch.save(dict(saved, more=RunsCode(ran)), file)
    models = open_models(classifier_run.config)
    with pytest.raises(ValueError, match='loading .*file.pth ended in UnpicklingError'):
        models.load(file)
    assert not ran.exists()


def test_logits_are_those_of_the_last_weights_in_eval_mode(
    classifier_run: History,
) -> None:
    models = open_models(classifier_run.config)
    assert classifier_run.checkpoint is not None
    models.load(classifier_run.checkpoint)
    samples = models.samples(6)
    found = models.logits(samples, most=100)
    labels = np.array([int(one['data_samples'].gt_label) for one in samples])
    order = np.argsort(labels, kind='stable')
    with torch.no_grad():
        data = models.student.data_preprocessor(pseudo_collate(samples), False)
        student_BC = models.student.eval()(data['inputs'], mode='tensor')
    np.testing.assert_allclose(found.student, student_BC.numpy()[order], atol=1e-5)
    np.testing.assert_array_equal(found.labels, labels[order])
    again = models.logits(samples, most=100)
    np.testing.assert_array_equal(found.teacher, again.teacher)
    assert not np.allclose(found.student, found.teacher)


def test_boxes_of_the_truth_are_in_the_pixels_of_the_input(
    detector_run: History,
) -> None:
    """The test pipeline reads them in the pixels of the file, 128 to a side."""
    sample = open_models(detector_run.config).samples(1)[0]['data_samples']
    height, width = sample.img_shape
    boxes = sample.gt_instances.bboxes
    boxes = getattr(boxes, 'tensor', boxes)
    (scene,) = {sample.ori_shape}
    assert (height, width) == (96, 96) and scene != (96, 96)
    assert boxes.max() <= 96


def test_the_page_names_what_is_not_at_hand(
    classifier_run: History, tmp_path: Path
) -> None:
    cfg = Config(classifier_run.config.to_dict())
    cfg.custom_hooks[0].teacher.checkpoint = str(tmp_path / 'gone.pth')
    run = dataclasses.replace(classifier_run, config=cfg)
    report_runs(tmp_path / 'report.html', 'Without', {'student': run}, sample=FEW)
    page = Parsed((tmp_path / 'report.html').read_text())
    assert 'gone.pth' in page.texts['logits']
    assert 'run it where the training ran' in page.texts['logits']
    assert page.images['agreement'], 'the rest is there'


def test_nothing_that_the_user_had_is_overwritten(
    classifier_run: History, tmp_path: Path
) -> None:
    before = {
        path: path.stat().st_mtime_ns for path in classifier_run.folder.rglob('*')
    }
    alone = Config(classifier_run.config.to_dict())
    alone.custom_hooks = []
    runs = {'student': dataclasses.replace(classifier_run, config=alone)}
    out = tmp_path / 'report.html'
    out.write_text('<p>mine</p>')
    with pytest.raises(ValueError, match='is not a report of ckd_mm'):
        report_runs(out, 'Mine', runs)
    assert out.read_text() == '<p>mine</p>'
    out.unlink()
    for title in ('First', 'Second'):
        report_runs(out, title, runs)
    assert '<h1>Second</h1>' in out.read_text(), 'a report is replaced'
    after = {path: path.stat().st_mtime_ns for path in classifier_run.folder.rglob('*')}
    assert before == after


@pytest.mark.slow
@pytest.mark.parametrize('width', [1200, 500])
def test_a_browser_opens_the_page_without_a_sideways_scroll(
    classifier_page: Path, tmp_path: Path, width: int
) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip('no browser; on Debian or Ubuntu: apt-get install chromium')
    command = [browser, '--headless', '--no-sandbox', '--disable-gpu']
    command += [f'--user-data-dir={tmp_path / "profile"}', f'--window-size={width},900']
    measured = tmp_path / 'measured.html'
    script = (
        '<script>onload = () => document.title = [document.documentElement.scrollWidth,'
        ' innerWidth, [...document.images].every(i => i.naturalWidth > 0)].join()'
        '</script></body>'
    )
    measured.write_text(classifier_page.read_text().replace('</body>', script))
    done = subprocess.run(
        [*command, '--dump-dom', measured.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert '<title>' in done.stdout, done.stderr[-1000:]
    title = done.stdout.split('<title>')[1].split('</title>')[0]
    content, window, images = title.split(',')
    assert int(content) <= int(window) and images == 'true'
