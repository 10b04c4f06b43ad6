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
        try:
            gradients = tape.gradient(y, floats, output_gradients=tf.constant(dy), unconnected_gradients="zero")
        except LookupError:  # TensorFlow does not differentiate the operation
            return
        gradients = {f"d_{key}": tf.convert_to_tensor(value).numpy() for key, value in gradients.items()}
        record(name, gradients | {"dy": dy})


def record(name, values):
    for key, value in values.items():
        value = np.array(value, order="C")
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

    strided = lambda x, w, b: tf.nn.depthwise_conv2d(x[:, None], w[None], [1, 2, 2, 1], "SAME")[:, 0] + b
    case("depthwise1d", strided, x=normal(2, 9, 5), w=normal(3, 5, 2), b=normal(10))

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
        relu=tf.nn.relu, relu6=tf.nn.relu6, selu=tf.nn.selu, elu=lambda x: tf.where(x > 0, x, 0.7 * tf.math.expm1(tf.minimum(x, 0))),
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


def functions():
    wide, unit = np.linspace(-3.3, 3.3, 23).astype(np.float32), np.linspace(-0.97, 0.97, 15).astype(np.float32)
    positive = np.linspace(0.05, 20, 25).astype(np.float32)
    for name, function, x in (
        ("expm1", tf.math.expm1, wide), ("log1p", tf.math.log1p, unit), ("tan", tf.tan, unit), ("asin", tf.asin, unit),
        ("acos", tf.acos, unit), ("atan", tf.atan, wide), ("sinh", tf.sinh, wide), ("cosh", tf.cosh, wide),
        ("asinh", tf.asinh, wide), ("acosh", tf.acosh, positive + 1), ("atanh", tf.atanh, unit), ("erf", tf.math.erf, wide),
        ("erfc", tf.math.erfc, wide), ("lgamma", tf.math.lgamma, np.concatenate([positive, unit * 3 + 0.013])),
        ("digamma", tf.math.digamma, positive), ("log_sigmoid", tf.math.log_sigmoid, wide * 5), ("rsqrt", tf.math.rsqrt, positive),
        ("abs", tf.abs, np.array([-2, 0, 3], np.float32)), ("square", tf.square, wide),
        ("clamp", lambda x: tf.clip_by_value(x, -1.5, 0.5), np.array([-2, -1.5, 0, 0.5, 3], np.float32)),
    ):
        case(f"math_{name}", function, x=x)
    halves = np.array([-2.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5, 2.51], np.float32)
    for name, function in (("round", tf.round), ("floor", tf.floor), ("ceil", tf.math.ceil), ("sign", tf.sign)):
        case(f"math_{name}", function, x=halves)
    integers = np.array([-7, -1, 0, 3, 8])
    for name, function in (("neg", tf.negative), ("abs", tf.abs), ("sign", tf.sign), ("square", tf.square)):
        case(f"integer_{name}", function, x=integers)


