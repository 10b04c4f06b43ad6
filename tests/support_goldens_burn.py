"""Writes the golden numbers of the burn support code: `support_goldens_burn.py OUT.safetensors`.

TensorFlow 2.21. Keys are `case/name`; inputs and gradients are in TensorFlow's layouts.
"""

import json
import sys

import numpy as np
import tensorflow as tf

GOLDENS = {}
RNG = np.random.default_rng(7)


def save(path):
    """Writes the safetensors format: the header's length, the header, the data."""
    names = {"float32": "F32", "int64": "I64"}
    header, offset = {}, 0
    for key, value in GOLDENS.items():
        end = offset + value.nbytes
        header[key] = {"dtype": names[value.dtype.name], "shape": value.shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in GOLDENS.values():
            file.write(value.tobytes())


def uniform(*shape):
    return tf.Variable(RNG.uniform(-1, 1, shape).astype(np.float32))


def weights(y):
    """The gradient that flows into `y`: every element its own number."""
    count = int(np.prod(y.shape))
    return tf.reshape(tf.cos(tf.range(count, dtype=tf.float32)), y.shape)


def put(case, **tensors):
    for name, value in tensors.items():
        value = np.asarray(value)
        GOLDENS[f"{case}/{name}"] = np.ascontiguousarray(value if value.ndim else value[None])


def golden(case, function, **inputs):
    """Records the inputs, the output and the gradient of each float input."""
    with tf.GradientTape() as tape:
        y = function(**inputs)
        loss = tf.reduce_sum(y * weights(y)) if y.dtype == tf.float32 else None
    put(case, out=y, **inputs)
    if loss is None:
        return
    variables = {k: v for k, v in inputs.items() if isinstance(v, tf.Variable)}
    gradients = tape.gradient(loss, list(variables.values()))
    put(case, **{f"d_{k}": tf.convert_to_tensor(g) for k, g in zip(variables, gradients) if g is not None})


def convolutions():
    for name, kernel, stride, dilation, padding in [
        ("conv2d_same_stride2", 3, 2, 1, "SAME"),
        ("conv2d_same_even", 4, 1, 1, "SAME"),
        ("conv2d_dilated", 3, 1, 2, "SAME"),
        ("conv2d_dilated_stride", 3, 2, 2, "SAME"),
        ("conv2d_explicit", 3, 2, 1, [[0, 0], [0, 1], [2, 1], [0, 0]]),
    ]:
        golden(
            name,
            lambda x, w: tf.nn.conv2d(x, w, stride, padding, dilations=dilation),
            x=uniform(2, 7, 6, 3),
            w=uniform(kernel, kernel, 3, 4),
        )
    golden(
        "depthwise",
        lambda x, w: tf.nn.depthwise_conv2d(x, w, [1, 2, 2, 1], "SAME"),
        x=uniform(2, 6, 7, 3),
        w=uniform(3, 3, 3, 2),
    )
    golden(
        "conv1d_dilated_stride",
        lambda x, w: tf.nn.conv1d(x, w, 1, "SAME", dilations=3),
        x=uniform(2, 9, 3),
        w=uniform(4, 3, 5),
    )
    golden(
        "conv3d_same",
        lambda x, w: tf.nn.conv3d(x, w, [1, 2, 1, 2, 1], "SAME"),
        x=uniform(1, 4, 5, 6, 2),
        w=uniform(3, 2, 2, 2, 3),
    )


def transposed_convolutions():
    for name, kernel, stride, padding, size in [
        ("transposed_same_k3s2", 3, 2, "SAME", [8, 10]),
        ("transposed_same_k3s2_odd", 3, 2, "SAME", [7, 9]),
        ("transposed_same_k4s2", 4, 2, "SAME", [8, 10]),
        ("transposed_same_k2s3", 2, 3, "SAME", [12, 15]),
        ("transposed_same_k5s1", 5, 1, "SAME", [4, 5]),
        ("transposed_valid_k3s2", 3, 2, "VALID", [9, 11]),
        ("transposed_valid_k3s2_longer", 3, 2, "VALID", [10, 12]),
        ("transposed_valid_k2s3", 2, 3, "VALID", [12, 15]),
    ]:
        golden(
            name,
            lambda x, w: tf.nn.conv2d_transpose(x, w, [2, *size, 3], stride, padding),
            x=uniform(2, 4, 5, 2),
            w=uniform(kernel, kernel, 3, 2),
        )
    golden(
        "transposed_1d",
        lambda x, w: tf.nn.conv1d_transpose(x, w, [2, 10, 3], 2, "SAME"),
        x=uniform(2, 5, 2),
        w=uniform(3, 3, 2),
    )
    golden(
        "transposed_3d",
        lambda x, w: tf.nn.conv3d_transpose(x, w, [1, 4, 6, 4, 3], 2, "SAME"),
        x=uniform(1, 2, 3, 2, 2),
        w=uniform(3, 3, 3, 3, 2),
    )


def pools():
    for name, function in [("max", tf.nn.max_pool), ("avg", tf.nn.avg_pool)]:
        golden(f"{name}_pool2d_same", lambda x: function(x, [3, 2], 2, "SAME"), x=uniform(2, 6, 7, 3))
        golden(f"{name}_pool1d_same", lambda x: function(x, 4, 3, "SAME"), x=uniform(2, 9, 3))
        golden(f"{name}_pool3d_same", lambda x: function(x, [2, 3, 2], [2, 2, 1], "SAME", "NDHWC"), x=uniform(2, 5, 6, 4, 3))
        golden(f"{name}_pool3d_valid", lambda x: function(x, 2, 2, "VALID", "NDHWC"), x=uniform(2, 5, 6, 4, 3))


def batch_norms():
    def layer(**options):
        norm = tf.keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3, **options)
        norm.build([None, None, None, 3])
        norm.set_weights([RNG.uniform(0.5, 2, w.shape).astype(np.float32) for w in norm.weights])
        return norm

    for training in [False, True]:
        for name, options in [("", {}), ("_bare", {"scale": False, "center": False})]:
            case = f"batch_norm{name}_{'train' if training else 'inference'}"
            norm = layer(**options)
            put(case, **{f"before_{w.name}": w.numpy() for w in norm.weights})
            x = uniform(2, 3, 4, 3)
            with tf.GradientTape() as tape:
                y = norm(x, training=training)
                loss = tf.reduce_sum(y * weights(y))
            variables = {"x": x} | {w.name: w.value for w in norm.trainable_weights}
            gradients = tape.gradient(loss, list(variables.values()))
            put(case, x=x, out=y, **{f"d_{k}": g for k, g in zip(variables, gradients)})
            put(case, **{f"after_{w.name}": w.numpy() for w in norm.weights})
    x, gamma, beta = uniform(2, 3, 4, 3), uniform(3), uniform(3)
    mean, variance = RNG.uniform(-1, 1, 3).astype(np.float32), RNG.uniform(0.5, 2, 3).astype(np.float32)
    y, new_mean, new_variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=mean, variance=variance, epsilon=1e-3,
        exponential_avg_factor=0.25, is_training=True,
    )
    put("batch_norm_fused", x=x, gamma=gamma, beta=beta, mean=mean, variance=variance, out=y,
        new_mean=new_mean, new_variance=new_variance)


