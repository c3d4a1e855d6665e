"""mmdeploy, which the set-up installs where Python does not look."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

__all__ = ['APART', 'needs_mmdeploy']

APART = Path(sys.prefix) / 'apart'
needs_mmdeploy = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ('linux', 'x86_64'),
    reason='mmdeploy has wheels for 64-bit Linux',
)
