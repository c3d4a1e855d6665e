"""The student alone: Faster R-CNN R18, FPN, COCO, 2x (24 epochs).

Task: box detection on COCO 2017, box AP on val2017. The zoo has no such model; data
and schedule are those of its R50 2x. The distilled R18 are compared with this.

    tools/dist_train.sh configs/mmdet/faster_rcnn/faster-rcnn_r18_fpn_2x_coco.py 8

| run | box AP |
|---|---|
| published | not found for this model and schedule |
| ours | not run yet |
"""

_base_ = [
    '../../_base_/models/faster-rcnn_r18_fpn.py',
    'mmdet::_base_/datasets/coco_detection.py',
    'mmdet::_base_/schedules/schedule_2x.py',
    'mmdet::_base_/default_runtime.py',
]
