"""What `import ckd_mm` does with and without the stack, each in a fresh process."""

from __future__ import annotations

import subprocess
import sys

import pytest

ABSENT = """
import sys
for name in ('mmengine', 'mmcv', 'mmdet', 'mmpretrain'):
    sys.modules[name] = None  # any import of it fails
"""


def run(program: str) -> str:
    command = [sys.executable, '-W', 'ignore', '-c', program]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_functions_need_torch_alone() -> None:
    """Each is imported, one is computed, and nothing but the package is loaded."""
    out = run(
        f'{ABSENT}\n'
        'import torch\n'
        'before = set(sys.modules)\n'
        'import ckd_mm.functional\n'
        'student, teacher = torch.eye(4), torch.eye(4)\n'
        'print(f"{ckd_mm.functional.ckd_loss(student, teacher):.2f}")\n'
        'print({name.partition(".")[0] for name in set(sys.modules) - before}\n'
        '      - set(sys.stdlib_module_names) - {"torch"})\n'
    )
    assert out == "0.74\n{'ckd_mm'}\n"


@pytest.mark.slow
def test_a_configs_import_registers_everything() -> None:
    """As MMEngine does it; it asks for nothing of the module."""
    out = run(
        'from mmengine.utils import import_modules_from_strings\n'
        'import_modules_from_strings(imports=["ckd_mm"], allow_failed_imports=False)\n'
        'from mmengine.registry import HOOKS, MODELS\n'
        'import sys\n'
        'registry = sys.modules["ckd_mm.registry"]\n'
        'print(HOOKS.get("DistillationHook").__module__.partition(".")[0])\n'
        'print(MODELS.get("CIFARResNet").__module__.partition(".")[0])\n'
        'print("CKDLoss" in registry.LOSSES, len(registry.ADAPTERS) > 0)\n'
    )
    assert out.split() == ['ckd_mm', 'ckd_mm', 'True', 'True']


@pytest.mark.slow
def test_the_hook_needs_nothing_that_the_oldest_pytorch_lacks() -> None:
    """PyTorch 2.0 counts no FLOPs; only the ranking of students needs them."""
    run(
        'import sys\n'
        'sys.modules["torch.utils.flop_counter"] = None\n'
        'import ckd_mm.hooks, ckd_mm.commands.inspection\n'
    )
