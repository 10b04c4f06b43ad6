//! What burn's printer knows, and its words.

use super::super::flow::item_if_none;
use super::super::operand::{Arg, Body};
use super::super::rust::{Expr, Item, Pat, Stmt};
use super::super::skeleton::Skeleton;
use super::super::statement::Line;
use super::super::structure;
use super::super::words::Words;
use super::super::{Context, native_dtype};
use super::constructor::{constructor, embedded, load};
use super::frozen::frozen;
use super::weight::weight;
use super::{layer, step, tensor_type};
use crate::Framework;
use crate::error::{Error, Result};
use crate::ir::{DType, Dim, Program, Type};
use crate::plan::{FieldKind, Layer, Method, Plan, Step};
use std::collections::BTreeSet;

struct Printer<'a> {
    plan: &'a Plan,
    /// For each struct, the fields whose weights have no gradient in any instance.
    frozen: Vec<BTreeSet<usize>>,
    /// The weights file that the program carries.
    embedded: Option<&'a str>,
}

/// The items of a module, and the paths that they use.
///
/// # Errors
/// Everything that burn cannot do, at once.
pub fn items(
    plan: &Plan,
    program: &Program,
    context: &Context,
) -> Result<(Vec<Skeleton>, BTreeSet<String>)> {
    let frozen = frozen(plan, program);
    let prelude = ["burn::module::Module", "burn::tensor::Device"];
    let mut uses = prelude.map(str::to_owned).into();
    let printer = Printer {
        plan,
        frozen,
        embedded: context.embedded.as_deref(),
    };
    let items = structure::items(&printer, context, &mut uses)?;
    Ok((items, uses))
}

/// Whether only the caller knows the rank.
fn is_free(ty: &Type) -> bool {
    ty.rank().is_none() && ty.dtype != DType::String
}

