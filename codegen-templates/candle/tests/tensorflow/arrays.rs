use crate::{Case, check, check_layer, close};
use candle_core::{DType, Device, Result, Tensor};
use savedmodel_import_candle_support::activation::Activation;
use savedmodel_import_candle_support::add::add;
use savedmodel_import_candle_support::cumulative::{cumprod, cumsum};
use savedmodel_import_candle_support::gather::*;
use savedmodel_import_candle_support::kernels::foreign;
use savedmodel_import_candle_support::linear::linear_op;
use savedmodel_import_candle_support::matmul::matmul;
use savedmodel_import_candle_support::pad::{PadMode, pad, reverse, slice};
use savedmodel_import_candle_support::reduce;
use savedmodel_import_candle_support::resize::*;
use savedmodel_import_candle_support::string_tensor::StringTensor;

type Reduction = fn(&Tensor, &[usize], bool) -> Result<Tensor>;

/// A case without gradients, whose results are integers.
fn exact(name: &'static str, function: impl Fn(&Case) -> Result<Tensor>) -> Result<()> {
    let case = Case::load(name, DType::F32)?;
    let run = || close(name, &function(&case)?, case.get("y"), 0.0);
    run()?;
    foreign(run)
}

#[test]
fn reductions_and_their_gradients_are_tensorflows() -> Result<()> {
    let reductions: [([&str; 3], Reduction); 5] = [
        (
            ["reduce_sum", "reduce_sum_keep", "reduce_sum_integer"],
            reduce::sum,
        ),
        (
            ["reduce_mean", "reduce_mean_keep", "reduce_mean_integer"],
            reduce::mean,
        ),
        (
            ["reduce_max", "reduce_max_keep", "reduce_max_integer"],
            reduce::max,
        ),
        (
            ["reduce_min", "reduce_min_keep", "reduce_min_integer"],
            reduce::min,
        ),
        (
            ["reduce_prod", "reduce_prod_keep", "reduce_prod_integer"],
            reduce::prod,
        ),
    ];
    for ([several, keep, integer], reduction) in reductions {
        check(several, |case| reduction(case.get("x"), &[0, 2], false))?;
        check(keep, |case| reduction(case.get("x"), &[1], true))?;
        exact(integer, |case| reduction(case.get("x"), &[0, 2], false))?;
    }
    exact("reduce_all", |case| {
        reduce::all(case.get("x"), &[0, 2], false)
    })?;
    exact("reduce_any", |case| reduce::any(case.get("x"), &[0], true))?;
    exact("argmax", |case| reduce::argmax(case.get("x"), 1))?;
    exact("argmin", |case| reduce::argmin(case.get("x"), 2))
}

#[test]
fn running_sums_and_products_are_tensorflows() -> Result<()> {
    check("cumsum", |case| cumsum(case.get("x"), 1, false, false))?;
    check("cumsum_exclusive", |case| {
        cumsum(case.get("x"), 1, true, false)
    })?;
    check("cumsum_reverse", |case| {
        cumsum(case.get("x"), 1, false, true)
    })?;
    check("cumsum_exclusive_reverse", |case| {
        cumsum(case.get("x"), 1, true, true)
    })?;
    check("cumprod", |case| cumprod(case.get("x"), 1, false, false))?;
    check("cumprod_exclusive", |case| {
        cumprod(case.get("x"), 1, true, false)
    })?;
    check("cumprod_reverse", |case| {
        cumprod(case.get("x"), 1, false, true)
    })?;
    check("cumprod_exclusive_reverse", |case| {
        cumprod(case.get("x"), 1, true, true)
    })
}

