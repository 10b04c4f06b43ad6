//! The account as a person reads it.

use std::collections::BTreeMap;
use std::fmt;

use super::tree::{modules, objects};
use super::{Callable, Conversion, Device, Inventory, TensorRow, VariableRow};
use crate::Framework;
use crate::report::Failure;

/// Of more items of one list than this, the rest is counted.
pub(super) const MAX_ITEMS: usize = 40;
/// Of more places of one failure than this, the rest is counted.
const MAX_PLACES: usize = 4;

impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in [
            self.head(),
            functions(&self.functions),
            objects(&self.objects),
            variables(self),
            section("assets", &self.assets),
            missing(&self.missing),
            collections(self),
            modules(&self.modules),
            conversions(self),
        ] {
            if !section.is_empty() {
                writeln!(f, "{}\n", section.join("\n"))?;
            }
        }
        match self.unsupported.len() {
            0 => writeln!(f, "every op is supported"),
            count => {
                writeln!(f, "not supported: {count}")?;
                let lines = unsupported(&self.unsupported, &self.conversions);
                writeln!(f, "{}", lines.join("\n"))
            }
        }
    }
}

/// What is missing, and where it should be.
fn missing(rows: &[Failure]) -> Vec<String> {
    let said = |row: &Failure| match &row.file {
        Some(file) => format!("{}: {}", file.display(), row.message),
        None => row.message.clone(),
    };
    section("missing", &rows.iter().map(said).collect::<Vec<_>>())
}

impl Inventory {
    fn head(&self) -> Vec<String> {
        let saved = match self.tensorflow.as_str() {
            "" => "saved by an unknown TensorFlow".to_owned(),
            version => format!("TensorFlow {version}"),
        };
        let form = if self.tf1 {
            ", a graph of TensorFlow 1"
        } else {
            ""
        };
        let mut lines = vec![
            self.model.display().to_string(),
            format!("  {saved}{form}, tags {}", tags(&self.tags)),
        ];
        if self.meta_graphs.len() > 1 {
            let sets: Vec<String> = self.meta_graphs.iter().map(|set| tags(set)).collect();
            lines.push(format!("  {} MetaGraphs: {}", sets.len(), sets.join("; ")));
        }
        if let Some(print) = &self.fingerprint {
            lines.push(format!(
                "  fingerprint {} ({})",
                print.saved_model_checksum, print.uuid
            ));
        }
        let graph = &self.graph;
        lines.push(format!(
            "  {} in the main graph, {} with {}",
            plural(graph.main_nodes, "node"),
            plural(graph.functions, "function"),
            plural(graph.function_nodes, "node")
        ));
        lines
    }
}

fn tags(tags: &[String]) -> String {
    match tags {
        [] => "none".to_owned(),
        tags => tags.join(", "),
    }
}

