//! New values for variables.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Init, VarMap};
use savedmodel_import_candle_support::vars::{assign, variables};
use std::collections::HashMap;

#[test]
fn loaded_tensors_fill_variables_that_are_there_and_make_others() -> Result<()> {
    let (vars, device) = (VarMap::new(), Device::Cpu);
    let field = vars.get(2, "v", Init::Const(1.0), DType::F32, &device)?;
    let tensor = Tensor::new(&[3f32, 4.0], &device)?;
    let tensors = HashMap::from(["v", "w"].map(|name| (name.to_owned(), tensor.clone())));
    let made = variables(&vars, tensors)?;
    assert_eq!(field.to_vec1::<f32>()?, [3.0, 4.0]);
    assert!(made.values().all(Tensor::is_variable));
    assert_eq!(vars.all_vars().len(), 2);
    Ok(())
}

#[test]
fn a_variable_of_a_map_is_assigned_in_the_map() -> Result<()> {
    let (vars, device) = (VarMap::new(), Device::Cpu);
    let mut field = vars.get(2, "v", Init::Const(1.0), DType::F32, &device)?;
    assign(&mut field, &Tensor::new(&[3f32, 4.0], &device)?)?;
    let of_map = vars.get(2, "v", Init::Const(0.0), DType::F32, &device)?;
    assert_eq!(field.to_vec1::<f32>()?, [3.0, 4.0]);
    assert_eq!(of_map.to_vec1::<f32>()?, [3.0, 4.0]);
    Ok(())
}

#[test]
fn a_loaded_variable_is_assigned_in_its_field() -> Result<()> {
    let device = Device::Cpu;
    let mut field = Tensor::new(1i64, &device)?;
    assign(&mut field, &Tensor::new(2i64, &device)?)?;
    assert_eq!(field.to_scalar::<i64>()?, 2);
    Ok(())
}
