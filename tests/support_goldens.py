"""Numbers from TensorFlow for the tests of the support code: inputs, outputs and gradients of each operation.

    python tests/support_goldens.py

writes codegen-templates/candle/tests/goldens.safetensors. A case `c` has `c/x` and other inputs under their names, the
outputs `c/y`, the gradient `c/dy` that is sent back, and `c/d_x` for the gradient of each input that is a float.
"""

import math
import pathlib

import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file

RNG = np.random.default_rng(7)
TENSORS = {}


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def case(name, function, **inputs):
    """Records one call: inputs that are floats are watched."""
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    floats = {key: value for key, value in tensors.items() if value.dtype.is_floating}
    with tf.GradientTape() as tape:
        tape.watch(list(floats.values()))
        y = function(**tensors) if len(tensors) > 1 else function(*tensors.values())
    record(name, inputs | {"y": y.numpy()})
    if floats and y.dtype.is_floating:
        dy = np.asarray(normal(*y.shape), np.float32)
        gradients = tape.gradient(y, floats, output_gradients=tf.constant(dy), unconnected_gradients="zero")
        gradients = {f"d_{key}": tf.convert_to_tensor(value).numpy() for key, value in gradients.items()}
        record(name, gradients | {"dy": dy})


def record(name, values):
    for key, value in values.items():
        value = np.ascontiguousarray(np.asarray(value))
        TENSORS[f"{name}/{key}"] = value.astype(np.uint8) if value.dtype == bool else value


def convolutions():
    def conv(strides=1, padding="SAME", dilations=1, activation=lambda x: x):
        return lambda x, w, b: activation(tf.nn.conv2d(x, w, strides, padding, dilations=dilations) + b)

    x, b = normal(2, 9, 8, 6), normal(10)
    case("conv_same", conv(), x=x, w=normal(3, 3, 6, 10), b=b)
    case("conv_same_even_stride", conv(strides=2), x=x, w=normal(3, 3, 6, 10), b=b)
    case("conv_valid_wide", conv(strides=[2, 3], padding="VALID"), x=x, w=normal(2, 4, 6, 10), b=b)
    case("conv_dilated", conv(dilations=[2, 1]), x=x, w=normal(3, 2, 6, 10), b=b)
    case("conv_explicit", conv(2, [[0, 0], [1, 2], [0, 3], [0, 0]]), x=x, w=normal(3, 3, 6, 10), b=b)
    case("conv_grouped", conv(), x=x, w=normal(3, 3, 3, 10), b=b)
    case("conv_pointwise", conv(), x=x, w=normal(1, 1, 6, 10), b=b)
    case("conv_pointwise_stride", conv(2), x=x, w=normal(1, 1, 6, 10), b=b)
    case("conv_relu6", conv(activation=tf.nn.relu6), x=3 * x, w=normal(3, 3, 6, 10), b=b)
    case("conv_gelu", conv(activation=tf.nn.gelu), x=x, w=normal(1, 1, 6, 10), b=b)
    case("conv_silu", conv(activation=tf.nn.silu), x=x, w=normal(3, 3, 6, 10), b=b)

    def depthwise(strides=1, padding="SAME", dilations=(1, 1), activation=lambda x: x):
        strides = [1, strides, strides, 1]
        return lambda x, w, b: activation(tf.nn.depthwise_conv2d(x, w, strides, padding, dilations=dilations) + b)

    x = normal(2, 7, 6, 19)
    case("depthwise_same", depthwise(activation=tf.nn.relu), x=x, w=normal(3, 3, 19, 1), b=normal(19))
    case("depthwise_stride", depthwise(2, activation=tf.nn.relu6), x=x, w=normal(3, 3, 19, 1), b=normal(19))
    case("depthwise_valid", depthwise(1, "VALID", activation=tf.nn.silu), x=x, w=normal(5, 2, 19, 1), b=normal(19))
    case("depthwise_dilated", depthwise(dilations=(2, 2)), x=x, w=normal(3, 3, 19, 1), b=normal(19))
    case("depthwise_multiplier", depthwise(), x=x, w=normal(3, 3, 19, 2), b=normal(38))

    def transpose(output, strides, padding):
        return lambda x, w: tf.nn.conv2d_transpose(x, w, [2, *output, 5], strides, padding)

    x, w = normal(2, 4, 3, 6), normal(3, 3, 5, 6)
    case("transpose_same", transpose([8, 6], 2, "SAME"), x=x, w=w)
    case("transpose_same_odd", transpose([7, 5], 2, "SAME"), x=x, w=w)
    case("transpose_valid", transpose([9, 7], 2, "VALID"), x=x, w=w)
    case("transpose_wide", transpose([4, 9], [1, 3], "VALID"), x=x, w=normal(1, 3, 5, 6))

    x, w = normal(2, 11, 4), normal(3, 4, 5)
    case("conv1d_same", lambda x, w: tf.nn.conv1d(x, w, 2, "SAME"), x=x, w=w)
    case("conv1d_dilated", lambda x, w: tf.nn.conv1d(x, w, 1, "VALID", dilations=3), x=x, w=w)
    case("transpose1d_same", lambda x, w: tf.nn.conv1d_transpose(x, w, [2, 33, 7], 3, "SAME"), x=x, w=normal(4, 7, 4))
    x, w = normal(2, 5, 4, 6, 3), normal(3, 2, 3, 3, 4)
    case("conv3d_same", lambda x, w: tf.nn.conv3d(x, w, [1, 2, 1, 2, 1], "SAME"), x=x, w=w)
    case("conv3d_valid", lambda x, w: tf.nn.conv3d(x, w, [1, 1, 1, 1, 1], "VALID"), x=x, w=w)


