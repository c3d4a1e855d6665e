"""The mathematics of every loss and statistic, as pure functions of tensors.

They serve custom training loops and :mod:`ckd_mm.losses`, whose modules hold the
hyper-parameters. Nothing here imports more than torch.
"""

from __future__ import annotations

from ckd_mm.functional.acamkd import acamkd_loss, mask_diversity
from ckd_mm.functional.at import at_loss
from ckd_mm.functional.bdkd import bdkd_loss
from ckd_mm.functional.boxioukd import boxioukd_loss
from ckd_mm.functional.boxregression import box_regression_loss
from ckd_mm.functional.calibration import calibrated_logits
from ckd_mm.functional.cankd import cankd_loss
from ckd_mm.functional.catkd import catkd_loss
from ckd_mm.functional.cc import cc_loss
from ckd_mm.functional.cirkd import cirkd_loss
from ckd_mm.functional.ckd import ckd_loss
from ckd_mm.functional.cosinemap import cosinemap_loss
from ckd_mm.functional.crd import crd_log_means, crd_loss, crd_scores
from ckd_mm.functional.ctkd import ctkd_loss, ctkd_strength, ctkd_temperature
from ckd_mm.functional.cwd import cwd_loss
from ckd_mm.functional.detrdistill import detrdistill_loss, detrdistill_masks
from ckd_mm.functional.dist import dist_loss
from ckd_mm.functional.distributionkd import distributionkd_loss
from ckd_mm.functional.dkd import dkd_loss
from ckd_mm.functional.fd import fd_loss
from ckd_mm.functional.fgd import fgd_focal_loss, fgd_masks
from ckd_mm.functional.fgfi import fgfi_loss, fgfi_masks
from ckd_mm.functional.fitnet import fitnet_loss
from ckd_mm.functional.freekd import freekd_loss
from ckd_mm.functional.gld import gld_loss
from ckd_mm.functional.gram import gram_loss
from ckd_mm.functional.hardkd import effective_number_weights, hardkd_loss
from ckd_mm.functional.hcl import hcl_loss
from ckd_mm.functional.ickd import ickd_loss
from ckd_mm.functional.irg import irg_loss
from ckd_mm.functional.js import js_loss
from ckd_mm.functional.kd import kd_loss
from ckd_mm.functional.makd import makd_loss
from ckd_mm.functional.mcl import mcl_loss
from ckd_mm.functional.mgd import mgd_loss
from ckd_mm.functional.mimic import mimic_loss
from ckd_mm.functional.mlkd import mlkd_batch_loss, mlkd_class_loss, mlkd_loss
from ckd_mm.functional.nd import nd_loss
from ckd_mm.functional.nkd import nkd_loss
from ckd_mm.functional.nst import nst_loss
from ckd_mm.functional.ofa import ofa_loss
from ckd_mm.functional.ofd import ofd_loss
from ckd_mm.functional.pairwise import pairwise_loss
from ckd_mm.functional.pkd import pkd_loss
from ckd_mm.functional.pkt import pkt_loss
from ckd_mm.functional.pld import pld_loss
from ckd_mm.functional.qualityfocalkd import qualityfocalkd_loss
from ckd_mm.functional.ranking import diswot_semantics, kendall, parc, spearman
from ckd_mm.functional.rkd import rkd_loss
from ckd_mm.functional.rld import rld_loss
from ckd_mm.functional.sampleweights import (
    confidence_gate,
    correctness_gate,
    focal_weight,
    ipwd_weight,
    mean_one,
)
from ckd_mm.functional.scalekd import scalekd_loss
from ckd_mm.functional.sdd import sdd_loss
from ckd_mm.functional.sinkd import sinkd_loss
from ckd_mm.functional.sp import sp_loss
from ckd_mm.functional.statistics import (
    alignment,
    retrieval_accuracy,
    top1_agreement,
    uniformity,
)
from ckd_mm.functional.taid import taid_loss
from ckd_mm.functional.tat import tat_loss
from ckd_mm.functional.ttm import ttm_loss
from ckd_mm.functional.uskd import uskd_loss
from ckd_mm.functional.vid import vid_loss
from ckd_mm.functional.wkdf import wkdf_loss
from ckd_mm.functional.wkdl import class_distances, wkdl_loss

__all__ = [
    'acamkd_loss',
    'alignment',
    'at_loss',
    'bdkd_loss',
    'box_regression_loss',
    'boxioukd_loss',
    'calibrated_logits',
    'cankd_loss',
    'catkd_loss',
    'cc_loss',
    'cirkd_loss',
    'ckd_loss',
    'class_distances',
    'confidence_gate',
    'correctness_gate',
    'cosinemap_loss',
    'crd_log_means',
    'crd_loss',
    'crd_scores',
    'ctkd_loss',
    'ctkd_strength',
    'ctkd_temperature',
    'cwd_loss',
    'detrdistill_loss',
    'detrdistill_masks',
    'dist_loss',
    'distributionkd_loss',
    'diswot_semantics',
    'dkd_loss',
    'effective_number_weights',
    'fd_loss',
    'fgd_focal_loss',
    'fgd_masks',
    'fgfi_loss',
    'fgfi_masks',
    'fitnet_loss',
    'focal_weight',
    'freekd_loss',
    'gld_loss',
    'gram_loss',
    'hardkd_loss',
    'hcl_loss',
    'ickd_loss',
    'ipwd_weight',
    'irg_loss',
    'js_loss',
    'kd_loss',
    'kendall',
    'makd_loss',
    'mask_diversity',
    'mcl_loss',
    'mean_one',
    'mgd_loss',
    'mimic_loss',
    'mlkd_batch_loss',
    'mlkd_class_loss',
    'mlkd_loss',
    'nd_loss',
    'nkd_loss',
    'nst_loss',
    'ofa_loss',
    'ofd_loss',
    'pairwise_loss',
    'parc',
    'pkd_loss',
    'pkt_loss',
    'pld_loss',
    'qualityfocalkd_loss',
    'retrieval_accuracy',
    'rkd_loss',
    'rld_loss',
    'scalekd_loss',
    'sdd_loss',
    'sinkd_loss',
    'sp_loss',
    'spearman',
    'taid_loss',
    'tat_loss',
    'top1_agreement',
    'ttm_loss',
    'uniformity',
    'uskd_loss',
    'vid_loss',
    'wkdf_loss',
    'wkdl_loss',
]
