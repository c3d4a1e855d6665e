"""The hook: ReviewKD for CIFAR-100's networks; the pair adds teacher, layers, weight.

Distilling knowledge via knowledge review, arXiv:2104.09044: the stages of the backbone
and, as the deepest level, the pooled embedding, beside the student's own cross-entropy
at weight 1; the weight rises from 0 over the first 20 epochs. The authors
(dvlab-research/ReviewKD, `CIFAR-100`) set widths and weight for each pair of networks:
configs/_base_/pairs/. The width of the fusion is that of the embedding, 512 at most.

What differs: the authors take the teacher's maps before the ReLU that ends a stage, and
those of a WRN behind the BatchNorm that follows; here the teacher's maps are where the
student's are, at the end of the stage. They train with 128 images per step, twice the
learning rate and Nesterov's momentum; here is the benchmark's schedule, as in
megvii-research/mdistiller, or that of CKD's authors. Their warm-up rises in steps of an
epoch, ours at every iteration; under 480 epochs it is 20 epochs as well.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            reviewkd=dict(
                loss=dict(type='ReviewKDLoss'),
                schedule=dict(warmup=20),
            )
        ),
    )
]