pub(super) fn plural(count: usize, what: &str) -> String {
    let count = thousands(count as u64);
    match count.as_str() {
        "1" => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn thousands(number: u64) -> String {
    crate::picture::thousands(number)
}

fn section(title: &str, items: &[String]) -> Vec<String> {
    let mut lines = vec![];
    if !items.is_empty() {
        lines.push(title.to_owned());
        lines.extend(items.iter().take(MAX_ITEMS).map(|item| format!("  {item}")));
        lines.extend(more(items.len(), MAX_ITEMS, "  "));
    }
    lines
}

pub(super) fn more(count: usize, shown: usize, indent: &str) -> Option<String> {
    (count > shown).then(|| format!("{indent}… {} more", thousands((count - shown) as u64)))
}

/// Signatures first; the traces of one function below its path. Functions that Keras keeps for itself are counted.
fn functions(all: &[Callable]) -> Vec<String> {
    let is_signature = |call: &&Callable| call.path.starts_with("signatures/");
    let is_public = |call: &&Callable| crate::pipeline::is_public(&call.path);
    let signatures: Vec<&Callable> = all.iter().filter(is_signature).collect();
    let functions = all.iter().filter(|call| !is_signature(call));
    let (public, private): (Vec<&Callable>, Vec<&Callable>) = functions.partition(is_public);
    let mut lines = vec![];
    for (title, calls) in [("signatures", signatures), ("functions", public)] {
        if calls.is_empty() {
            continue;
        }
        lines.push(title.to_owned());
        let mut last = "";
        for (index, call) in calls.iter().enumerate().take(MAX_ITEMS) {
            if index == 0 || call.path != last {
                let path = call.path.strip_prefix("signatures/").unwrap_or(&call.path);
                lines.push(format!("  {path}"));
            }
            lines.push(format!("    {}", signature(call)));
            last = &call.path;
        }
        lines.extend(more(calls.len(), MAX_ITEMS, "  "));
    }
    if !private.is_empty() {
        lines.push(format!(
            "  and {} of layers and tables",
            plural(private.len(), "trace")
        ));
    }
    lines
}

/// `(x: float32[?, 4], training=false) -> float32[?, 2]`.
fn signature(call: &Callable) -> String {
    let named = |row: &TensorRow| format!("{}: {}", row.name, tensor_type(&row.dtype, &row.shape));
    let python = |(name, value): (&String, _)| format!("{name}={}", serde_json::json!(value));
    let inputs = call.inputs.iter().map(named);
    let inputs: Vec<String> = inputs
        .chain(call.python_arguments.iter().map(python))
        .collect();
    let outputs = match call.outputs.as_slice() {
        [] => "()".to_owned(),
        outputs => outputs.iter().map(named).collect::<Vec<_>>().join(", "),
    };
    format!("({}) -> {outputs}", inputs.join(", "))
}

fn variables(inventory: &Inventory) -> Vec<String> {
    let rows = &inventory.variables;
    if rows.is_empty() {
        return vec![];
    }
    let totals = &inventory.totals;
    let mut lines = vec![format!(
        "{}: {}, {} trainable, {} bytes",
        plural(totals.variables, "variable"),
        plural(
            totals.parameters.try_into().unwrap_or(usize::MAX),
            "parameter"
        ),
        thousands(totals.trainable_parameters),
        thousands(totals.bytes)
    )];
    let shown = rows.iter().take(MAX_ITEMS);
    let width = shown
        .clone()
        .map(|row| row.name.chars().count())
        .max()
        .unwrap_or(0);
    lines.extend(shown.map(|row| variable(row, width)));
    lines.extend(more(rows.len(), MAX_ITEMS, "  "));
    lines
}

fn variable(row: &VariableRow, width: usize) -> String {
    let bytes = row
        .bytes
        .map_or_else(String::new, |bytes| format!("  {} bytes", thousands(bytes)));
    let note = if row.trainable { "" } else { "  not trainable" };
    format!(
        "  {:width$}  {}{bytes}{note}",
        row.name,
        tensor_type(&row.dtype, &row.shape)
    )
}

fn collections(inventory: &Inventory) -> Vec<String> {
    let counts = inventory.collections.iter();
    let mut items: Vec<String> = counts
        .map(|(name, count)| format!("{name}: {}", plural(*count, "item")))
        .collect();
    items.extend(
        inventory
            .init_op
            .iter()
            .map(|op| format!("initialised by {op}")),
    );
    section("collections", &items)
}

fn conversions(inventory: &Inventory) -> Vec<String> {
    let mut lines = vec!["import convert".to_owned()];
    for conversion in &inventory.conversions {
        let framework = conversion.framework;
        lines.push(match conversion.failures.len() {
            0 => format!("  {framework}: {}", conversion.methods.join(", ")),
            _ => format!("  {framework}: no"),
        });
        if !conversion.convertible.is_empty() {
            let paths = conversion.convertible.join(", ");
            lines.push(format!("    with --keep-going: {paths}"));
        }
        let refused = conversion.failures.iter().chain(&conversion.left_out);
        let mut left_out: Vec<&str> = refused.filter_map(|f| f.function.as_deref()).collect();
        left_out.dedup();
        if !left_out.is_empty() {
            lines.push(format!("    without {}", left_out.join(", ")));
        }
        let other = conversion
            .failures
            .iter()
            .filter(|f| f.kind != "unsupported");
        lines.extend(other.map(|failure| format!("    {}", failure.message)));
    }
    lines
}

/// What of each framework's module leaves a device.
pub(super) fn on_device(inventory: &Inventory, device: Device) -> String {
    let (name, leaves) = match device {
        Device::Cpu => ("cpu", false),
        Device::Cuda => ("cuda", true),
    };
    let mut lines = vec![format!("by way of the host on {name}")];
    for conversion in inventory
        .conversions
        .iter()
        .filter(|c| c.failures.is_empty())
    {
        let framework = conversion.framework;
        match conversion.host.as_slice() {
            steps @ [_, ..] if leaves => {
                lines.push(format!("  {framework}: {}", plural(steps.len(), "step")));
                let listed = with_places(steps, |message| format!("  {message}"));
                lines.extend(listed.into_iter().map(|line| format!("  {line}")));
            }
            _ => lines.push(format!("  {framework}: nothing")),
        }
    }
    lines.join("\n") + "\n"
}

/// What is not supported, for which framework if only one lacks it, and where.
fn unsupported(rows: &[Failure], conversions: &[Conversion]) -> Vec<String> {
    with_places(rows, |message| {
        format!("  {message}{}", lacking(message, conversions))
    })
}

/// Each message once, as `head` says it, with its places.
fn with_places(rows: &[Failure], head: impl Fn(&str) -> String) -> Vec<String> {
    let mut messages: Vec<&str> = vec![];
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in rows {
        let known = places.entry(&row.message).or_insert_with(|| {
            messages.push(&row.message);
            vec![]
        });
        known.extend(place(row));
    }
    let mut lines = vec![];
    for message in messages {
        lines.push(head(message));
        let places = places.get(message).map_or(&[][..], Vec::as_slice);
        lines.extend(
            places
                .iter()
                .take(MAX_PLACES)
                .map(|place| format!("    --> {place}")),
        );
        lines.extend(more(places.len(), MAX_PLACES, "    "));
    }
    lines
}

/// The framework that alone lacks something.
fn lacking(message: &str, conversions: &[Conversion]) -> String {
    let has = |conversion: &&Conversion| {
        let mut all = conversion.failures.iter().chain(&conversion.left_out);
        all.any(|failure| failure.message == message)
    };
    let by: Vec<Framework> = conversions
        .iter()
        .filter(has)
        .map(|c| c.framework)
        .collect();
    match by.as_slice() {
        [one] => format!(" ({one})"),
        _ => String::new(),
    }
}

fn place(row: &Failure) -> Option<String> {
    let what = match (&row.op, &row.node) {
        (_, Some(node)) => Some(format!("`{node}`")),
        (Some(op), None) => Some(op.clone()),
        (None, None) => None,
    };
    let function = row
        .function
        .as_ref()
        .map(|function| format!("`{function}`"));
    let parts: Vec<String> = [what, function].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" in "))
}

/// `float32[?, 28]`; a dtype alone where the rank is unknown.
pub(super) fn tensor_type(dtype: &str, shape: &crate::saved_model::StaticShape) -> String {
    let dim = |dim: &Option<u64>| dim.map_or_else(|| "?".to_owned(), |dim| dim.to_string());
    match shape {
        Some(dims) => format!(
            "{dtype}[{}]",
            dims.iter().map(dim).collect::<Vec<_>>().join(", ")
        ),
        None => dtype.to_owned(),
    }
}
