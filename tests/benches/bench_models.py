"""The models that are timed, in a folder: models/NAME, golden/NAME.{json,npz} and onnx/NAME.onnx."""

import os
import shutil
import sys

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures"))
import reference_models
from golden import Recorder

BERT = "bert_l4_h256_s128"
LAYERS, HIDDEN, HEADS, SEQUENCE, VOCABULARY = 4, 256, 4, 128, 30522

# An LSTM and a greedy decoder, each at two batch sizes.
LSTM_UNITS, LSTM_STEPS = 256, 128
LSTMS = {f"lstm_u{LSTM_UNITS}_s{LSTM_STEPS}_b{batch}": batch for batch in (1, 32)}
DECODED = 32
DECODERS = {f"decoder_l2_h{HIDDEN}_s{DECODED}_b{batch}": batch for batch in (1, 8)}

# NAME: the name of the model, for a seeded one that `make` knows.
MADE = ["mobilenet_v2_224", "resnet50", BERT, *LSTMS, *DECODERS]
OPSET = 17


def make(folder, name):
    """Writes a model and its golden numbers, unless they are there."""
    if os.path.isfile(os.path.join(folder, "golden", f"{name}.json")):
        return
    if name == BERT:
        write_bert(folder)
    elif name in LSTMS:
        write_lstm(folder, name, LSTMS[name])
    elif name in DECODERS:
        write_decoder(folder, name, DECODERS[name])
    else:
        reference_models.write(folder, name)


def take(folder, name, source, vocabulary=100):
    """Records golden numbers of a SavedModel of one's own, at batch 1, on seeded noise."""
    shutil.copytree(source, os.path.join(folder, "models", name), dirs_exist_ok=True)
    recorder = Recorder(folder, name, "own", "a SavedModel of its user", rtol=1e-3)
    rng = np.random.default_rng(7)
    given = recorder.model.signatures["serving_default"].structured_input_signature[1]
    recorder.signature("serving_default", **{label: noise(spec, rng, vocabulary) for label, spec in given.items()})
    recorder.save()


def noise(spec, rng, vocabulary):
    shape = [size or 1 for size in spec.shape]
    if spec.dtype.is_floating:
        return rng.standard_normal(shape, np.float32).astype(spec.dtype.as_numpy_dtype)
    return rng.integers(0, 2 if spec.dtype.is_bool else vocabulary, shape).astype(spec.dtype.as_numpy_dtype)


class Positions(keras.layers.Layer):
    """A learned embedding of each place."""

    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], initializer="random_normal", name="embeddings")

    def call(self, x):
        return x + self.table


def gelu(x):
    """The exact one, by the function that ONNX has, too: Keras' own calls `erfc`."""
    return 0.5 * x * (1 + keras.ops.erf(x * 0.5**0.5))