def resizes():
    raw = tf.raw_ops
    for method, op in [("nearest", raw.ResizeNearestNeighbor), ("bilinear", raw.ResizeBilinear), ("bicubic", raw.ResizeBicubic)]:
        for sampling, options in [
            ("half_pixel", {"half_pixel_centers": True, "align_corners": False}),
            ("align_corners", {"half_pixel_centers": False, "align_corners": True}),
            ("top_left", {"half_pixel_centers": False, "align_corners": False}),
        ]:
            for direction, size in [("up", [9, 13]), ("down", [3, 2])]:
                golden(
                    f"resize_{method}_{sampling}_{direction}",
                    lambda x: op(images=x, size=size, **options),
                    x=uniform(2, 5, 6, 2),
                )


def indices():
    integers = lambda high, *shape: RNG.integers(0, high, shape).astype(np.int64)
    golden("gather_axis1", lambda x, i: tf.gather(x, i, axis=1), x=uniform(3, 4, 5), i=integers(4, 2, 3))
    golden("gather_batch1", lambda x, i: tf.gather(x, i, axis=1, batch_dims=1), x=uniform(3, 4, 5), i=integers(4, 3, 2))
    golden("gather_batch1_axis2", lambda x, i: tf.gather(x, i, axis=2, batch_dims=1), x=uniform(3, 4, 5), i=integers(5, 3, 2))
    golden("gather_nd", lambda x, i: tf.gather_nd(x, i), x=uniform(3, 4, 5), i=integers(3, 6, 2))
    golden("gather_nd_batch1", lambda x, i: tf.gather_nd(x, i, batch_dims=1), x=uniform(3, 4, 5, 2), i=integers(4, 3, 6, 2))
    golden("scatter_nd", lambda i, u: tf.scatter_nd(i, u, [4, 3]), i=integers(4, 6, 1), u=uniform(6, 3))
    x = np.array([[1, 3, 3, 2, 3], [5, 5, 1, 5, 0]], np.float32)
    values, positions = tf.math.top_k(x, 3)
    put("top_k", x=x, values=values, positions=positions.numpy().astype(np.int64))
    one_hot = tf.one_hot([[0, 2], [-1, 3]], 3, axis=1)
    put("one_hot", i=np.array([[0, 2], [-1, 3]], np.int64), out=one_hot)


