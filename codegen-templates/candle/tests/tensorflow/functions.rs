use crate::{Case, check, close};
use candle_core::{DType, Device, Result, Tensor};
use savedmodel_import_candle_support::kernels::foreign;
use savedmodel_import_candle_support::{binary, math};

type Unary = fn(&Tensor) -> Result<Tensor>;
type Binary = fn(&Tensor, &Tensor) -> Result<Tensor>;

/// A case of integers, in both of candle's wide integer types.
fn check_integers(
    name: &'static str,
    function: impl Fn(&dyn Fn(&str) -> Tensor) -> Result<Tensor>,
) -> Result<()> {
    let case = Case::load(name, DType::F32)?;
    for dtype in [DType::I64, DType::I32] {
        let get = |key: &str| case.get(key).to_dtype(dtype).expect("an integer tensor");
        let run = || {
            let y = function(&get)?;
            assert_eq!(y.dtype(), dtype, "{name}");
            close(name, &y, case.get("y"), 0.0)
        };
        run()?;
        foreign(run)?;
    }
    Ok(())
}

#[test]
fn functions_of_one_operand_and_their_slopes_are_tensorflows() -> Result<()> {
    let functions: [(&str, Unary); 23] = [
        ("math_expm1", math::expm1),
        ("math_log1p", math::log1p),
        ("math_tan", math::tan),
        ("math_asin", math::asin),
        ("math_acos", math::acos),
        ("math_atan", math::atan),
        ("math_sinh", math::sinh),
        ("math_cosh", math::cosh),
        ("math_asinh", math::asinh),
        ("math_acosh", math::acosh),
        ("math_atanh", math::atanh),
        ("math_erf", math::erf),
        ("math_erfc", math::erfc),
        ("math_lgamma", math::lgamma),
        ("math_digamma", math::digamma),
        ("math_log_sigmoid", math::log_sigmoid),
        ("math_rsqrt", math::rsqrt),
        ("math_abs", math::abs),
        ("math_square", math::square),
        ("math_round", math::round),
        ("math_floor", math::floor),
        ("math_ceil", math::ceil),
        ("math_sign", math::sign),
    ];
    for (name, function) in functions {
        check(name, |case| function(case.get("x")))?;
    }
    check("math_clamp", |case| math::clamp(case.get("x"), -1.5, 0.5))
}

#[test]
fn functions_of_integers_are_tensorflows() -> Result<()> {
    let functions: [(&str, Unary); 4] = [
        ("integer_neg", math::neg),
        ("integer_abs", math::abs),
        ("integer_sign", math::sign),
        ("integer_square", math::square),
    ];
    for (name, function) in functions {
        check_integers(name, |get| function(&get("x")))?;
    }
    let functions: [(&str, Binary); 12] = [
        ("integer_div", binary::div),
        ("integer_floor_div", binary::floor_div),
        ("integer_floor_mod", binary::floor_mod),
        ("integer_trunc_mod", binary::trunc_mod),
        ("integer_maximum", binary::maximum),
        ("integer_minimum", binary::minimum),
        ("integer_bitwise_and", binary::bitwise_and),
        ("integer_bitwise_or", binary::bitwise_or),
        ("integer_bitwise_xor", binary::bitwise_xor),
        ("integer_shift_left", binary::shift_left),
        ("integer_shift_right", binary::shift_right),
        ("integer_pow", binary::pow),
    ];
    for (name, function) in functions {
        check_integers(name, |get| function(&get("a"), &get("b")))?;
    }
    Ok(())
}

#[test]
fn functions_of_two_operands_and_their_slopes_are_tensorflows() -> Result<()> {
    let functions: [(&str, Binary); 11] = [
        ("binary_maximum", binary::maximum),
        ("binary_minimum", binary::minimum),
        ("binary_atan2", binary::atan2),
        ("binary_floor_mod", binary::floor_mod),
        ("binary_floor_div", binary::floor_div),
        ("binary_trunc_mod", binary::trunc_mod),
        ("binary_pow", binary::pow),
        ("binary_pow_negative", binary::pow),
        ("binary_div_no_nan", binary::div_no_nan),
        ("binary_xlogy", binary::xlogy),
        ("binary_xdivy", binary::xdivy),
    ];
    for (name, function) in functions {
        check(name, |case| function(case.get("a"), case.get("b")))?;
    }
    check("select", |case| {
        binary::select(case.get("c"), case.get("a"), case.get("b"))
    })
}

