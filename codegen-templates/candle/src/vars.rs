//! Which variables of a map are trained, and new values for variables.

use candle_core::{Result, Tensor, Var};
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
