//! Where the printers of the frameworks do not agree.

use super::operand::{Arg, Body};
use super::rust::{Expr, Item, Stmt};
use super::statement::Line;
use crate::error::Result;
use crate::ir::{DType, Type};
use crate::plan::{FieldKind, Method, Plan, Step};
use std::collections::BTreeSet;

/// A framework's words for what [`structure`](super::structure) and [`method`](super::method) print.
pub trait Words {
    /// The plan that is printed.
    fn plan(&self) -> &Plan;

    /// What a module's struct derives.
    fn derived(&self) -> &'static str;

    /// The attribute of what a program need not use, if the framework's derives do not use it all.
    fn unused(&self) -> Option<&'static str>;

    /// The framework's name for an element type.
    fn dtype(&self, dtype: DType) -> &'static str;

    /// The type of what a field holds.
    ///
    /// # Errors
    /// When the framework has no such layer.
    fn field_type(&self, kind: &FieldKind, body: &mut Body) -> Result<String>;

    /// The constructor of a struct, for the fields that it shows.
    ///
    /// # Errors
    /// When the framework has no such layer.
    fn constructor(&self, index: usize, shown: &BTreeSet<usize>, body: &mut Body) -> Result<Item>;

    /// What else a struct can do, beside the methods of the plan.
    fn functions(
        &self,
        index: usize,
        shown: &BTreeSet<usize>,
        uses: &mut BTreeSet<String>,
    ) -> Vec<Item>;

    /// The type of an argument.
    fn argument_type(&self, ty: &Type, body: &mut Body) -> String;

    /// The type of a result.
    fn result_type(&self, ty: &Type, body: &mut Body) -> String;

    /// What a function returns that has this result.
    fn returned(&self, result: Option<String>) -> Option<String>;

    /// The generic parameters that the types of a method's arguments ask for.
    ///
    /// # Errors
    /// When a result's type cannot be said.
    fn generics(&self, method: &Method) -> Result<&'static str>;

    /// Where the weights of a struct are.
    fn weights_device(&self, body: &mut Body) -> Expr;

    /// What a step makes, where it happens.
    ///
    /// # Errors
    /// When the framework has no such op.
    fn value(&self, step: &Step, args: &[Arg], body: &mut Body) -> Result<Expr>;

    /// Two steps in one statement, if the framework can say the step at this place and the one after it together.
    fn joined(&self, at: usize, body: &mut Body) -> Option<Line>;

    /// Reads the extents of a local, all together: `_` for those that nobody asks for. `None` to read them one by one.
    fn extents(&self, of: &str, names: &[&str]) -> Option<Stmt>;

    /// A weight, spelt where it is read.
    fn weight(&self, step: &Step, body: &Body) -> Option<Expr>;

    /// Whether operands are moved where they are read for the last time, rather than borrowed.
    fn moves(&self) -> bool;

    /// An operand as a tensor of its own.
    fn owned(&self, arg: &Arg, body: &mut Body) -> Expr;

    /// The value that a call of a method gives.
    fn called(&self, call: Expr) -> Expr;

    /// A truth value of the model as one of Rust.
    fn truth(&self, arg: &Arg, body: &mut Body) -> Expr;

    /// The same of an expression.
    fn truth_of(&self, value: Expr, body: &mut Body) -> Expr;

    /// An integer of the model as one of Rust.
    fn choice(&self, arg: &Arg, body: &mut Body) -> Expr;

    /// The tensor of this type whose rows are in a `Vec` of this name.
    fn stacked(&self, rows: &str, ty: &Type, body: &mut Body) -> Expr;

    /// Gives a field a new value.
    fn assign(&self, field: Expr, value: &Arg, body: &mut Body) -> Stmt;

    /// The end of a function that has this result.
    fn tail(&self, result: Option<Expr>) -> Option<Expr>;
}
