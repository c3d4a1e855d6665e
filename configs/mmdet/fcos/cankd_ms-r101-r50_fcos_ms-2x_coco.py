"""CanKD on FPN levels: FCOS R101 -> R50, COCO, ms-2x (24 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2511.21503. What is
set, and why: configs/_base_/distill/cankd_fpn.py. Teacher, levels, weight, clipping
and inheriting are those of the published run. The student is not: the authors' has
center sampling, `norm_on_bbox` and GIoU, sees one image scale, and has their rate of
0.02 for 16 images, for biases too. Here it is the zoo's, with half of that rate.

    tools/dist_train.sh configs/mmdet/fcos/cankd_ms-r101-r50_fcos_ms-2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 ms-2x | 40.8 |
| student alone, the zoo's R50 ms-2x | 38.5 |
| published | 42.4, for the authors' student, with and without inheriting |
| ours | not run yet |
"""

_base_ = [
    'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_ms-640-800-2x_coco.py',
    '../../_base_/pairs/fcos_ms-r101-r50_coco.py',
    '../../_base_/distill/cankd_fpn.py',
]

_base_.custom_hooks[0].update(
    teacher=_base_.pair.teacher,
    inherit=['neck', 'bbox_head'],
)
del _base_.pair
