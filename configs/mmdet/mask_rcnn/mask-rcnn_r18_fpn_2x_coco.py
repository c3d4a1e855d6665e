"""The student alone: Mask R-CNN R18, FPN, COCO, 2x (24 epochs).

Task: box detection and instance segmentation on COCO 2017, AP on val2017. The zoo has
no such model; data and schedule are those of its R50 2x. The distilled R18 are compared
with this.

    tools/dist_train.sh configs/mmdet/mask_rcnn/mask-rcnn_r18_fpn_2x_coco.py 8

| run | box AP | mask AP |
|---|---|---|
| published | not found for this model and schedule | not found |
| ours | not run yet | not run yet |
"""

_base_ = [
    '../../_base_/models/mask-rcnn_r18_fpn.py',
    'mmdet::_base_/datasets/coco_instance.py',
    'mmdet::_base_/schedules/schedule_2x.py',
    'mmdet::_base_/default_runtime.py',
]
