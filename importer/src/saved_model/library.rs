//! The functions of a MetaGraph, by name.

use std::collections::BTreeMap;

use savedmodel_import_proto::{FunctionDef, GraphDef, RegisteredGradient};

use crate::{Error, Result};

/// The function library, in the order of the names.
#[derive(Debug, Default)]
pub struct FunctionLibrary {
    functions: BTreeMap<String, FunctionDef>,
    gradients: BTreeMap<String, String>,
}

impl FunctionLibrary {
    /// Takes the functions out of `graph`.
    pub(super) fn take_from(graph: &mut GraphDef) -> Result<FunctionLibrary> {
        let library = graph.library.as_mut();
        let functions = library.map(|library| std::mem::take(&mut library.function));
        let gradients = library_gradients(graph);
        Ok(FunctionLibrary {
            gradients,
            ..FunctionLibrary::of(functions.unwrap_or_default())?
        })
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
        Ok(FunctionLibrary {
            functions,
            gradients: BTreeMap::new(),
        })
    }

    /// The function that is the gradient of nodes which name this type in `_gradient_op_type`.
    pub fn gradient(&self, registered: &str) -> Option<&str> {
        self.gradients.get(registered).map(String::as_str)
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

fn library_gradients(graph: &GraphDef) -> BTreeMap<String, String> {
    let registered = graph
        .library
        .iter()
        .flat_map(|library| &library.registered_gradients);
    let pair = |gradient: &RegisteredGradient| {
        (
            gradient.registered_op_type.clone(),
            gradient.gradient_func.clone(),
        )
    };
    registered.map(pair).collect()
}
