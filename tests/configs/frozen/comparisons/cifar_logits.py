"""python tools/compare.py comparisons/cifar_logits.py --gpus 0,1,2"""

base = 'students/resnet18_w8_cifar100.py'
teacher = dict(
    config='teachers/resnet18_w16_cifar100.py',
    checkpoint='work_dirs/resnet18_w16/epoch_200.pth',
)
_kd = dict(on='logits', loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.9))
methods = {
    'CKD': 'ckd',
    'DIST': 'dist',
    'DKD': 'dkd',
    'KD': dict(distill=dict(kd=_kd), student_loss_weight=0.1),
    'hardest rows': dict(
        distill=dict(
            hardest=dict(on='logits', loss=dict(type='HardestRowsLoss', share=0.3))
        )
    ),
    'all': 'resnet_logits.py',
}
metric = 'accuracy/top1'
seeds = [0, 1, 2]
cfg_options = {'train_cfg.max_epochs': 60}
custom_imports = dict(imports=['ckd_mm', 'my_losses'], allow_failed_imports=False)
