//! Methods from outside: names, arguments, results and documentation.

use super::super::operand::Body;
use super::super::plan::{Entry, Local, Method, Plan};
use super::super::rust::{Block, Expr, Function, Item};
use super::super::{Alias, receiver};
use super::tensor_type;
use crate::error::{Error, Result};
use crate::ir::{DType, Type};
use std::collections::BTreeSet;

/// One form of a method: for inference, or with the argument `train`.
pub struct Form<'a> {
    name: String,
    params: Vec<(String, &'a Type)>,
    train: bool,
    returns: Option<String>,
    mutates: bool,
}

impl<'a> Form<'a> {
    /// A form of a method, whose body does not read the arguments `unread`.
    pub fn new(
        method: &'a Method,
        name: &str,
        train: bool,
        returns: Option<String>,
        unread: &[&str],
    ) -> Self {
        let named = |param: &'a Local| match unread.contains(&param.name.as_str()) {
            true => (format!("_{}", param.name), &param.ty),
            false => (param.name.clone(), &param.ty),
        };
        Form {
            name: name.to_owned(),
            params: method.params.iter().map(named).collect(),
            train,
            returns,
            mutates: method.mutates(),
        }
    }

    /// The function with its body.
    pub fn function(&self, body: &mut Body, block: Block) -> Function {
        let is_generic = self.params.iter().any(|(_, ty)| is_free(ty));
        let name = if is_generic {
            format!("{}<const D: usize>", self.name)
        } else {
            self.name.clone()
        };
        let mut function = Function::public(name).receiver(receiver(self.mutates));
        for (name, ty) in &self.params {
            function = function.param(name, &tensor_type(body, ty));
        }
        if self.train {
            function = function.param("train", "bool");
        }
        if let Some(returns) = &self.returns {
            function = function.returns(returns.as_str());
        }
        function.body(block)
    }
}

/// Whether only the caller knows the rank.
fn is_free(ty: &Type) -> bool {
    ty.rank().is_none() && ty.dtype != DType::String
}

/// What a method returns; `None` for nothing.
///
/// # Errors
/// When nobody knows the rank of a result.
pub fn returns(method: &Method, entry: Option<&Entry>, body: &mut Body) -> Result<Option<String>> {
    let is_generic = method.params.iter().any(|param| is_free(&param.ty));
    if !is_generic && method.results.iter().any(|result| is_free(&result.ty)) {
        return Err(Error::unsupported(format!(
            "`{}`: a result whose rank the model does not say",
            method.name
        )));
    }
    if let Some(name) = entry.and_then(|entry| entry.output_struct.clone()) {
        return Ok(Some(name));
    }
    let types: Vec<String> = method
        .results
        .iter()
        .map(|result| tensor_type(body, &result.ty))
        .collect();
    Ok(match types.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("({})", several.join(", "))),
    })
}

/// A method that only calls another, and its form for training.
///
/// # Errors
/// As for the other.
pub fn alias(plan: &Plan, alias: &Alias, uses: &mut BTreeSet<String>) -> Result<Vec<Item>> {
    let (structure, entry) = (&plan.structs[0], &plan.entries[alias.entry]);
    let method = &structure.methods[alias.entry];
    let mut body = Body::new(structure, method, uses);
    let returns = returns(method, Some(entry), &mut body)?;
    let forms = if alias.has_mode {
        vec![false, true]
    } else {
        vec![false]
    };
    let mut call = |train: bool| {
        let suffix = if train { "_t" } else { "" };
        let args = alias
            .params
            .iter()
            .map(|name| Expr::path(name.as_str()))
            .chain(train.then(|| Expr::path("train")));
        let delegate = Expr::path("self")
            .call_method(format!("{}{suffix}", alias.of), args.collect::<Vec<_>>());
        let types = method.params.iter().map(|param| &param.ty);
        let form = Form {
            name: format!("{}{suffix}", alias.name),
            params: alias.params.iter().cloned().zip(types).collect(),
            train,
            returns: returns.clone(),
            mutates: alias.mutates,
        };
        let function = form.function(&mut body, Block::from(delegate));
        Item::from(function).doc(format!("The same as `{}{suffix}`.", alias.of))
    };
    Ok(forms.into_iter().map(&mut call).collect())
}
