//! A module's parameters by their path, which is their key in the weights file.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bool, Gradients, Int, Tensor};
use savedmodel_import_tests_value::Values;

use crate::{Result, ToValue};

struct Walk<'a> {
    path: Vec<String>,
    gradients: Option<&'a Gradients>,
    found: Result<Values>,
}

impl Walk<'_> {
    fn put(&mut self, value: &impl ToValue) {
        let key = self.path.join(".");
        if let Ok(values) = &mut self.found {
            match value.to_value() {
                Ok(value) => {
                    values.insert(key, value);
                }
                Err(error) => self.found = Err(error),
            }
        }
    }
}

impl ModuleVisitor for Walk<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        match self.gradients {
            Some(gradients) => {
                if let Some(gradient) = param.val().grad(gradients) {
                    self.put(&gradient);
                }
            }
            None => self.put(&param.val()),
        }
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        if self.gradients.is_none() {
            self.put(&param.val());
        }
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        if self.gradients.is_none() {
            self.put(&param.val());
        }
    }
}

/// The gradients of the float parameters that have one.
pub fn gradients(module: &impl Module, gradients: &Gradients) -> Result<Values> {
    walk(module, Some(gradients))
}

/// The values of all parameters and running states.
pub fn variables(module: &impl Module) -> Result<Values> {
    walk(module, None)
}

fn walk(module: &impl Module, gradients: Option<&Gradients>) -> Result<Values> {
    let mut walk = Walk {
        path: Vec::new(),
        gradients,
        found: Ok(Values::new()),
    };
    module.visit(&mut walk);
    walk.found
}
