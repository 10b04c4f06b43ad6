//! Which variables of a map are trained, and new values for variables.

use std::collections::{BTreeMap, HashMap};

use candle_core::{Error, Result, Tensor, Var};
use candle_nn::VarMap;

/// The variables in the order of their keys, without moving statistics and without those under `frozen` keys.
pub fn trainable(vars: &VarMap, frozen: &[&str]) -> Vec<Var> {
    let statistics = ["running_mean", "running_var"];
    let is_trained =
        |key: &str| !frozen.contains(&key) && !statistics.iter().any(|end| key.ends_with(end));
    let Ok(data) = vars.data().lock() else {
        return Vec::new();
    };
    let mut named: Vec<_> = data.iter().filter(|(key, _)| is_trained(key)).collect();
    named.sort_by_key(|(key, _)| key.as_str());
    named.into_iter().map(|(_, var)| var.clone()).collect()
}

/// The same tensors as variables of `vars`: those that are there get the values, the others are new.
///
/// # Errors
/// When a variable that is there has another shape.
pub fn variables(
    vars: &VarMap,
    tensors: HashMap<String, Tensor>,
) -> Result<HashMap<String, Tensor>> {
    let mut data = match vars.data().lock() {
        Ok(data) => data,
        Err(_) => return Err(Error::Msg("the variables are poisoned".into())),
    };
    let mut variables = HashMap::with_capacity(tensors.len());
    let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
    for (name, tensor) in tensors {
        let variable = match data.get(&name) {
            Some(variable) => {
                variable.set(&tensor.to_dtype(variable.dtype())?)?;
                variable.clone()
            }
            None => Var::from_tensor(&tensor)?,
        };
        variables.insert(name.clone(), variable.as_tensor().clone());
        data.insert(name, variable);
    }
    Ok(variables)
}

/// Gives a variable of a model a new value; in place where it is one of a map, so that the map has it too.
///
/// # Errors
/// When the value has another shape or element type than one of a map.
pub fn assign(variable: &mut Tensor, value: &Tensor) -> Result<()> {
    match variable.is_variable() {
        true => Var::from_tensor(variable)?.set(&value.detach()),
        false => {
            *variable = value.detach();
            Ok(())
        }
    }
}
