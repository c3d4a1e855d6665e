"""Registered losses: modules that hold the hyper-parameters of `ckd_mm.functional`.

Every loss takes `loss_weight`; with 0 the loss is only monitored.

The parameter names of `forward` say what the loss needs: `student` and `teacher`, and
where the method uses them `target` (labels), `sample_index` (indices into the data
set), `epoch` (completed epochs), `image_index`, `boxes`, `image_size`, `image_shapes`,
`anchors`, or `queries` and `quality` of a teacher. A parameter with a default is only
passed if the loss names it in `also_needs`, as :class:`CKDLoss` does for some of its
options.

`takes` says what the loss compares, see :data:`ckd_mm.losses._takes.Takes`. It is
matched with what an `on` gives before training; a loss without `takes` is not checked.

`statistics(student, teacher)` returns what a loss wants logged. For a loss that
compares distributions the hook also logs how often both models agree.
"""

from __future__ import annotations

from ckd_mm.losses.acamkd import ACAMKDLoss
from ckd_mm.losses.at import ATLoss
from ckd_mm.losses.bdkd import BDKDLoss
from ckd_mm.losses.boxioukd import BoxIoUKDLoss
from ckd_mm.losses.boxregression import BoxRegressionLoss
from ckd_mm.losses.cankd import CanKDLoss
from ckd_mm.losses.catkd import CATKDLoss
from ckd_mm.losses.cc import CCLoss
from ckd_mm.losses.cirkd import CIRKDLoss
from ckd_mm.losses.ckd import CKDLoss
from ckd_mm.losses.cosinemap import CosineMapLoss
from ckd_mm.losses.crd import CRDLoss
from ckd_mm.losses.ctkd import CTKDLoss
from ckd_mm.losses.cwd import CWDLoss
from ckd_mm.losses.detrdistill import DETRDistillLoss
from ckd_mm.losses.dho import DHOLoss
from ckd_mm.losses.dist import DISTLoss
from ckd_mm.losses.distributionkd import DistributionKDLoss
from ckd_mm.losses.dkd import DKDLoss
from ckd_mm.losses.fd import FDLoss
from ckd_mm.losses.fgd import FGDLoss
from ckd_mm.losses.fgfi import FGFILoss
from ckd_mm.losses.fitnet import FitNetLoss
from ckd_mm.losses.freekd import FreeKDLoss
from ckd_mm.losses.gld import GLDLoss
from ckd_mm.losses.gram import GramLoss
from ckd_mm.losses.hardkd import HardKDLoss
from ckd_mm.losses.hcl import HCLLoss
from ckd_mm.losses.ickd import ICKDLoss
from ckd_mm.losses.irg import IRGLoss
from ckd_mm.losses.js import JSLoss
from ckd_mm.losses.kd import KDLoss
from ckd_mm.losses.linearkd import LinearKDLoss
from ckd_mm.losses.makd import MaKDLoss
from ckd_mm.losses.mcl import MCLLoss
from ckd_mm.losses.mgd import MGDLoss
from ckd_mm.losses.mimic import MimicLoss
from ckd_mm.losses.mlkd import MLKDLoss
from ckd_mm.losses.nd import NDLoss
from ckd_mm.losses.nkd import NKDLoss
from ckd_mm.losses.nst import NSTLoss
from ckd_mm.losses.ofa import OFALoss
from ckd_mm.losses.ofabranch import OFABranchLoss
from ckd_mm.losses.ofd import OFDLoss
from ckd_mm.losses.pairwise import PairwiseLoss
from ckd_mm.losses.pkd import PKDLoss
from ckd_mm.losses.pkt import PKTLoss
from ckd_mm.losses.pld import PLDLoss
from ckd_mm.losses.qualityfocalkd import QualityFocalKDLoss
from ckd_mm.losses.reviewkd import ReviewKDLoss
from ckd_mm.losses.rkd import RKDLoss
from ckd_mm.losses.rld import RLDLoss
from ckd_mm.losses.scalekd import ScaleKDLoss
from ckd_mm.losses.sdd import SDDLoss
from ckd_mm.losses.simkd import SimKDLoss
from ckd_mm.losses.sinkd import SinKDLoss
from ckd_mm.losses.sp import SPLoss
from ckd_mm.losses.taid import TAIDLoss
from ckd_mm.losses.tat import TaTLoss
from ckd_mm.losses.ttm import TTMLoss
from ckd_mm.losses.uskd import USKDLoss
from ckd_mm.losses.vid import VIDLoss
from ckd_mm.losses.wkdf import WKDFLoss
from ckd_mm.losses.wkdl import WKDLLoss

__all__ = [
    'ACAMKDLoss',
    'ATLoss',
    'BDKDLoss',
    'BoxIoUKDLoss',
    'BoxRegressionLoss',
    'CATKDLoss',
    'CCLoss',
    'CIRKDLoss',
    'CKDLoss',
    'CRDLoss',
    'CTKDLoss',
    'CWDLoss',
    'CanKDLoss',
    'CosineMapLoss',
    'DETRDistillLoss',
    'DHOLoss',
    'DISTLoss',
    'DKDLoss',
    'DistributionKDLoss',
    'FDLoss',
    'FGDLoss',
    'FGFILoss',
    'FitNetLoss',
    'FreeKDLoss',
    'GLDLoss',
    'GramLoss',
    'HCLLoss',
    'HardKDLoss',
    'ICKDLoss',
    'IRGLoss',
    'JSLoss',
    'KDLoss',
    'LinearKDLoss',
    'MCLLoss',
    'MGDLoss',
    'MLKDLoss',
    'MaKDLoss',
    'MimicLoss',
    'NDLoss',
    'NKDLoss',
    'NSTLoss',
    'OFABranchLoss',
    'OFALoss',
    'OFDLoss',
    'PKDLoss',
    'PKTLoss',
    'PLDLoss',
    'PairwiseLoss',
    'QualityFocalKDLoss',
    'RKDLoss',
    'RLDLoss',
    'ReviewKDLoss',
    'SDDLoss',
    'SPLoss',
    'ScaleKDLoss',
    'SimKDLoss',
    'SinKDLoss',
    'TAIDLoss',
    'TTMLoss',
    'TaTLoss',
    'USKDLoss',
    'VIDLoss',
    'WKDFLoss',
    'WKDLLoss',
]
