"""Ways out of the errors whose message does not say one itself."""

from __future__ import annotations

import re

__all__ = ['CAUSES', 'ENDS', 'LACKS', 'MUST', 'NEAR', 'PASSED_ON']

PASSED_ON = re.compile(
    r'\s*(error: )?([\w:= ]*(\{[^{}]*\})?: )?\{error\}( \(.*\))?', re.DOTALL
)
"""A message that is another one's text, perhaps with a name in front."""
MUST = 'What came is the value after "got". Give what the message asks for.'
ENDS = (
    'What a library said follows; it is the cause. `CKD_MM_TRACE=1` in the environment '
    'shows where it was raised.'
)
NEAR = 'The name is misspelt. The message ends with names that are near, or with all.'
LACKS = (
    'These two models lack the part. `tools/inspect_distillation.py` shows what they '
    'have. Feature maps (`neck`, `backbone`) fit most pairs.'
)

CAUSES = {
    'the student has {student} classes and the teacher': (
        'Name the classes of both models: [Train on your own classes](../classes.md).'
    ),
    '{name} is not there: {start} has': (
        'The number of the level is too large. Take one that the message names.'
    ),
    '{name} must end with the number of a level': (
        'Write a number after the colon; `-1` is the last level.'
    ),
    'on={on} names nothing to compare': (
        'Write one of both forms. [What can be compared](../adapters.md) has all.'
    ),
    'background_ratio={ratio} needs classes': (
        'The heads do not tell background from classes. Leave the option out.'
    ),
    'only a pipeline that makes one image': (
        'The pipeline makes several views of an image. Train without a cache.'
    ),
    '{self._name} holds samples 0 to': (
        'The cache is of a smaller data set. Write it again for this one.'
    ),
    '{config} has default_scope=': (
        'The config belongs to neither library. Inherit one of its runtime configs, or '
        'set `default_scope`.'
    ),
    '{what}: the config has default_scope=': (
        'The config belongs to neither library. Inherit one of its runtime configs, or '
        'set `default_scope`.'
    ),
    'there is no GPU {number}': (
        'Name GPUs that PyTorch sees. `CUDA_VISIBLE_DEVICES` may hide some.'
    ),
    "strategy=dict(type='FSDP2Strategy') needs": (
        "Add `runner_type = 'FlexibleRunner'` to the config."
    ),
    '{self.name} has no student_channels': (
        'The loss learns a layer and was built before its widths were known. Give '
        '`student_channels` and `teacher_channels`.'
    ),
    'distill term {name} lacks {key}': (
        'A term needs `on` and `loss`. Add the one that is missing.'
    ),
    'teacher={teacher} must be a number from 0': (
        'Count the teachers of the list from 0.'
    ),
    '{cls.__name__} does not take {arguments}': (
        'The class has no such argument, or one is missing. [Options](options.md) and '
        '[Losses](losses.md) list them.'
    ),
    'RKD has no second derivative': ('Train without `create_graph=True`.'),
    'a {type(model).__name__} is a model of neither': (
        'Random batches are made for models of MMDetection and MMPretrain alone. Train '
        'with the hook, which takes the batches of your data.'
    ),
    'a {names[0]} trains on identities': (
        'Re-identification models cannot be inspected. Inspect their backbone in a '
        'classifier.'
    ),
    'a {registry.name} is given as dict(type=NAME': (
        'Write a dict with `type` and its arguments.'
    ),
    'teacher: class_map gives {twice} to several': (
        'Give each class of the student to one class of the teacher.'
    ),
    'a student is distilled on one batch of images': (
        'Take a model that gets one view of each image.'
    ),
    'module {module} has no attribute': (
        'The name is not in the module. [Python](api/hooks.md) lists the public names.'
    ),
    'sharding needs fully_shard': 'Install PyTorch 2.6 or later, or do not shard.',
    '{name} of {type(module).__name__} is a single number': (
        'Give `num_classes` to CTKDLoss, so that it learns a vector, or do not shard.'
    ),
    'the outputs of a {type(self).__name__} cannot': (
        'They change from step to step. Cache a frozen teacher: '
        '[Cache a teacher](../how_to/cached_teacher.md).'
    ),
    'the images of the batch were not replayed': (
        'A hook or a wrapper exchanged the data set. Let it do so before training '
        'starts, or train without a cache.'
    ),
    'the training set of {fspath(config)} is empty': (
        'Check the paths of images and annotations in the config.'
    ),
    'teacher: repo={str(self.repo)} must be': (
        'Clone the repository, and give its folder.'
    ),
    'teacher checkpoint: the folder': (
        'The folder has no file of weights. Give the file itself, or another folder.'
    ),
    '{what} {_name(config)} cannot be built': (
        "The library refuses the teacher's config, with the error that follows. If a "
        'type is unknown, add its module to `custom_imports` of that config.'
    ),
    '{what} checkpoint {source} does not hold the weights of this': (
        'The file is of another model. Check that config and checkpoint belong '
        'together; [Loading weights](../loading.md) says what is converted.'
    ),
    'teacher: {kind.key}={given[kind.key]}': (
        'This kind of teacher has no such option. [Options](options.md) lists those of '
        'each kind.'
    ),
    'term {self.term}: {type(loss).__name__} takes {_TAKEN[takes]}': (
        'Compare a part that the loss takes, or take a loss that fits what `on` gives. '
        'The message names those that there are.'
    ),
    'term {self._term} needs': (
        'Compare a part that has what the loss needs, or take a loss that does not '
        'need it.'
    ),
    '{path} is no file': 'Give the path of a checkpoint.',
    'training with all parts changed no weight': (
        'A trial of `tools/compatibility.py` has failed. Look at the gradients of the '
        'terms in its output.'
    ),
    'with random weights the losses of the model itself': (
        'A trial of `tools/compatibility.py` says nothing. Lower the learning rate of '
        'the config.'
    ),
    "the losses of {', '.join(broken)} are not finite": (
        'A trial of `tools/compatibility.py` has failed. Look at the values that these '
        'terms compare.'
    ),
    'this machine lacks': (
        'The list says what to install. [Installation](../install.md) says what is '
        'needed.'
    ),
    '{why}`{shlex.join(command)}` ended with status': (
        'What the command said is the cause; the whole of it is in the log that is '
        'named. Mend that, and run the same command again.'
    ),
}
"""What to do, by how a message begins as it is written in the code."""
