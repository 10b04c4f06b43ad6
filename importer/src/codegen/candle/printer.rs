//! What candle's printer knows, and its words.

use super::super::flow::item_if_none;
use super::super::operand::{Arg, Body};
use super::super::rust::{Expr, Item, Pat, Stmt};
use super::super::skeleton::Skeleton;
use super::super::statement::Line;
use super::super::structure;
use super::super::words::Words;
use super::super::{Context, native_dtype};
use super::absorb::{Activations, absorb, after_sum};
use super::constructor::constructor;
use super::fuse::{Fusion, fused, fusions};
use super::load::{embedded, load, load_into, trainable};
use super::weight::weight;
use super::{layer, step};
use crate::Framework;
use crate::error::Result;
use crate::ir::{DType, Program, Type};
use crate::plan::{FieldKind, Layer, Method, Plan, Step};
use std::collections::BTreeSet;

/// What the printing of a module's parts shares.
pub struct Printer<'a> {
    /// The plan, without the steps that layers absorbed.
    pub plan: &'a Plan,
    /// The functions and variables that it is of.
    pub program: &'a Program,
    /// What layers absorbed.
    pub activations: Activations,
    fusions: Vec<Fusion>,
    /// The weights file that the program carries.
    embedded: Option<&'a str>,
}

/// The items of a module, and the paths that they use.
///
/// # Errors
/// Everything that candle cannot do, at once.
pub fn items(
    plan: &Plan,
    program: &Program,
    context: &Context,
) -> Result<(Vec<Skeleton>, BTreeSet<String>)> {
    let (plan, activations) = absorb(plan);
    let fusions = fusions(&plan, &activations);
    let printer = Printer {
        plan: &plan,
        program,
        activations,
        fusions,
        embedded: context.embedded.as_deref(),
    };
    let prelude = ["candle_core::Result", "candle_nn::VarBuilder"];
    let mut uses = prelude.map(str::to_owned).into();
    let items = structure::items(&printer, context, &mut uses)?;
    Ok((items, uses))
}

/// Whether an expression calls a function by its module, as kernels on the host are called: `strings::join(…)`.
fn is_of_module(call: &Expr) -> bool {
    let module = call.callee().and_then(|path| path.split_once("::"));
    module.is_some_and(|(module, _)| module.starts_with(char::is_lowercase))
}