#[test]
fn picking_and_placing_by_index_is_tensorflows() -> Result<()> {
    check("gather", |case| {
        gather(case.get("x"), case.get("ids"), 2, 0)
    })?;
    check("gather_batch", |case| {
        gather(case.get("x"), case.get("ids"), 2, 1)
    })?;
    check("gather_scalar", |case| {
        gather(case.get("x"), case.get("ids"), 1, 0)
    })?;
    check("gather_nd", |case| {
        gather_nd(case.get("x"), case.get("ids"), 0)
    })?;
    check("gather_nd_batch", |case| {
        gather_nd(case.get("x"), case.get("ids"), 1)
    })?;
    check("scatter_nd", |case| {
        scatter_nd(case.get("ids"), case.get("x"), &[4, 2])
    })?;
    check("scatter_add", |case| {
        tensor_scatter_add(case.get("x"), case.get("ids"), case.get("updates"))
    })?;
    exact("one_hot", |case| {
        let (on, off) = (
            Tensor::new(2.5f32, &Device::Cpu)?,
            Tensor::new(-1f32, &Device::Cpu)?,
        );
        one_hot(&case.get("ids").to_dtype(DType::I32)?, 4, &on, &off, 1)
    })?;
    check("top_k", |case| Ok(top_k(case.get("x"), 4)?.0))?;
    let case = Case::load("top_k", DType::F32)?;
    let run = || {
        let (_, ids) = top_k(case.get("x"), 4)?;
        close("top_k/ids", &ids, case.get("ids"), 0.0)
    };
    run()?;
    foreign(run)
}

#[test]
fn a_device_takes_an_index_out_of_range_for_zeros() -> Result<()> {
    let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
    let ids = Tensor::new(&[[2i64], [1], [-1]], &Device::Cpu)?;
    foreign(|| {
        let picked = gather(&x, &ids.flatten_all()?, 0, 0)?.to_vec2::<f32>()?;
        assert_eq!(picked, [[0., 0.], [3., 4.], [0., 0.]]);
        assert_eq!(gather_nd(&x, &ids, 0)?.to_vec2::<f32>()?, picked);
        let rows = Tensor::ones((3, 2), DType::F32, &Device::Cpu)?;
        let placed = scatter_nd(&ids, &rows, &[2, 2])?.to_vec2::<f32>()?;
        assert_eq!(placed, [[0., 0.], [1., 1.]]);
        Ok(())
    })
}

#[test]
fn an_extreme_with_a_nan_is_a_nan() -> Result<()> {
    let x = Tensor::new(&[[1f32, f32::NAN, 3.], [1., 2., 3.]], &Device::Cpu)?;
    let run = || {
        for extreme in [reduce::max, reduce::min] {
            let y = extreme(&x, &[1], false)?.to_vec1::<f32>()?;
            assert_eq!((y[0].is_nan(), y[1].is_nan()), (true, false));
        }
        Ok(())
    };
    run()?;
    foreign(run)
}

#[test]
fn an_index_out_of_range_is_an_error() -> Result<()> {
    let x = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
    for index in [-1i64, 3] {
        let error = gather(&x, &Tensor::new(&[index], &Device::Cpu)?, 1, 0).unwrap_err();
        assert!(error.to_string().contains("not within 0..3"), "{error}");
    }
    Ok(())
}

#[test]
fn padding_and_slicing_are_tensorflows() -> Result<()> {
    let widths = [(2, 1), (0, 3)];
    check("pad_constant", |case| {
        let value = Tensor::new(0.5f32, &Device::Cpu)?.to_dtype(case.get("x").dtype())?;
        pad(case.get("x"), &widths, PadMode::Constant(&value))
    })?;
    check("pad_reflect", |case| {
        pad(case.get("x"), &widths, PadMode::Reflect)
    })?;
    check("pad_symmetric", |case| {
        pad(case.get("x"), &widths, PadMode::Symmetric)
    })?;
    check("slice", |case| {
        slice(&slice(case.get("x"), 0, 1, 2, 2)?, 1, 0, 2, 3)
    })
}

#[test]
fn matrix_products_and_their_gradients_are_tensorflows() -> Result<()> {
    for name in ["matmul", "matmul_broadcast", "matmul_rank2"] {
        check(name, |case| matmul(case.get("a"), case.get("b")))?;
    }
    check("matmul_views", |case| {
        matmul(
            &case.get("a").transpose(1, 2)?,
            &case.get("b").permute((0, 2, 3, 1))?,
        )
    })?;
    exact("matmul_integer", |case| {
        matmul(case.get("a"), case.get("b"))
    })
}

#[test]
fn dense_layers_and_their_gradients_are_tensorflows() -> Result<()> {
    let layers = [
        ("linear", Activation::Linear),
        ("linear_gelu", Activation::Gelu),
        ("linear_relu", Activation::Relu),
        ("linear_rows", Activation::Relu),
    ];
    for (name, activation) in layers {
        check_layer(name, activation, |case| {
            linear_op(
                case.get("x"),
                case.get("w"),
                Some(case.get("b")),
                activation,
            )
        })?;
    }
    Ok(())
}

