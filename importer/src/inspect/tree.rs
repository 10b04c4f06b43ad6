//! Trees on a terminal: what is equal in a row takes one line, and what is said elsewhere none.

use std::iter::Peekable;
use std::slice::Iter;

use super::print::{MAX_ITEMS, more, plural};
use super::{ModuleRow, ObjectRow};

/// A part of the object tree, as lines below a name.
struct Branch {
    name: String,
    text: String,
    children: Vec<Branch>,
}

/// The object tree, with equal neighbours in one line.
pub fn objects(rows: &[ObjectRow]) -> Vec<String> {
    let mut rows = rows.iter().peekable();
    let Some(root) = rows.next() else {
        return vec![];
    };
    let mut children = vec![];
    while let Some(branch) = branch(&mut rows, 1) {
        children.push(branch);
    }
    children.retain(|branch| !branch.is_noise());
    let mut lines = vec![match root.class.as_str() {
        "" => "objects".to_owned(),
        class => format!("objects  {class}"),
    }];
    show(&children, "  ", &mut lines);
    match lines.len() {
        1 => vec![],
        _ => lines,
    }
}

/// Whether an attribute gathers what other attributes have.
fn is_gathered(name: &str) -> bool {
    const GATHERED: [&str; 5] = [
        "variables",
        "trainable_variables",
        "non_trainable_variables",
        "regularization_losses",
        "axis",
    ];
    GATHERED.contains(&name)
}

fn branch(rows: &mut Peekable<Iter<'_, ObjectRow>>, depth: usize) -> Option<Branch> {
    let row = rows.next_if(|row| row.depth == depth)?;
    let mut made = Branch {
        name: row.name.clone(),
        text: text(row),
        children: vec![],
    };
    while let Some(child) = branch(rows, depth + 1) {
        made.children.push(child);
    }
    made.summarise(row.kind);
    Some(made)
}

impl Branch {
    /// Says in a word what needs no list: the traces of a function, a collection of nothing but references, and one of
    /// variables, which have a section of their own.
    fn summarise(&mut self, kind: &str) {
        self.children.retain(|child| !child.is_noise());
        if kind == "function" {
            self.children.clear();
        }
        if !matches!(kind, "list" | "dict" | "tuple") {
            return;
        }
        let count = self.children.len();
        let refers = |child: &Branch| child.text.starts_with("= ");
        let is_variable = |child: &Branch| child.text.starts_with("variable  ");
        let summary = match () {
            () if count == 0 => format!("{kind}, empty"),
            () if self.children.iter().all(refers) => format!("{kind} of {count} listed elsewhere"),
            () if count > 4 && self.children.iter().all(is_variable) => {
                format!("{kind} of {count} variables")
            }
            () => return,
        };
        self.text = summary;
        self.children.clear();
    }

    /// What Keras adds to every layer.
    fn is_noise(&self) -> bool {
        let is_empty = self.text.ends_with(", empty");
        let elsewhere = self.text.ends_with(" listed elsewhere");
        self.name == "keras_api"
            || (is_empty && (self.name.starts_with('_') || is_gathered(&self.name)))
            || (elsewhere && is_gathered(&self.name))
            || (self.name.starts_with('_') && self.text == "function  never traced")
            || self.name == "call_and_return_all_conditional_losses"
            || self.name == "call_and_return_conditional_losses"
    }

    /// Whether another looks the same but for its name.
    fn is_like(&self, other: &Branch) -> bool {
        let pairs = || self.children.iter().zip(&other.children);
        self.text == other.text
            && self.children.len() == other.children.len()
            && pairs().all(|(a, b)| a.name == b.name && a.is_like(b))
    }
}

fn text(row: &ObjectRow) -> String {
    if let Some(path) = &row.same_as {
        return match path.as_str() {
            "" => "= the model".to_owned(),
            path => format!("= {path}"),
        };
    }
    let words = [
        if row.class.is_empty() {
            row.kind
        } else {
            &row.class
        },
        &row.detail,
    ];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join("  ")
}

fn show(branches: &[Branch], indent: &str, lines: &mut Vec<String>) {
    let mut index = 0;
    let mut shown = 0;
    while let Some(first) = branches.get(index) {
        if shown == MAX_ITEMS {
            lines.extend(more(branches.len(), index, indent));
            return;
        }
        let alike = branches[index + 1..]
            .iter()
            .take_while(|next| is_next(first, next));
        let count = 1 + alike.count();
        let last = &branches[index + count - 1].name;
        let name = match count {
            1 => first.name.clone(),
            _ => format!("{}..{last}", first.name),
        };
        lines.push(format!("{indent}{name}  {}", first.text));
        show(&first.children, &format!("{indent}  "), lines);
        index += count;
        shown += 1;
    }
}

/// Whether a neighbour belongs into one line: it looks the same, and its name differs by a number only.
fn is_next(first: &Branch, next: &Branch) -> bool {
    let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (a, b) = (stem(&first.name), stem(&next.name));
    first.name[..a] == next.name[..b]
        && a < first.name.len()
        && b < next.name.len()
        && first.is_like(next)
}

/// The modules of generated code, with equal neighbours in one line.
pub fn modules(rows: &[ModuleRow]) -> Vec<String> {
    if rows.is_empty() {
        return vec![];
    }
    let mut rows = rows.iter().peekable();
    let mut fields = vec![];
    while let Some(field) = field(&mut rows, 0) {
        fields.push(field);
    }
    let mut lines = vec!["modules".to_owned()];
    show(&fields, "  ", &mut lines);
    lines
}

fn field(rows: &mut Peekable<Iter<'_, ModuleRow>>, depth: usize) -> Option<Branch> {
    let row = rows.next_if(|row| row.depth == depth)?;
    let what = match row.count {
        Some(count) => format!("{count} × {}", row.what),
        None => row.what.clone(),
    };
    let parameters = match usize::try_from(row.parameters) {
        Ok(0) => String::new(),
        count => format!("  {}", plural(count.unwrap_or(usize::MAX), "parameter")),
    };
    let mut made = Branch {
        name: row.name.clone(),
        text: format!("{what}{parameters}"),
        children: vec![],
    };
    while let Some(child) = field(rows, depth + 1) {
        made.children.push(child);
    }
    Some(made)
}
