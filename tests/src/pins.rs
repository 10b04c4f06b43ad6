//! Golden arguments of other extents than the signature declares: TensorFlow holds no caller to them.

use savedmodel_import::manifest::{Function, Manifest};
use savedmodel_import_tests_value::Values;

use crate::Result;
use crate::corpus::{Case, CaseKind, Subject};
use crate::npz;
use crate::plan::pair;

/// What `--input` has to say for the methods to be those that the golden calls of signatures need.
///
/// # Errors
/// The golden file cannot be read.
pub fn pins(subject: &Subject, manifest: &Manifest) -> Result<Vec<String>> {
    let golden = npz::read(&subject.golden)?;
    let mut pins = vec![];
    let calls = subject.cases.iter();
    for case in calls.filter(|case| case.kind == CaseKind::Signature) {
        let path = format!("signatures/{}", case.name);
        let function = manifest.functions.iter().find(|f| f.path == path);
        pins.extend(function.into_iter().flat_map(|f| of_call(case, f, &golden)));
    }
    pins.sort();
    pins.dedup();
    Ok(pins)
}

fn of_call(case: &Case, function: &Function, golden: &Values) -> Vec<String> {
    let labels: Vec<&str> = case.inputs.iter().map(|input| input.0.as_str()).collect();
    let names = function.inputs.iter().map(|input| input.name.as_str());
    let Ok(places) = pair(&labels, &names.collect::<Vec<_>>()) else {
        return vec![];
    };
    let contradiction = |(place, (_, key, _)): (usize, &(String, String, String))| {
        let input = &function.inputs[place];
        let (own, given) = (input.shape.as_ref()?, &golden.get(key)?.shape);
        let mut pairs = own.iter().zip(given);
        let differs = pairs.any(|(own, &given)| own.is_some_and(|own| own != given as u64));
        let extents: Vec<String> = given.iter().map(ToString::to_string).collect();
        let pin = format!("{}={}[{}]", input.name, input.dtype, extents.join(","));
        (differs && own.len() == given.len()).then_some(pin)
    };
    let given = places.into_iter().zip(&case.inputs);
    given.filter_map(contradiction).collect()
}