def transformer_layer(x, mask, name):
    attend = keras.layers.MultiHeadAttention(HEADS, HIDDEN // HEADS, name=f"{name}_attention")
    x = keras.layers.LayerNormalization(epsilon=1e-12, name=f"{name}_attention_norm")(x + attend(x, x, attention_mask=mask))
    h = keras.layers.Dense(4 * HIDDEN, activation=gelu, name=f"{name}_intermediate")(x)
    h = keras.layers.Dense(HIDDEN, name=f"{name}_output")(h)
    return keras.layers.LayerNormalization(epsilon=1e-12, name=f"{name}_output_norm")(x + h)


def bert():
    """BERT as in its paper, small, at a fixed length."""
    tokens, segments, mask = (
        keras.Input((SEQUENCE,), dtype="int32", name=name) for name in ("token_ids", "segment_ids", "padding_mask")
    )
    x = keras.layers.Embedding(VOCABULARY, HIDDEN, embeddings_initializer="random_normal", name="tokens")(tokens)
    x = x + keras.layers.Embedding(2, HIDDEN, embeddings_initializer="random_normal", name="segments")(segments)
    x = keras.layers.LayerNormalization(epsilon=1e-12, name="embedding_norm")(Positions(name="positions")(x))
    visible = keras.layers.Lambda(lambda m: keras.ops.cast(m, "bool")[:, None, :], name="visible")(mask)
    for i in range(LAYERS):
        x = transformer_layer(x, visible, f"layer_{i}")
    pooled = keras.layers.Dense(HIDDEN, activation="tanh", name="pooler")(x[:, 0])
    return keras.Model([tokens, segments, mask], {"sequence": x, "pooled": pooled})


def write_bert(folder):
    keras.utils.set_random_seed(7)
    keras.backend.clear_session()
    rng = np.random.default_rng(7)
    model = bert()
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign_add(rng.normal(0, 0.1, weight.shape).astype(np.float32))
    model.export(os.path.join(folder, "models", BERT), verbose=False)
    recorder = Recorder(folder, BERT, "apps", f"BERT L{LAYERS} H{HIDDEN} s{SEQUENCE} via export", rtol=1e-3)
    given = recorder.model.signatures["serving_default"].structured_input_signature[1]
    for batch in (1, 2):
        recorder.signature("serving_default", **{label: text(label, rng, batch) for label in given})
    recorder.save()


def write_lstm(folder, name, batch):
    """One LSTM over any number of steps, and a dense layer on what it gives for each."""
    keras.utils.set_random_seed(7)
    keras.backend.clear_session()
    rng = np.random.default_rng(7)
    x = steps = keras.Input((None, LSTM_UNITS), name="steps")
    x = keras.layers.LSTM(LSTM_UNITS, return_sequences=True, name="lstm")(x)
    keras.Model(steps, keras.layers.Dense(8, name="out")(x)).export(os.path.join(folder, "models", name), verbose=False)
    recorder = Recorder(folder, name, "apps", f"LSTM u{LSTM_UNITS} via export", rtol=1e-3)
    (label,) = recorder.model.signatures["serving_default"].structured_input_signature[1]
    recorder.signature("serving_default", **{label: rng.standard_normal((batch, LSTM_STEPS, LSTM_UNITS), np.float32)})
    recorder.save()


class Decoder(tf.Module):
    """Greedy decoding, one token a round, by a transformer that sees what has been decoded."""

    def __init__(self):
        super().__init__()
        tokens = keras.Input((DECODED,), dtype="int32")
        x = keras.layers.Embedding(1000, HIDDEN, embeddings_initializer="random_normal")(tokens)
        x = Positions()(x)
        visible = np.tril(np.ones((1, DECODED, DECODED), bool))
        for i in range(2):
            x = transformer_layer(x, visible, f"layer_{i}")
        self.network = keras.Model(tokens, keras.layers.Dense(1000)(x))

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.int32, name="prompt")])
    def decode(self, prompt):
        given = tf.shape(prompt)[1]
        tokens = tf.pad(prompt, ((0, 0), (0, DECODED - given)))

        def step(place, tokens):
            best = tf.argmax(self.network(tokens)[:, place - 1], -1, tf.int32)
            return place + 1, tf.where(tf.range(DECODED) == place, best[:, None], tokens)

        return {"tokens": tf.while_loop(lambda place, _: place < DECODED, step, (given, tokens))[1]}


def write_decoder(folder, name, batch):
    keras.utils.set_random_seed(7)
    keras.backend.clear_session()
    module = Decoder()
    tf.saved_model.save(module, os.path.join(folder, "models", name), signatures={"serving_default": module.decode})
    recorder = Recorder(folder, name, "apps", f"greedy decoder L2 H{HIDDEN} s{DECODED}", rtol=1e-3)
    rng = np.random.default_rng(7)
    recorder.signature("serving_default", prompt=rng.integers(0, 1000, (batch, 4)).astype(np.int32))
    recorder.save()


def text(label, rng, batch):
    """Token ids, a second segment from the middle on, and padding in the last quarter."""
    place = np.broadcast_to(np.arange(SEQUENCE), (batch, SEQUENCE))
    values = {
        "token_ids": rng.integers(1, VOCABULARY, (batch, SEQUENCE)),
        "segment_ids": place >= SEQUENCE // 2,
        "padding_mask": place < 3 * SEQUENCE // 4,
    }
    return next(value for name, value in values.items() if name in label).astype(np.int32)


def make_onnx(folder, name, case):
    """The same signature as ONNX at the golden batch, unless it is there."""
    path = os.path.join(folder, "onnx", f"{name}.onnx")
    if os.path.isfile(path):
        return path
    import tf2onnx

    os.makedirs(os.path.dirname(path), exist_ok=True)
    model = tf.saved_model.load(os.path.join(folder, "models", name))
    serve = model.signatures["serving_default"]
    labels = sorted(case.inputs)
    specs = [tf.TensorSpec(case.inputs[label].shape, case.inputs[label].dtype, name=label) for label in labels]
    function = tf.function(lambda *tensors: serve(**dict(zip(labels, tensors))), input_signature=specs)
    tf2onnx.convert.from_function(function, input_signature=specs, opset=OPSET, output_path=path)
    return path
