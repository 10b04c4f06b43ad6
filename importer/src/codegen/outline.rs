//! The text of a plan in snapshots: the module tree, and the steps of its methods.

use crate::plan::{Action, Block, FieldKind, Local, Method, Plan, Step, Struct};
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for structure in &self.structs {
            let args: Vec<&str> = structure.args.iter().map(|arg| arg.name.as_str()).collect();
            writeln!(f, "{}({})", structure.name, args.join(", "))?;
            for field in &structure.fields {
                let optional = if field.present.is_some() { "?" } else { "" };
                let kind = self.kind(&field.kind);
                writeln!(f, "    {}{optional}: {kind}", field.name)?;
            }
            for method in &structure.methods {
                self.method(structure, method, f)?;
            }
        }
        for weight in &self.weights {
            writeln!(f, "{} {}", weight.key, weight.layout)?;
        }
        Ok(())
    }
}

impl Plan {
    fn kind(&self, kind: &FieldKind) -> String {
        match kind {
            FieldKind::Layer(layer) => format!("{layer:?}"),
            FieldKind::Module { ty, args } => format!("{} {args:?}", self.structs[*ty].name),
            FieldKind::Modules { ty, instances } => {
                format!("{} {instances:?}", self.structs[*ty].name)
            }
            FieldKind::Parameter { shape, dtype, .. } => format!("{dtype:?} {shape:?}"),
            FieldKind::Flag(arg) => format!("argument {arg}"),
        }
    }

    fn method(
        &self,
        structure: &Struct,
        method: &Method,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let params = method.params.iter();
        let params: Vec<&str> = params.map(|param| param.name.as_str()).collect();
        writeln!(f, "    fn {}({})", method.name, params.join(", "))?;
        for step in &method.body {
            let results = step.results.iter();
            let results: Vec<&str> = results.map(|local| local.name.as_str()).collect();
            let args: Vec<&str> = step.args.iter().map(|arg| arg.name.as_str()).collect();
            let action = self.action(structure, step);
            write!(
                f,
                "        {} = {action}({})",
                results.join(", "),
                args.join(", ")
            )?;
            match &step.condition {
                Some(condition) => {
                    let field = &structure.fields[condition.field].name;
                    writeln!(f, " if {field} else {}", args[condition.pass])?;
                }
                None => writeln!(f)?,
            }
        }
        let results = method.last_reads();
        let results: Vec<&str> = results.map(|operand| operand.name.as_str()).collect();
        writeln!(f, "        return {}", results.join(", "))
    }

    /// The steps of a block on one line.
    fn block(&self, structure: &Struct, block: &Block) -> String {
        let name = |locals: &[Local]| {
            let names: Vec<&str> = locals.iter().map(|local| local.name.as_str()).collect();
            names.join(", ")
        };
        let step = |step: &Step| {
            let args: Vec<&str> = step.args.iter().map(|arg| arg.name.as_str()).collect();
            let action = self.action(structure, step);
            format!("{} = {action}({}); ", name(&step.results), args.join(", "))
        };
        let steps: Vec<String> = block.body.iter().map(step).collect();
        let results: Vec<&str> = block.results.iter().map(|arg| arg.name.as_str()).collect();
        format!("{}{}", steps.concat(), results.join(", "))
    }

    fn action(&self, structure: &Struct, step: &Step) -> String {
        let name = |field: usize| &structure.fields[field].name;
        match &step.action {
            Action::Op(op) => format!("{op:?}"),
            Action::Layer { field, .. } => format!("self.{}", name(*field)),
            Action::Module { field, .. } => format!("self.{}.method", name(*field)),
            Action::Modules { field, .. } => format!("each of self.{}", name(*field)),
            Action::Parameter(field) => format!("self.{}", name(*field)),
            Action::LayerWeight { field, role } => format!("{role:?} of self.{}", name(*field)),
            Action::Constant(value) => format!("{value:?}"),
            Action::Extent { axis } => format!("axis {axis} of "),
            Action::Elements => "elements of ".to_owned(),
            Action::Flow(flow) => {
                let block = |block: &Block| self.block(structure, block);
                let blocks: Vec<String> = step.blocks.iter().map(block).collect();
                format!("{flow:?} {{ {} }}", blocks.join(" } { "))
            }
        }
    }
}