impl Words for Printer<'_> {
    fn plan(&self) -> &Plan {
        self.plan
    }

    fn derived(&self) -> &'static str {
        "derive(Module, Debug)"
    }

    fn unused(&self) -> Option<&'static str> {
        None
    }

    fn field_type(&self, kind: &FieldKind, body: &mut Body) -> Result<String> {
        Ok(match kind {
            FieldKind::Layer(layer) => layer::ty(body, layer)?,
            FieldKind::Module { ty, .. } => self.plan.structs[*ty].name.clone(),
            FieldKind::Modules { ty, .. } => format!("Vec<{}>", self.plan.structs[*ty].name),
            FieldKind::Parameter { shape, dtype, .. } => {
                let dims: Vec<Dim> = shape.iter().map(|&size| Dim::known(size as i64)).collect();
                body.using("burn::module::Param");
                format!("Param<{}>", tensor_type(body, &Type::new(*dtype, dims)))
            }
            FieldKind::Flag(_) => "bool".to_owned(),
        })
    }

    fn constructor(&self, index: usize, shown: &BTreeSet<usize>, body: &mut Body) -> Result<Item> {
        constructor(self.plan, shown, &self.frozen[index], body)
    }

    fn functions(
        &self,
        index: usize,
        _: &BTreeSet<usize>,
        uses: &mut BTreeSet<String>,
    ) -> Vec<Item> {
        match index {
            0 => std::iter::once(load(uses))
                .chain(self.embedded.map(embedded))
                .collect(),
            _ => vec![],
        }
    }

    fn argument_type(&self, ty: &Type, body: &mut Body) -> String {
        tensor_type(body, ty)
    }

    fn result_type(&self, ty: &Type, body: &mut Body) -> String {
        tensor_type(body, ty)
    }

    fn returned(&self, result: Option<String>) -> Option<String> {
        result
    }

    fn generics(&self, method: &Method) -> Result<&'static str> {
        let is_generic = method.params.iter().any(|param| is_free(&param.ty));
        let has_free_result = method.results.iter().any(|result| is_free(&result.ty));
        match (is_generic, has_free_result) {
            (true, _) => Ok("<const D: usize>"),
            (false, false) => Ok(""),
            (false, true) => Err(Error::unsupported(format!(
                "`{}`: a result whose rank the model does not say",
                method.name
            ))),
        }
    }

    fn weights_device(&self, body: &mut Body) -> Expr {
        let fields = body.structure.fields.iter();
        let own = fields
            .filter(|field| field.present.is_none())
            .find_map(|field| {
                let own = Expr::path("self").field(field.name.as_str());
                match &field.kind {
                    FieldKind::Parameter { .. } => Some(own),
                    FieldKind::Layer(
                        Layer::Linear { .. } | Layer::Conv { .. } | Layer::Embedding { .. },
                    ) => Some(own.field("weight")),
                    FieldKind::Layer(_)
                    | FieldKind::Module { .. }
                    | FieldKind::Modules { .. }
                    | FieldKind::Flag(_) => None,
                }
            });
        match own {
            Some(own) => own.call_method("val", []).call_method("device", []),
            None => {
                body.using("burn::tensor::Device");
                Expr::call("Device::default", [])
            }
        }
    }

    fn value(&self, step: &Step, args: &[Arg], body: &mut Body) -> Result<Expr> {
        step::value(self.plan, step, args, body)
    }

    fn joined(&self, _: usize, _: &mut Body) -> Option<Line> {
        None
    }

    /// `let [batch, length, _] = x.dims();`
    fn extents(&self, of: &str, names: &[&str]) -> Option<Stmt> {
        let dims = Expr::path(of).call_method("dims", []);
        Some(Stmt::bind(Pat::slice(names.iter().copied()), dims))
    }

    fn weight(&self, step: &Step, body: &Body) -> Option<Expr> {
        weight(self.plan, step, body)
    }

    fn dtype(&self, dtype: DType) -> &'static str {
        native_dtype(Framework::Burn, dtype)
    }

    fn moves(&self) -> bool {
        true
    }

    fn owned(&self, arg: &Arg, body: &mut Body) -> Expr {
        arg.value(body)
    }

    fn called(&self, call: Expr) -> Expr {
        call
    }

    /// `is_true(x)`
    fn truth(&self, arg: &Arg, body: &mut Body) -> Expr {
        let value = arg.value(body);
        Expr::call(body.support("flow::is_true"), [value])
    }

    fn truth_of(&self, value: Expr, body: &mut Body) -> Expr {
        Expr::call(body.support("flow::is_true"), [value])
    }

    /// `choice(x)`
    fn choice(&self, arg: &Arg, body: &mut Body) -> Expr {
        let value = arg.value(body);
        Expr::call(body.support("flow::choice"), [value])
    }

    /// `Tensor::stack(rows, 0)`; a scalar is a tensor of rank 1 already. Where there may be no rows,
    /// `stacked::<2, 3, _>(rows, [0, 4], &device)`.
    fn stacked(&self, rows: &str, ty: &Type, body: &mut Body) -> Expr {
        let rows = Expr::path(rows);
        if ty.dtype == DType::String {
            body.uses.insert("support::moves".to_owned());
            let stacked = Expr::call("moves::stack", [rows.by_ref()]);
            return Expr::call(body.support("host::done"), [stacked]);
        }
        if let (Some(item), Some(_)) = (item_if_none(ty), ty.rank()) {
            let options = super::options(body, ty.dtype);
            return match item.as_slice() {
                [] => Expr::call(body.support("flow::joined"), [rows, options]),
                item => {
                    let stacked = body.support("flow::stacked");
                    let (of, to) = (item.len(), item.len() + 1);
                    let item = Expr::array(item.iter().map(|&size| Expr::size(size)));
                    let stacked = format!("{stacked}::<{of}, {to}, _>");
                    Expr::call(stacked, [rows, item, options])
                }
            };
        }
        let tensor = body.using("burn::tensor::Tensor");
        match ty.rank() {
            Some(1) => Expr::call(format!("{tensor}::cat"), [rows, Expr::int(0)]),
            Some(rank) => Expr::call(format!("{tensor}::stack::<{rank}>"), [rows, Expr::int(0)]),
            None => Expr::call(format!("{tensor}::stack"), [rows, Expr::int(0)]),
        }
    }

    /// `assign(&mut self.count, count);`
    fn assign(&self, field: Expr, value: &Arg, body: &mut Body) -> Stmt {
        let assign = body.using("support::vars::assign");
        let value = value.value(body);
        Expr::call(assign, [field, value]).stmt()
    }

    fn tail(&self, result: Option<Expr>) -> Option<Expr> {
        result
    }
}