def normalisations():
    x, channels = 2 * normal(4, 5, 3, 7) + 1, 7
    weights = dict(weight=normal(channels), bias=normal(channels))
    mean, var = normal(channels), np.abs(normal(channels)) + 0.1

    def inference(x, weight, bias, mean, var):
        return tf.nn.relu(tf.nn.batch_normalization(x, mean, var, bias, weight, 1e-3))

    case("batch_norm", inference, x=x, **weights, mean=mean, var=var)

    def train(x, weight, bias):
        mean, var = tf.nn.moments(x, [0, 1, 2])
        return tf.nn.batch_normalization(x, mean, var, bias, weight, 1e-3)

    case("batch_norm_train", train, x=x, **weights)
    case("batch_norm_train_relu", lambda **k: tf.nn.relu(train(**k)), x=x, **weights)
    keras = tf.keras.layers.BatchNormalization(momentum=0.9)
    keras(x, training=True)
    record("batch_norm_train", {"moving_mean": keras.moving_mean.numpy(), "moving_var": keras.moving_variance.numpy()})
    fused = tf.compat.v1.nn.fused_batch_norm(x, weights["weight"], weights["bias"], mean, var, 1e-3, exponential_avg_factor=0.1)
    record("batch_norm_train", {"mean": mean, "var": var, "fused_mean": fused[1].numpy(), "fused_var": fused[2].numpy()})

    def layer_norm(x, weight, bias):
        mean, var = tf.nn.moments(x, [-1], keepdims=True)
        return tf.nn.batch_normalization(x, mean, var, bias, weight, 1e-3)

    case("layer_norm", layer_norm, x=x, **weights)
    case("layer_norm_plain", lambda x: layer_norm(x, None, None), x=x)
    case("layer_norm_bias", lambda x, bias: layer_norm(x, None, bias), x=x, bias=weights["bias"])
    rms = lambda x, weight: x * tf.math.rsqrt(tf.reduce_mean(x * x, -1, keepdims=True) + 1e-6) * weight
    case("rms_norm", rms, x=x, weight=weights["weight"])
    x = normal(2, 4, 3, 6)
    weight, bias = normal(6), normal(6)

    def group_norm(x, weight, bias):
        grouped = tf.reshape(x, [2, 4, 3, 3, 2])
        mean, var = tf.nn.moments(grouped, [1, 2, 4], keepdims=True)
        return tf.reshape((grouped - mean) * tf.math.rsqrt(var + 1e-3), x.shape) * weight + bias

    case("group_norm", group_norm, x=x, weight=weight, bias=bias)
    x = 4 * normal(3, 5, 11)
    case("softmax", lambda x: tf.nn.softmax(x), x=x)
    case("softmax_axis1", lambda x: tf.nn.softmax(x, axis=1), x=x)
    case("log_softmax", lambda x: tf.nn.log_softmax(x), x=x)
    case("log_softmax_axis1", lambda x: tf.nn.log_softmax(x, axis=1), x=x)
    case("logsumexp", lambda x: tf.reduce_logsumexp(x, axis=-1), x=x)


def activations():
    x = np.concatenate([np.linspace(-9, 9, 91), [-100, -30, -1e-4, 0, 1e-4, 30, 100]]).astype(np.float32)
    functions = dict(
        relu=tf.nn.relu, relu6=tf.nn.relu6, selu=tf.nn.selu, elu=lambda x: tf.where(x > 0, x, 0.7 * tf.math.expm1(x)),
        leaky_relu=lambda x: tf.nn.leaky_relu(x, 0.3), gelu=tf.nn.gelu, gelu_tanh=lambda x: tf.nn.gelu(x, True),
        silu=tf.nn.silu, sigmoid=tf.sigmoid, tanh=tf.tanh, softplus=tf.nn.softplus, softsign=tf.nn.softsign,
        hard_sigmoid=lambda x: tf.nn.relu6(x + 3) / 6, hard_silu=lambda x: x * tf.nn.relu6(x + 3) / 6,
        mish=lambda x: x * tf.tanh(tf.nn.softplus(x)))
    for name, function in functions.items():
        case(f"activation_{name}", function, x=x)
    case("activation_exp", tf.exp, x=np.linspace(-20, 20, 81).astype(np.float32))


def pools():
    x = normal(2, 9, 8, 5)
    for kind, function in (("max", tf.nn.max_pool2d), ("avg", tf.nn.avg_pool2d)):
        case(f"{kind}_pool_same", lambda x: function(x, 3, 2, "SAME"), x=x)
        case(f"{kind}_pool_valid", lambda x: function(x, [2, 3], [1, 2], "VALID"), x=x)
    x = np.round(normal(2, 6, 6, 3))
    case("max_pool_ties", lambda x: tf.nn.max_pool2d(x, 3, 1, "SAME"), x=x)
    case("max_pool1d", lambda x: tf.nn.max_pool1d(x, 3, 2, "SAME"), x=normal(2, 7, 3))
    x = normal(2, 5, 4, 6, 3)
    case("max_pool3d", lambda x: tf.nn.max_pool3d(x, 2, 2, "SAME"), x=x)
    case("avg_pool3d", lambda x: tf.nn.avg_pool3d(x, [2, 3, 2], [2, 1, 2], "SAME"), x=x)


def main():
    for group in (convolutions, normalisations, activations, pools):
        group()
    path = pathlib.Path(__file__).parent.parent / "codegen-templates/candle/tests/goldens.safetensors"
    save_file(TENSORS, path)
    print(f"{len(TENSORS)} tensors, {path.stat().st_size // 1024} KiB")


main()
