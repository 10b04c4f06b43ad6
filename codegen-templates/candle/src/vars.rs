//! Which variables of a map are trained.

use candle_core::Var;
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
