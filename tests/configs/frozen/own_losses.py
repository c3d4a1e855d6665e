_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm', 'my_losses'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/resnet18_w16_cifar100.py',
            checkpoint='work_dirs/resnet18_w16/epoch_200.pth',
        ),
        distill=dict(
            hardest=dict(on='logits', loss=dict(type='HardestRowsLoss', share=0.5)),
            ramped=dict(
                on='module:backbone.layer2', loss=dict(type='RampedL2', channels=16)
            ),
        ),
    )
]
