"""All losses of embeddings and feature maps on the digit images: 5 seeds, 20 epochs.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teacher
    python tools/compare.py configs/compare/digits_features.py --jobs 2

The settings are those of the configs, which say where they come from; none was tuned
here. One schedule for all, that of the student alone. Not among them: HCL, CWD and PKD,
whose students are as wide as the teacher.

Ours, 64 minutes beside other work on 2 cores: benchmarks/results/digits_features.md.
"""

base = 'configs/mmpretrain/digits/resnet18-w2_digits.py'
teacher = dict(
    config='configs/mmpretrain/digits/resnet18-w16_digits.py',
    checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
)
metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]

methods = {
    'RKD': 'configs/mmpretrain/digits/rkd_r18-w16-r18-w2_20e_digits.py',
    'SP': 'configs/mmpretrain/digits/sp_r18-w16-r18-w2_20e_digits.py',
    'PKT': 'configs/mmpretrain/digits/pkt_r18-w16-r18-w2_20e_digits.py',
    'CC': 'configs/mmpretrain/digits/cc_r18-w16-r18-w2_20e_digits.py',
    'IRG': 'configs/mmpretrain/digits/irg_r18-w16-r18-w2_20e_digits.py',
    'CRD': 'configs/mmpretrain/digits/crd_r18-w16-r18-w2_20e_digits.py',
    'KD++': 'configs/mmpretrain/digits/kd-nd_r18-w16-r18-w2_20e_digits.py',
    'Linear KD': 'configs/mmpretrain/digits/linearkd_r18-w16-r18-w2_20e_digits.py',
    'DHO': 'configs/mmpretrain/digits/dho_r18-w16-r18-w2_20e_digits.py',
    'MaKD': 'configs/mmpretrain/digits/makd_r18-w16-r18-w2_20e_digits.py',
    'FitNet': 'configs/mmpretrain/digits/fitnet_r18-w16-r18-w2_20e_digits.py',
    'AT': 'configs/mmpretrain/digits/at_r18-w16-r18-w2_20e_digits.py',
    'NST': 'configs/mmpretrain/digits/nst_r18-w16-r18-w2_20e_digits.py',
    'VID': 'configs/mmpretrain/digits/vid_r18-w16-r18-w2_20e_digits.py',
    'OFD': 'configs/mmpretrain/digits/ofd_r18-w16-r18-w2_20e_digits.py',
    'ReviewKD': 'configs/mmpretrain/digits/reviewkd_r18-w16-r18-w2_20e_digits.py',
    'MGD': 'configs/mmpretrain/digits/mgd_r18-w16-r18-w2_20e_digits.py',
    'Cosine map': 'configs/mmpretrain/digits/cosinemap_r18-w16-r18-w2_20e_digits.py',
    'FD': 'configs/mmpretrain/digits/fd_r18-w16-r18-w2_20e_digits.py',
    'ScaleKD': 'configs/mmpretrain/digits/scalekd_r18-w16-r18-w2_20e_digits.py',
    'ACAM-KD': 'configs/mmpretrain/digits/acamkd_r18-w16-r18-w2_20e_digits.py',
    'FreeKD': 'configs/mmpretrain/digits/freekd_r18-w16-r18-w2_20e_digits.py',
    'SimKD': 'configs/mmpretrain/digits/simkd_r18-w16-r18-w2_20e_digits.py',
    'CanKD': 'configs/mmpretrain/digits/cankd_r18-w16-r18-w2_20e_digits.py',
    'ICKD': 'configs/mmpretrain/digits/ickd_r18-w16-r18-w2_20e_digits.py',
    'TaT': 'configs/mmpretrain/digits/tat_r18-w16-r18-w2_20e_digits.py',
    'OFA branches': 'configs/mmpretrain/digits/ofa-stage1-stage2-stage3-stage4_r18-w16-r18-w2_20e_digits.py',
    'WKD-F': 'configs/mmpretrain/digits/wkdf_r18-w16-r18-w2_20e_digits.py',
    'CAT-KD': 'configs/mmpretrain/digits/catkd_r18-w16-r18-w2_20e_digits.py',
    'GLD': 'configs/mmpretrain/digits/gld_r18-w16-r18-w2_20e_digits.py',
    'SDD': 'configs/mmpretrain/digits/sdd_r18-w16-r18-w2_20e_digits.py',
    'Gram': 'configs/mmpretrain/digits/gram_r18-w16-r18-w2_20e_digits.py',
    'Pairwise': 'configs/mmpretrain/digits/pairwise_r18-w16-r18-w2_20e_digits.py',
    'CIRKD': 'configs/mmpretrain/digits/cirkd_r18-w16-r18-w2_20e_digits.py',
    'MCL': 'configs/mmpretrain/digits/mcl_r18-w16-r18-w2_20e_digits.py',
}