def scans_and_pads():
    for name, function in [("cumsum", tf.cumsum), ("cumprod", tf.math.cumprod)]:
        for exclusive in [False, True]:
            for reverse in [False, True]:
                golden(
                    f"{name}_{int(exclusive)}{int(reverse)}",
                    lambda x: function(x, 1, exclusive=exclusive, reverse=reverse),
                    x=uniform(2, 4, 3),
                )
    for mode in ["REFLECT", "SYMMETRIC"]:
        golden(f"pad_{mode.lower()}", lambda x: tf.pad(x, [[0, 0], [2, 1], [1, 3]], mode), x=uniform(2, 3, 4))


def arithmetic():
    a, b = np.array([7, -7, 7, -7, 6, -6], np.int64), np.array([2, 2, -2, -2, 3, 3], np.int64)
    put("integers", a=a, b=b, floor_div=a // b, floor_mod=tf.math.floormod(a, b), truncate_mod=tf.raw_ops.TruncateMod(x=a, y=b))
    x = tf.Variable(np.array([-6, -2, -0.5, -1e-4, 0, 1e-4, 0.3, 0.6, 2, 4, 6], np.float32))
    golden("erfc", lambda x: tf.math.erfc(x), x=x)
    golden("expm1", lambda x: tf.math.expm1(x), x=x)
    for name, function in [("lgamma", tf.math.lgamma), ("digamma", tf.math.digamma)]:
        golden(name, lambda x: function(x), x=tf.Variable(np.array([-2.5, -0.3, 0.1, 0.5, 1, 2, 3.7, 30], np.float32)))
    golden("xdivy", lambda x, y: tf.math.xdivy(x, y), x=tf.Variable(np.array([1, 0, 3], np.float32)),
           y=tf.Variable(np.array([2, 0, 4], np.float32)))
    p, q = tf.Variable(np.array([1, 0, 3, 0], np.float32)), tf.Variable(np.array([2, 0, 0, 4], np.float32))
    golden("div_no_nan", lambda x, y: tf.math.divide_no_nan(x, y), x=p, y=q)
    golden("xlogy", lambda x, y: tf.math.xlogy(x, y), x=tf.Variable(np.array([1, 0, 3, 0], np.float32)),
           y=tf.Variable(np.array([2, 0, 0.5, 4], np.float32)))
    golden("pow", lambda x, y: x**y, x=tf.Variable(np.array([-2, -1.5, 0.5, 3], np.float32)), y=np.array([2, 3, -1, 0.5], np.float32))
    golden("floor_mod", lambda x, y: tf.math.floormod(x, y), x=tf.Variable(np.array([5.5, -5.5, 5.5, -5.5], np.float32)),
           y=tf.Variable(np.array([2, 2, -2, -2], np.float32)))
    golden("gelu_approximate", lambda x: tf.nn.gelu(x, approximate=True),
           x=tf.Variable(np.array([-30, -6, -2, -0.5, -1e-4, 0, 1e-4, 0.3, 2, 6, 30], np.float32)))


for section in [convolutions, transposed_convolutions, pools, batch_norms, resizes, indices, scans_and_pads, arithmetic]:
    section()
save(sys.argv[1])
