//! New values for variables.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Int, Tensor};
use savedmodel_import_burn_support::vars::assign;

#[test]
fn an_assigned_variable_keeps_its_identity_and_its_gradients() {
    let device = Device::default().autodiff();
    let mut weight = Param::from_tensor(Tensor::<1>::from_data([1.0, 2.0], &device));
    let id = weight.id;
    let doubled = weight.val() * 2.0;
    assign(&mut weight, doubled);
    assert_eq!(
        weight.val().into_data().try_to_vec::<f32>().unwrap(),
        [2.0, 4.0]
    );
    assert!(weight.val().is_require_grad());
    assert_eq!(weight.id, id);
}

#[test]
fn an_assigned_statistic_has_no_gradients() {
    let device = Device::default().autodiff();
    let fixed = Param::from_tensor(Tensor::<1>::from_data([1.0], &device));
    let mut fixed = fixed.set_require_grad(false);
    let learnt = Tensor::<1>::from_data([3.0], &device).require_grad();
    assign(&mut fixed, learnt * 2.0);
    assert!(!fixed.val().is_require_grad());
}

#[test]
fn a_counter_is_assigned() {
    let device = Device::default();
    let one = Tensor::<1, Int>::from_data([1], &device);
    let mut count = Param::initialized(ParamId::new(), one.clone());
    let next = count.val() + one;
    assign(&mut count, next);
    assert_eq!(count.val().into_scalar::<i64>(), 2);
}