impl Words for Printer<'_> {
    fn plan(&self) -> &Plan {
        self.plan
    }

    fn derived(&self) -> &'static str {
        "derive(Clone, Debug)"
    }

    /// A program need not call all that a model can do, nor read all that it gives.
    fn unused(&self) -> Option<&'static str> {
        Some("allow(dead_code)")
    }

    fn field_type(&self, kind: &FieldKind, body: &mut Body) -> Result<String> {
        Ok(match kind {
            FieldKind::Layer(layer) => body.using(&layer::ty(layer)?),
            FieldKind::Module { ty, .. } => self.plan.structs[*ty].name.clone(),
            FieldKind::Modules { ty, .. } => format!("Vec<{}>", self.plan.structs[*ty].name),
            FieldKind::Parameter { .. } => body.using("candle_core::Tensor"),
            FieldKind::Flag(_) => "bool".to_owned(),
        })
    }

    fn constructor(&self, index: usize, shown: &BTreeSet<usize>, body: &mut Body) -> Result<Item> {
        constructor(self, index, shown, body)
    }

    fn functions(
        &self,
        index: usize,
        shown: &BTreeSet<usize>,
        uses: &mut BTreeSet<String>,
    ) -> Vec<Item> {
        let (structure, fusion) = (&self.plan.structs[index], &self.fusions[index]);
        let mut functions = vec![];
        if index == 0 {
            functions.push(load(self.program, self.plan, uses));
            functions.push(load_into(self.program, self.plan, uses));
            functions.extend(
                self.embedded
                    .map(|file| embedded(self.program, self.plan, file)),
            );
            functions.push(trainable(self.plan, self.program, uses));
        }
        let mut methods = structure.methods.iter();
        if !fusion.is_empty() && methods.all(|method| method.name != "fused") {
            functions.push(fused(self.plan, structure, fusion, shown));
        }
        functions
    }

    fn argument_type(&self, ty: &Type, body: &mut Body) -> String {
        format!("&{}", self.result_type(ty, body))
    }

    fn result_type(&self, ty: &Type, body: &mut Body) -> String {
        match ty.dtype {
            DType::String => body.support("string_tensor::StringTensor"),
            _ => body.using("candle_core::Tensor"),
        }
    }

    fn returned(&self, result: Option<String>) -> Option<String> {
        Some(format!("Result<{}>", result.unwrap_or("()".to_owned())))
    }

    fn generics(&self, _: &Method) -> Result<&'static str> {
        Ok("")
    }

    fn weights_device(&self, body: &mut Body) -> Expr {
        let fields = body.structure.fields.iter();
        let tensor = fields
            .filter(|field| field.present.is_none())
            .find_map(|field| {
                let own = Expr::path("self").field(field.name.as_str());
                match &field.kind {
                    FieldKind::Parameter { .. } => Some(own),
                    FieldKind::Layer(Layer::Linear { .. } | Layer::Conv { .. }) => {
                        Some(own.call_method("weight", []))
                    }
                    FieldKind::Layer(_)
                    | FieldKind::Module { .. }
                    | FieldKind::Modules { .. }
                    | FieldKind::Flag(_) => None,
                }
            });
        match tensor {
            // The weight may be one that is assigned meanwhile.
            Some(tensor) if body.keeps_device => tensor
                .call_method("device", [])
                .call_method("clone", [])
                .by_ref(),
            Some(tensor) => tensor.call_method("device", []),
            None => Expr::path("candle_core::Device::Cpu").by_ref(),
        }
    }

    fn value(&self, step: &Step, args: &[Arg], body: &mut Body) -> Result<Expr> {
        step::value(self.plan, step, args, body)
    }

    /// A sum, and the activation after it.
    fn joined(&self, at: usize, body: &mut Body) -> Option<Line> {
        let method = body.method;
        if !body.is_whole() {
            return None;
        }
        let activation = after_sum(method, at)?;
        let next = method.body.get(at + 1)?;
        Some(step::sum(&method.body[at], next, activation, body))
    }

    /// `let (batch, length, _) = x.dims3()?;`
    fn extents(&self, of: &str, names: &[&str]) -> Option<Stmt> {
        let asked = names.iter().filter(|name| **name != "_").count();
        let is_usual = asked > 1 && names.len() < 6;
        let dims = Expr::path(of).call_method(format!("dims{}", names.len()), []);
        let pattern = Pat::tuple(names.iter().copied());
        is_usual.then(|| Stmt::bind(pattern, dims.tried()))
    }

    fn weight(&self, step: &Step, body: &Body) -> Option<Expr> {
        weight(self.plan, step, body)
    }

    fn dtype(&self, dtype: DType) -> &'static str {
        native_dtype(Framework::Candle, dtype)
    }

    fn moves(&self) -> bool {
        false
    }

    fn owned(&self, arg: &Arg, body: &mut Body) -> Expr {
        arg.owned(body)
    }

    fn called(&self, call: Expr) -> Expr {
        call.tried()
    }

    /// `is_true(&x)?`
    fn truth(&self, arg: &Arg, body: &mut Body) -> Expr {
        let value = arg.reference(body);
        Expr::call(body.support("flow::is_true"), [value]).tried()
    }

    fn truth_of(&self, value: Expr, body: &mut Body) -> Expr {
        Expr::call(body.support("flow::is_true"), [value.by_ref()]).tried()
    }

    /// `choice(&x)?`
    fn choice(&self, arg: &Arg, body: &mut Body) -> Expr {
        let value = arg.reference(body);
        Expr::call(body.support("flow::choice"), [value]).tried()
    }

    /// `Tensor::stack(&rows, 0)?`; where there may be no rows, `stacked(&rows, &[0, 4], DType::F32, device)?`.
    fn stacked(&self, rows: &str, ty: &Type, body: &mut Body) -> Expr {
        let rows = Expr::path(rows).by_ref();
        if ty.dtype == DType::String {
            body.uses.insert("support::moves".to_owned());
            return Expr::call("moves::stack", [rows]).tried();
        }
        if let Some(item) = item_if_none(ty) {
            let function = body.support("flow::stacked");
            body.using("candle_core::DType");
            body.needs_device = true;
            let item = Expr::array(item.into_iter().map(Expr::size)).by_ref();
            let dtype = Expr::path(super::dtype(ty.dtype));
            return Expr::call(function, [rows, item, dtype, Expr::path("device")]).tried();
        }
        let tensor = body.using("candle_core::Tensor");
        Expr::call(format!("{tensor}::stack"), [rows, Expr::int(0)]).tried()
    }

    /// `assign(&mut self.count, &count)?;`
    fn assign(&self, field: Expr, value: &Arg, body: &mut Body) -> Stmt {
        let assign = body.support("vars::assign");
        let value = value.reference(body);
        Expr::call(assign, [field, value]).tried().stmt()
    }

    /// `e` for `Ok(e?)`, but for a kernel on the host: its error becomes one of candle's on the way.
    fn tail(&self, result: Option<Expr>) -> Option<Expr> {
        let result = result.unwrap_or_else(Expr::unit);
        let result = result.untried().and_then(|call| match is_of_module(&call) {
            true => Err(call.tried()),
            false => Ok(call),
        });
        Some(result.unwrap_or_else(|value| Expr::call("Ok", [value])))
    }
}
