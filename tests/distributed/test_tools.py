"""Two processes, started by `tools/dist_train.sh` as a user starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from .ranks import ROOT

# MMEngine's own start of a process group wants a GPU for each process
START_GLOO = """
import atexit
import torch.distributed as dist

dist.init_process_group('gloo')
atexit.register(lambda: print(f'a group is left: {dist.is_initialized()}\\n', end=''))
"""


@pytest.mark.slow
def test_two_processes_distil_a_detector_and_save_a_plain_student(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    term = dict(on='roi_logits', loss=dict(type='CKDLoss'))
    hook = dict(
        type='DistillationHook', teacher=detector_teacher, distill=dict(ckd=term)
    )
    cfg = detector_config(tmp_path / 'work', custom_hooks=[hook])
    (tmp_path / 'start_gloo.py').write_text(START_GLOO)
    cfg.custom_imports = dict(imports=['start_gloo', 'ckd_mm'])
    # MMEngine passes device_ids by default, which a model on the CPU refuses
    cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None)
    cfg.dump(tmp_path / 'distilled.py')
    python = Path(sys.executable).parent
    path = f'{python}{os.pathsep}{os.environ["PATH"]}'
    done = subprocess.run(
        ['bash', 'tools/dist_train.sh', str(tmp_path / 'distilled.py'), '2'],
        cwd=ROOT,
        env=dict(
            os.environ,
            PATH=path,
            PYTHONPATH=str(tmp_path),
            PORT='29517',
            OMP_NUM_THREADS='1',
        ),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'Distributed training: True' in done.stdout
    assert done.stdout.count('a group is left: False') == 2
    log = next((tmp_path / 'work').glob('*/vis_data/scalars.json')).read_text()
    assert 'loss_ckd' in log
    saved = torch.load(tmp_path / 'work/epoch_1.pth', weights_only=False)
    teacher = torch.load(detector_teacher['checkpoint'])['state_dict']
    assert saved['state_dict'].keys() == teacher.keys()  # no `module.`, no teacher
