"""Born-again generations on the digit images: four of one network, 5 seeds.

    python -m ckd_mm.datasets.digits
    python tools/chain.py configs/chains/digits_born_again.py --jobs 2

Paper: arXiv:1805.04770. The network is the student of width 2. The first generation has
the labels alone. Each of the next three begins with random weights, and learns from the
one before it by KD at temperature 1 beside the labels. This is also the iterated
self-distillation of arXiv:2102.13088 with a fixed share of the labels, one half.

20 runs. Ours: benchmarks/results/digits_born_again.md.
"""

_network = 'configs/mmpretrain/digits/resnet18-w2_digits.py'

metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]
baseline = 'labels alone'

links = {
    'labels alone': dict(config=_network),
    'generation': dict(
        config=_network,
        distill=dict(
            kd=dict(
                on='logits', loss=dict(type='KDLoss', temperature=1.0, loss_weight=0.5)
            )
        ),
        student_loss_weight=0.5,
        repeat=3,
    ),
}
