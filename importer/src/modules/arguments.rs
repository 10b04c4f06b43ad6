//! What the methods of modules call their arguments: as those who call them do.

use super::body::Body;
use crate::ir::{DType, Type};
use crate::plan::Operand;
use crate::plan::ident::is_noun;
use std::collections::BTreeMap;

/// The names that callers have for what they give, by type and method; the first caller decides.
#[derive(Debug, Default)]
pub struct Arguments(BTreeMap<(usize, usize), Vec<String>>);

/// What says nothing of an argument.
const SAYS_NOTHING: [&str; 4] = ["x", "h", "constant", "shape"];

impl Arguments {
    /// A caller gives these operands to a method of a type.
    pub fn suggest(&mut self, ty: usize, method: usize, args: &[Operand]) {
        let names = || args.iter().map(|arg| arg.name.clone()).collect();
        self.0.entry((ty, method)).or_insert_with(names);
    }

    /// The names of a method's arguments.
    pub fn of(&self, body: &Body, ty: usize, method: usize) -> Vec<String> {
        let given = self.0.get(&(ty, method)).map_or(&[][..], Vec::as_slice);
        let mut names: Vec<String> = vec![];
        for (i, ty) in body.inputs.iter().enumerate() {
            let is_free = |name: &String| {
                !names.contains(name) && !matches!(name.as_str(), "self" | "train" | "device")
            };
            let wanted = wanted(i, ty, given.get(i));
            let numbered = (2..).map(|n| format!("y_{n}"));
            let free = wanted.into_iter().chain(numbered).find(is_free);
            names.push(free.unwrap_or_default());
        }
        names
    }
}

/// What an argument may be called, the best first.
fn wanted(place: usize, ty: &Type, given: Option<&String>) -> Vec<String> {
    let is_telling = |name: &&String| {
        !SAYS_NOTHING.contains(&name.as_str()) && (!is_noun(name) || ty.rank() != Some(3))
    };
    let given = given.filter(is_telling).cloned();
    let usual: &[&str] = match ty.dtype {
        DType::Bool => &["mask"],
        dtype if dtype.is_float() => &[],
        _ => &["indices"],
    };
    let last = ["y", "z", "w"].iter();
    let usual = usual.iter().chain(last).map(|name| (*name).to_owned());
    let first = (place == 0 && ty.dtype.is_float()).then(|| "x".to_owned());
    first.into_iter().chain(given).chain(usual).collect()
}