#[test]
fn resizing_and_its_gradient_are_tensorflows() -> Result<()> {
    let cases = [
        (
            [
                "resize_nearest_8_legacy",
                "resize_bilinear_8_legacy",
                "resize_bicubic_8_legacy",
            ],
            [8, 11],
            Sampling::Legacy,
        ),
        (
            [
                "resize_nearest_3_legacy",
                "resize_bilinear_3_legacy",
                "resize_bicubic_3_legacy",
            ],
            [3, 2],
            Sampling::Legacy,
        ),
        (
            [
                "resize_nearest_8_half_pixel",
                "resize_bilinear_8_half_pixel",
                "resize_bicubic_8_half_pixel",
            ],
            [8, 11],
            Sampling::HalfPixel,
        ),
        (
            [
                "resize_nearest_3_half_pixel",
                "resize_bilinear_3_half_pixel",
                "resize_bicubic_3_half_pixel",
            ],
            [3, 2],
            Sampling::HalfPixel,
        ),
        (
            [
                "resize_nearest_8_align_corners",
                "resize_bilinear_8_align_corners",
                "resize_bicubic_8_align_corners",
            ],
            [8, 11],
            Sampling::AlignCorners,
        ),
        (
            [
                "resize_nearest_3_align_corners",
                "resize_bilinear_3_align_corners",
                "resize_bicubic_3_align_corners",
            ],
            [3, 2],
            Sampling::AlignCorners,
        ),
    ];
    for ([nearest, bilinear, bicubic], size, sampling) in cases {
        check(nearest, |case| {
            resize_nearest(case.get("x"), size, sampling)
        })?;
        check(bilinear, |case| {
            resize_bilinear(case.get("x"), size, sampling)
        })?;
        check(bicubic, |case| {
            resize_bicubic(case.get("x"), size, sampling)
        })?;
    }
    Ok(())
}

#[test]
fn a_string_tensor_holds_as_many_strings_as_its_shape_says() -> Result<()> {
    let tensor = StringTensor::new(vec![2, 1], vec![b"a".to_vec(), b"b".to_vec()])?;
    assert_eq!((tensor.shape(), tensor.data().len()), (&[2, 1][..], 2));
    assert!(StringTensor::new(vec![3], vec![]).is_err());
    assert!(StringTensor::new(vec![usize::MAX, 2], vec![]).is_err());
    Ok(())
}

#[test]
fn residual_sums_and_their_gradients_are_tensorflows() -> Result<()> {
    check("add", |case| {
        add(case.get("a"), case.get("b"), Activation::Linear)
    })?;
    check("add_relu", |case| {
        add(case.get("a"), case.get("b"), Activation::Relu)
    })?;
    check("add_silu", |case| {
        add(case.get("a"), case.get("b"), Activation::Silu)
    })
}

#[test]
fn sums_and_means_over_neighbouring_axes_are_tensorflows() -> Result<()> {
    check("sum_run", |case| reduce::sum(case.get("x"), &[1, 2], false))?;
    check("mean_run", |case| {
        reduce::mean(case.get("x"), &[1, 2], true)
    })?;
    check("mean_last", |case| {
        reduce::mean(case.get("x"), &[2, 3], false)
    })
}

#[test]
fn views_are_sliced_mirrored_and_reversed() -> Result<()> {
    let x = Tensor::arange(0u32, 6, &Device::Cpu)?
        .reshape((2, 3))?
        .t()?;
    assert_eq!(slice(&x, 0, 0, 2, 2)?.to_vec2::<u32>()?, [[0, 3], [2, 5]]);
    assert_eq!(
        reverse(&x, &[0, 1])?.to_vec2::<u32>()?,
        [[5, 2], [4, 1], [3, 0]]
    );
    let mirrored = pad(&x, &[(0, 0), (1, 0)], PadMode::Reflect)?;
    assert_eq!(
        mirrored.to_vec2::<u32>()?,
        [[3, 0, 3], [4, 1, 4], [5, 2, 5]]
    );
    Ok(())
}
