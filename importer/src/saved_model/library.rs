//! The functions of a MetaGraph, by name.

use std::collections::BTreeMap;

use savedmodel_import_proto::{FunctionDef, GraphDef};

use crate::{Error, Result};

/// The function library, in the order of the names.
#[derive(Debug, Default)]
pub struct FunctionLibrary {
    functions: BTreeMap<String, FunctionDef>,
}

impl FunctionLibrary {
    /// Takes the functions out of `graph`.
    pub(super) fn take_from(graph: &mut GraphDef) -> Result<FunctionLibrary> {
        let library = graph.library.as_mut();
        let functions = library.map(|library| std::mem::take(&mut library.function));
        FunctionLibrary::of(functions.unwrap_or_default())
    }

    /// A library of these functions, whose names are distinct.
    pub(crate) fn of(all: Vec<FunctionDef>) -> Result<FunctionLibrary> {
        let mut functions = BTreeMap::new();
        for function in all {
            let name = function
                .signature
                .as_ref()
                .map(|signature| signature.name.clone())
                .ok_or_else(|| Error::malformed("a library function has no signature"))?;
            if functions.insert(name.clone(), function).is_some() {
                return Err(Error::malformed(format!(
                    "duplicate function: the library has two named `{name}`"
                )));
            }
        }
        Ok(FunctionLibrary { functions })
    }

    /// The function with that name.
    pub fn get(&self, name: &str) -> Option<&FunctionDef> {
        self.functions.get(name)
    }

    /// The function with that name, or an error that says so.
    pub fn find(&self, name: &str) -> Result<&FunctionDef> {
        self.get(name)
            .ok_or_else(|| Error::malformed(format!("function `{name}` not found in the library")))
    }

    /// All functions, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FunctionDef)> {
        self.functions
            .iter()
            .map(|(name, function)| (name.as_str(), function))
    }

    /// How many functions there are.
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }
}
