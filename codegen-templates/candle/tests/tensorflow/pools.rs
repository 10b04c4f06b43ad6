use crate::check;
use candle_core::Result;
use savedmodel_import_candle_support::padding::Padding;
use savedmodel_import_candle_support::pool::*;

#[test]
fn pools_and_their_gradients_are_tensorflows() -> Result<()> {
    check("max_pool_same", |case| {
        max_pool2d(case.get("x"), [3, 3], [2, 2], Padding::Same)
    })?;
    check("max_pool_valid", |case| {
        max_pool2d(case.get("x"), [2, 3], [1, 2], Padding::Valid)
    })?;
    check("avg_pool_same", |case| {
        avg_pool2d(case.get("x"), [3, 3], [2, 2], Padding::Same)
    })?;
    check("avg_pool_valid", |case| {
        avg_pool2d(case.get("x"), [2, 3], [1, 2], Padding::Valid)
    })?;
    check("max_pool1d", |case| {
        max_pool1d(case.get("x"), 3, 2, Padding::Same)
    })?;
    check("max_pool3d", |case| {
        max_pool3d(case.get("x"), [2; 3], [2; 3], Padding::Same)
    })?;
    check("avg_pool3d", |case| {
        avg_pool3d(case.get("x"), [2, 3, 2], [2, 1, 2], Padding::Same)
    })
}

#[test]
fn the_first_of_equal_maxima_gets_the_gradient() -> Result<()> {
    check("max_pool_ties", |case| {
        max_pool2d(case.get("x"), [3, 3], [1, 1], Padding::Same)
    })
}
