"""`python policies_in_tensorflow.py`: each memory policy in a TensorFlow process of its own; prints what is applied.

One JSON object: for each policy, and for each conflict, what a process forked from this one found. It has imported
TensorFlow and not started it, as a server has. There is no GPU: one is added to TensorFlow's list of devices, which is
all that its configuration depends on.
"""

import json
import os
import sys

import msgspec
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.eager import context

from bench.backends.tensorflow import allocator
from bench.plan.memory_policy import Policy, parse

POLICIES = ("default", "growth", "fraction-0.9", "growth+fraction-0.9", "fraction-0.25", "async")


def add_gpus(count):
    running = context.context()
    tf.config.list_physical_devices()
    for number in range(count):
        gpu = context.PhysicalDevice(f"/physical_device:GPU:{number}", "GPU")
        running._physical_devices.append(gpu)
        running._visible_device_list.append(gpu)
        running._physical_device_to_index[gpu] = number
        running._memory_growth_map[gpu] = None
    return tf.config.list_physical_devices("GPU")


def effective(name):
    """As TensorFlow has it once it computes: the parsed configuration, and ours of it."""
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "false"  # a user's, which would override the policy
    add_gpus(2)
    allocator.apply(parse(name))
    result = tf.add(1.0, 1.0)
    found = msgspec.to_builtins(allocator.applied((result,)))
    serialised = context.context().config.SerializeToString()
    options = config_pb2.ConfigProto.FromString(serialised).gpu_options
    return {
        **found,
        "growth_in_proto": options.allow_growth,
        "fraction_in_proto": options.per_process_gpu_memory_fraction,
    }


def too_late():
    tf.add(1.0, 1.0)
    allocator.apply(Policy(growth=True))


def limit_before_growth():
    (gpu,) = add_gpus(1)
    tf.config.set_logical_device_configuration(gpu, [tf.config.LogicalDeviceConfiguration(memory_limit=1024)])
    allocator.apply(Policy(growth=True))


def growth_on_one_of_two():
    gpus = add_gpus(2)
    tf.config.experimental.set_memory_growth(gpus[1], True)
    allocator.apply(Policy(fraction=0.5))


def conflict(cause):
    try:
        cause()
    except allocator.PolicyConflict as error:
        return str(error)
    return "no conflict"


def in_a_process(question):
    """What `question` answers in a fork of this process."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, json.dumps(question()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        os.wait()
        return json.loads(answer.read())


if __name__ == "__main__":
    answers = {name: in_a_process(lambda name=name: effective(name)) for name in POLICIES}
    for cause in (too_late, limit_before_growth, growth_on_one_of_two):
        answers[cause.__name__] = in_a_process(lambda cause=cause: conflict(cause))
    json.dump(answers, sys.stdout)
