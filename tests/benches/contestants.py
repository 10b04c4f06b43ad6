"""Programs that are timed beside the generated modules, one model each: `contestants.py ENGINE FOLDER MODEL THREADS`.

A contestant compares its outputs with TensorFlow's, says `ready`, and then takes turns: each line that it reads is a
number of milliseconds, each line that it answers is the wall times of its runs in milliseconds.
"""

import json
import os
import sys
import time
from types import SimpleNamespace

import numpy as np

BATCH = 8
LEARNING_RATE = 1e-6


def golden(folder, name):
    """The first call that is recorded of a model: arrays by label."""
    path = os.path.join(folder, "golden", name)
    with open(f"{path}.json", encoding="utf-8") as file:
        header = json.load(file)
    arrays = np.load(f"{path}.npz")
    case = next(case for case in header["cases"] if case["kind"] == "signature")
    sides = {side: {label: arrays[key] for label, key, _ in case[side]} for side in ("inputs", "outputs")}
    return SimpleNamespace(signature=case["name"], rtol=header["rtol"], **sides)


def check(case, outputs):
    """Outputs are by label, or in the order of labels."""
    for label, want in case.outputs.items():
        got = np.asarray(outputs[label])
        allowed = 1e-6 + case.rtol * (np.abs(want) + np.sqrt(np.mean(np.square(want))))
        worst = np.max(np.abs(got - want) / allowed)
        if not worst <= 1.0:
            sys.exit(f"{label} differs from TensorFlow's by {worst:.1f} times the tolerance")


def take_turns(run):
    print("ready", flush=True)
    for line in sys.stdin:
        end = time.perf_counter() + int(line) / 1e3
        run()
        times = []
        while not times or time.perf_counter() < end:
            begin = time.perf_counter()
            run()
            times.append((time.perf_counter() - begin) * 1e3)
        print(*(f"{ms:.4f}" for ms in times), flush=True)


def load_tensorflow(threads):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    return tf


def tensorflow(folder, name, threads):
    tf = load_tensorflow(threads)
    case = golden(folder, name)
    model = tf.saved_model.load(os.path.join(folder, "models", name))
    serve = model.signatures[case.signature]
    inputs = {label: tf.constant(value) for label, value in case.inputs.items()}
    run = lambda: {label: value.numpy() for label, value in serve(**inputs).items()}
    check(case, run())
    take_turns(run)


def tensorflow_training(folder, name, threads):
    """A step on a batch that repeats the golden example, of the same architecture with weights of its own."""
    tf = load_tensorflow(threads)
    import keras

    case = golden(folder, name)
    model = keras.applications.MobileNetV2(weights=None)
    optimizer = keras.optimizers.SGD(LEARNING_RATE)
    optimizer.build(model.trainable_variables)
    images = tf.constant(np.repeat(next(iter(case.inputs.values())), BATCH, axis=0))

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(images, training=True)))
        optimizer.apply(tape.gradient(loss, model.trainable_variables))
        return loss

    take_turns(lambda: step().numpy())


def onnxruntime(folder, name, threads):
    import onnxruntime as ort

    case = golden(folder, name)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    path = os.path.join(folder, "onnx", f"{name}.onnx")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    labels = [output.name for output in session.get_outputs()]
    run = lambda: session.run(None, case.inputs)
    check(case, dict(zip(labels, run())))
    take_turns(run)


def tract(folder, name, threads):
    import tract as engine

    case = golden(folder, name)
    model = engine.onnx().load(os.path.join(folder, "onnx", f"{name}.onnx"))
    model = model.into_model()
    labels = [model.input_name(i) for i in range(model.input_count())]
    outputs = [model.output_name(i) for i in range(model.output_count())]
    runnable = model.into_runnable()
    inputs = [case.inputs[label] for label in labels]
    run = lambda: [output.to_numpy() for output in runnable.run(inputs)]
    check(case, by_label(case, outputs, run()))
    take_turns(run)


def by_label(case, names, values):
    """A name may carry more than its label."""
    found = dict(zip(names, values))
    return {label: found.get(label, value) for label, value in zip(case.outputs, values)}


ENGINES = {
    "tensorflow": tensorflow,
    "tensorflow-training": tensorflow_training,
    "onnxruntime": onnxruntime,
    "tract": tract,
}

if __name__ == "__main__":
    engine, folder, name, threads = sys.argv[1:]
    ENGINES[engine](folder, name, int(threads))
