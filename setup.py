"""Packaging of ckd_mm. Tested versions are in requirements/constraints.txt."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
README = ROOT / 'README.md'

# `mmengine`, `mmcv`, `mmdet` and `mmpretrain` each come under two distribution names:
# the original one (`mmengine`) and that of the maintained OneDL builds
# (`onedl-mmengine`), with the same files. Requiring either would install a second copy
# over that of a user who has the other. So a plain installation requires neither, and
# the extras name the OneDL ones.
REQUIRES = ['torch>=2.0', 'numpy', 'packaging']
ENGINE = ['onedl-mmengine>=0.10.8', 'onedl-mmcv>=2.3']
DETECTION = [*ENGINE, 'onedl-mmdetection>=3.5']
CLASSIFICATION = [*ENGINE, 'onedl-mmpretrain>=1.3']
CACHE = ['safetensors>=0.4']
TEXT = ['transformers>=4.30']
TIMM = ['timm>=1.0.20']
TRANSFORMERS = ['transformers>=4.40']
DEMO = ['scikit-learn', 'matplotlib']
# mmdeploy cannot be named: see requirements/constraints.txt.
ONNX = ['onnx>=1.16', 'onnxruntime>=1.18', 'aenum']
DOCS = ['mkdocs>=1.6', 'mkdocs-material', 'mkdocstrings', 'mkdocstrings-python']
DOCS += ['latex2mathml', 'mmdr']
TOOLS = ['pytest', 'pytest-xdist', 'ruff', 'mypy', 'import-linter']
# What compiles mmcv and builds our own wheel without build isolation.
BUILD = ['setuptools>=77', 'wheel', 'ninja', 'psutil', 'click']


class BuildPy(build_py):
    """Ships configs, tools and model index in `ckd_mm/.mim/`, as OpenMMLab's packages.

    They are copied into the build folder, so that an editable installation leaves no
    second copy in the checkout.
    """

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        mim = Path(self.build_lib) / 'ckd_mm' / '.mim'
        shutil.rmtree(mim, ignore_errors=True)
        caches = shutil.ignore_patterns('__pycache__', '*.pyc')
        for folder in ('configs', 'tools'):
            shutil.copytree(ROOT / folder, mim / folder, ignore=caches)
        shutil.copy(ROOT / 'model-index.yml', mim)


def version() -> str:
    text = (ROOT / 'ckd_mm' / 'version.py').read_text(encoding='utf-8')
    return re.findall(r"^__version__ = '(.+)'$", text, re.MULTILINE)[0]


setup(
    name='ckd_mm',
    version=version(),
    description='Knowledge distillation for MMDetection and MMPretrain by one hook',
    long_description=README.read_text(encoding='utf-8') if README.exists() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    python_requires='>=3.10',
    packages=find_packages(include=['ckd_mm', 'ckd_mm.*']),
    package_data={'ckd_mm': ['py.typed', 'report/page.html']},
    install_requires=REQUIRES,
    extras_require={
        'mmdet': DETECTION,
        'mmpretrain': CLASSIFICATION,
        'cache': CACHE,
        'text': TEXT,
        'timm': TIMM,
        'transformers': TRANSFORMERS,
        'onnx': ONNX,
        'demo': DEMO,
        'docs': DOCS,
        'dev': [
            *TOOLS,
            *DEMO,
            *DOCS,
            *BUILD,
            *CACHE,
            *TEXT,
            *TIMM,
            *TRANSFORMERS,
            *ONNX,
        ],
    },
    entry_points={'console_scripts': ['ckd_mm = ckd_mm.commands.launch:main']},
    cmdclass={'build_py': BuildPy},
    zip_safe=False,
)