def binary_functions():
    x, y = normal(4, 3), normal(2, 1, 3)
    x[0, 0], y[0, 0, 0] = 2, 2
    zeros = np.where(np.abs(y) > 1, 0, y)
    pairs = {
        "maximum": (tf.maximum, x, y), "minimum": (tf.minimum, x, y), "atan2": (tf.atan2, x, y), "floor_mod": (tf.math.floormod, x, y),
        "floor_div": (tf.math.floordiv, x, y), "trunc_mod": (tf.truncatemod, x, y), "pow": (tf.pow, np.abs(x), y),
        "div_no_nan": (tf.math.divide_no_nan, x, zeros), "xlogy": (tf.math.xlogy, np.where(x < 0, 0, x), np.abs(y)),
        "xdivy": (tf.math.xdivy, np.where(x < 0, 0, x), y)}
    for name, (function, x, y) in pairs.items():
        case(f"binary_{name}", lambda a, b: function(a, b), a=np.float32(x), b=np.float32(y))
    case("binary_pow_negative", lambda a, b: tf.pow(a, b), a=np.float32([-2, -1.5, 3]), b=np.float32([3, 2, -1]))
    x, y = np.array([[7, -7, 5, -9]]), np.array([[2], [-3]])
    pairs = {
        "div": tf.truncatediv, "floor_div": tf.math.floordiv, "floor_mod": tf.math.floormod, "trunc_mod": tf.truncatemod,
        "maximum": tf.maximum, "minimum": tf.minimum, "bitwise_and": tf.bitwise.bitwise_and, "bitwise_or": tf.bitwise.bitwise_or,
        "bitwise_xor": tf.bitwise.bitwise_xor}
    for name, function in pairs.items():
        case(f"integer_{name}", lambda a, b: function(a, b), a=x, b=y)
    case("integer_shift_left", lambda a, b: tf.bitwise.left_shift(a, b), a=x, b=np.abs(y))
    case("integer_shift_right", lambda a, b: tf.bitwise.right_shift(a, b), a=x, b=np.abs(y))
    case("integer_pow", lambda a, b: tf.pow(a, b), a=x, b=np.abs(y))
    select = lambda c, a, b: tf.where(tf.cast(c, tf.bool), a, b)
    case("select", select, c=np.array([[True], [False]]), a=normal(3), b=normal(2, 3))


def reductions():
    x = np.round(normal(3, 4, 5), 1)
    for name, function in (("sum", tf.reduce_sum), ("mean", tf.reduce_mean), ("max", tf.reduce_max), ("min", tf.reduce_min),
                           ("prod", tf.reduce_prod)):
        case(f"reduce_{name}", lambda x: function(x, [0, 2]), x=x)
        case(f"reduce_{name}_keep", lambda x: function(x, [1], True), x=x)
        case(f"reduce_{name}_integer", lambda x: function(x, [0, 2]), x=np.int64(np.round(5 * x[:2, :3, :2])))
    truth = x > -1
    case("reduce_all", lambda x: tf.reduce_all(tf.cast(x, tf.bool), [0, 2]), x=truth)
    case("reduce_any", lambda x: tf.reduce_any(tf.cast(x, tf.bool), [0], True), x=x > 1)
    case("argmax", lambda x: tf.argmax(x, 1), x=x)
    case("argmin", lambda x: tf.argmin(x, 2), x=x)
    for exclusive in (False, True):
        for reverse in (False, True):
            name = f"{'_exclusive' if exclusive else ''}{'_reverse' if reverse else ''}"
            case(f"cumsum{name}", lambda x: tf.cumsum(x, 1, exclusive, reverse), x=x)
            case(f"cumprod{name}", lambda x: tf.math.cumprod(x, 1, exclusive, reverse), x=normal(3, 4, 2))


def indexing():
    x = normal(2, 3, 4, 5)
    ids = np.array([[3, 0, 3], [1, 2, 0]])
    case("gather", lambda x, ids: tf.gather(x, ids, axis=2), x=x, ids=ids)
    case("gather_batch", lambda x, ids: tf.gather(x, ids, axis=2, batch_dims=1), x=x, ids=ids)
    case("gather_scalar", lambda x, ids: tf.gather(x, ids, axis=1), x=x, ids=np.array(2))
    case("gather_nd", lambda x, ids: tf.gather_nd(x, ids), x=x, ids=np.array([[1, 2], [0, 0], [1, 2]]))
    case("gather_nd_batch", lambda x, ids: tf.gather_nd(x, ids, batch_dims=1), x=x, ids=np.array([[[1, 2], [0, 0]], [[2, 3], [1, 1]]]))
    ids = np.array([[1], [3], [1]])
    case("scatter_nd", lambda x, ids: tf.scatter_nd(ids, x, [4, 2]), x=normal(3, 2), ids=ids)
    case("scatter_add", lambda x, ids, updates: tf.tensor_scatter_nd_add(x, ids, updates), x=normal(4, 2), ids=ids, updates=normal(3, 2))
    case("one_hot", lambda ids: tf.one_hot(ids, 4, 2.5, -1.0, axis=1), ids=np.array([[1, 5, 0], [3, -1, 2]]))
    x = np.round(normal(2, 3, 7))
    case("top_k", lambda x: tf.math.top_k(x, 4).values, x=x)
    record("top_k", {"ids": np.int64(tf.math.top_k(x, 4).indices)})
    x = normal(4, 5)
    for mode in ("CONSTANT", "REFLECT", "SYMMETRIC"):
        case(f"pad_{mode.lower()}", lambda x: tf.pad(x, [[2, 1], [0, 3]], mode, 0.5), x=x)
    case("slice", lambda x: x[1:4:2, ::3], x=x)


