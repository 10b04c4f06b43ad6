//! Element-wise arithmetic, ours and burn's own where it is the same.

use crate::goldens::{Case, Leaf};
use savedmodel_import_burn_support::gamma::{digamma, lgamma};
use savedmodel_import_burn_support::math::{
    div_no_nan, erfc, expm1, floor_div, gelu_approximate, truncate_mod, xdivy, xlogy,
};

#[test]
fn integer_division_rounds_as_tensorflow_does() {
    let case = Case("integers");
    let (a, b) = (case.int::<1>("a"), case.int::<1>("b"));
    case.check_int("floor_div", floor_div(a.clone(), b.clone()));
    case.check_int("floor_mod", a.clone() % b.clone());
    case.check_int("truncate_mod", truncate_mod(a, b));
}

#[test]
fn functions_of_one_argument_are_tensorflows() {
    let case = Case("erfc");
    let x = case.float::<1>("x");
    case.check_all(erfc(x.clone()), &[&("x", &x)], 1e-6);
    let case = Case("expm1");
    let x = case.float::<1>("x");
    case.check_all(expm1(x.clone()), &[&("x", &x)], 1e-6);
    let case = Case("gelu_approximate");
    let x = case.float::<1>("x");
    case.check_all(gelu_approximate(x.clone()), &[&("x", &x)], 1e-6);
    let case = Case("lgamma");
    let x = case.float::<1>("x");
    case.check_all(lgamma(x.clone()), &[&("x", &x)], 1e-5);
    let case = Case("digamma");
    let x = case.float::<1>("x");
    case.check_all(digamma(x.clone()), &[&("x", &x)], 1e-5);
}

#[test]
fn quotients_and_logarithms_of_zero_have_gradients() {
    let case = Case("div_no_nan");
    let (x, y) = (case.float::<1>("x"), case.float::<1>("y"));
    let leaves: [&dyn Leaf; 2] = [&("x", &x), &("y", &y)];
    case.check_all(div_no_nan(x.clone(), y.clone()), &leaves, 1e-6);
    let case = Case("xlogy");
    let (x, y) = (case.float::<1>("x"), case.float::<1>("y"));
    let leaves: [&dyn Leaf; 2] = [&("x", &x), &("y", &y)];
    case.check_all(xlogy(x.clone(), y.clone()), &leaves, 1e-6);
    let case = Case("xdivy");
    let (x, y) = (case.float::<1>("x"), case.float::<1>("y"));
    let leaves: [&dyn Leaf; 2] = [&("x", &x), &("y", &y)];
    case.check_all(xdivy(x.clone(), y.clone()), &leaves, 1e-6);
}

#[test]
fn burns_own_power_takes_negative_bases() {
    let case = Case("pow");
    let x = case.float::<1>("x");
    let y = case.float::<1>("y").detach();
    case.check_all(x.clone().powf(y), &[&("x", &x)], 1e-5);
}

#[test]
fn burns_own_remainder_is_the_floor_modulus() {
    let case = Case("floor_mod");
    let (x, y) = (case.float::<1>("x"), case.float::<1>("y"));
    case.check_all(x.clone() % y.clone(), &[&("x", &x), &("y", &y)], 1e-6);
}