#[test]
fn functions_of_a_device_have_the_limits_of_those_of_the_cpu() -> Result<()> {
    const INF: f32 = f32::INFINITY;
    let x = Tensor::new(&[0f32, -0.5, 1.0, -2.0, 3.0, 1e30, INF, -INF], &Device::Cpu)?;
    let y = Tensor::new(&[0.5f32, 2.0, INF, -3.0, 0.0, 1.5, -1.0, 3.0], &Device::Cpu)?;
    let same = |name: &str, run: &dyn Fn() -> Result<Tensor>| {
        let (native, foreign) = (run()?.to_vec1::<f32>()?, foreign(run)?.to_vec1::<f32>()?);
        for (native, foreign) in native.into_iter().zip(foreign) {
            let equal = native == foreign || (native.is_nan() && foreign.is_nan());
            let close = (native - foreign).abs() <= 1e-5 * native.abs().max(1.0);
            assert!(equal || close, "{name}: {native} and {foreign}");
        }
        Ok::<_, candle_core::Error>(())
    };
    let unary: [(&str, Unary); 8] = [
        ("expm1", math::expm1),
        ("log1p", math::log1p),
        ("sinh", math::sinh),
        ("asinh", math::asinh),
        ("acosh", math::acosh),
        ("atan", math::atan),
        ("sqrt", math::sqrt),
        ("rsqrt", math::rsqrt),
    ];
    for (name, function) in unary {
        same(name, &|| function(&x))?;
    }
    let binary: [(&str, Binary); 4] = [
        ("pow", binary::pow),
        ("maximum", binary::maximum),
        ("minimum", binary::minimum),
        ("div_no_nan", binary::div_no_nan),
    ];
    for (name, function) in binary {
        same(name, &|| function(&x, &y))?;
        same(name, &|| function(&y, &x))?;
    }
    Ok(())
}

#[test]
fn truth_values_are_u8() -> Result<()> {
    let device = &Device::Cpu;
    let x = Tensor::new(&[f32::NAN, f32::INFINITY, -1.0], device)?;
    assert_eq!(math::is_nan(&x)?.to_vec1::<u8>()?, [1, 0, 0]);
    assert_eq!(math::is_inf(&x)?.to_vec1::<u8>()?, [0, 1, 0]);
    assert_eq!(math::is_finite(&x)?.to_vec1::<u8>()?, [0, 0, 1]);
    let (a, b) = (
        Tensor::new(&[0u8, 1], device)?,
        Tensor::new(&[[1u8], [0]], device)?,
    );
    assert_eq!(
        binary::logical_and(&a, &b)?.to_vec2::<u8>()?,
        [[0, 1], [0, 0]]
    );
    assert_eq!(
        binary::logical_or(&a, &b)?.to_vec2::<u8>()?,
        [[1, 1], [0, 1]]
    );
    assert_eq!(math::logical_not(&a)?.to_vec1::<u8>()?, [1, 0]);
    assert_eq!(
        math::to_bool(&Tensor::new(&[0i64, -3], device)?)?.to_vec1::<u8>()?,
        [0, 1]
    );
    Ok(())
}

#[test]
fn an_integer_division_by_zero_is_an_error() -> Result<()> {
    let (x, zero) = (
        Tensor::new(&[1i64], &Device::Cpu)?,
        Tensor::new(&[0i64], &Device::Cpu)?,
    );
    assert!(binary::div(&x, &zero).is_err());
    assert!(binary::floor_mod(&x, &zero).is_err());
    Ok(())
}

#[test]
fn a_range_is_an_arithmetic_progression() -> Result<()> {
    let scalar = |value: i64| Tensor::new(value, &Device::Cpu);
    let range = binary::range(&scalar(5)?, &scalar(-2)?, 3)?;
    assert_eq!(range.to_vec1::<i64>()?, [5, 3, 1]);
    Ok(())
}