def products():
    case("matmul", lambda a, b: a @ b, a=normal(4, 5), b=normal(5, 3))
    case("matmul_broadcast", lambda a, b: a @ b, a=normal(2, 1, 4, 5), b=normal(3, 5, 3))
    case("matmul_rank2", lambda a, b: tf.tensordot(a, b, 1), a=normal(2, 3, 4, 5), b=normal(5, 3))
    case("matmul_views", lambda a, b: tf.transpose(a, [0, 2, 1, 3]) @ tf.transpose(b, [0, 2, 3, 1]), a=normal(2, 4, 3, 5), b=normal(2, 6, 3, 5))
    case("matmul_integer", lambda a, b: a @ b, a=np.arange(6).reshape(2, 3), b=np.arange(6).reshape(3, 2) - 2)
    dense = lambda x, w, b: tf.tensordot(x, tf.transpose(w), 1) + b
    case("linear", dense, x=normal(2, 3, 5), w=normal(7, 5), b=normal(7))
    case("linear_gelu", lambda x, w, b: tf.nn.gelu(dense(x, w, b)), x=normal(2, 5), w=normal(7, 5), b=normal(7))
    case("linear_relu", lambda x, w, b: tf.nn.relu(dense(x, w, b)), x=normal(2, 5), w=normal(7, 5), b=normal(7))


def rows():
    dense = lambda x, w, b: tf.nn.relu(tf.tensordot(x, tf.transpose(w), 1) + b)
    case("linear_rows", dense, x=normal(3, 27, 5), w=normal(21, 5), b=normal(21))


def sums():
    for name, activation in (("add", tf.identity), ("add_relu", tf.nn.relu), ("add_silu", tf.nn.silu)):
        case(name, lambda a, b: activation(a + b), a=normal(3, 7), b=normal(3, 7))
    x = normal(2, 3, 4, 18)
    case("sum_run", lambda x: tf.reduce_sum(x, [1, 2]), x=x)
    case("mean_run", lambda x: tf.reduce_mean(x, [1, 2], True), x=x)
    case("mean_last", lambda x: tf.reduce_mean(x, [2, 3]), x=x)


def resizes():
    x = normal(2, 5, 4, 3)
    raw = tf.raw_ops
    operations = {"nearest": raw.ResizeNearestNeighbor, "bilinear": raw.ResizeBilinear, "bicubic": raw.ResizeBicubic}
    for name, op in operations.items():
        for size in ([8, 11], [3, 2]):
            for sampling in ("legacy", "half_pixel", "align_corners"):
                arguments = dict(align_corners=sampling == "align_corners", half_pixel_centers=sampling == "half_pixel")
                case(f"resize_{name}_{size[0]}_{sampling}", lambda x: op(images=x, size=size, **arguments), x=x)


def low_slopes():
    x = np.float32([-1000, -200, -100, -89, -88, -87, -20, 0, 90])
    case("activation_sigmoid_low", tf.sigmoid, x=x)
    case("activation_silu_low", tf.nn.silu, x=x)


def main():
    for group in (convolutions, normalisations, activations, pools, functions, binary_functions, reductions, indexing, products, sums, resizes, rows, low_slopes):
        group()
    path = pathlib.Path(__file__).parent.parent / "codegen-templates/candle/tests/goldens.safetensors"
    save_file(TENSORS, path)
    print(f"{len(TENSORS)} tensors, {path.stat().st_size // 1024} KiB")


main()
