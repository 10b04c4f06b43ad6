//! The support code of generated modules: of its files, what a module uses.

mod names;
mod reach;
mod source;
#[cfg(test)]
mod tests;

use super::rust::{File, Item};
use crate::Framework;
use names::{Name, names};
use reach::{Reach, Search, imported, methods_of};
use savedmodel_import_templates as templates;
use source::Source;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// What modules name of the support code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roots {
    /// Items, as `linear::Linear`.
    items: BTreeSet<String>,
    /// Names that may be methods of them.
    methods: BTreeSet<String>,
}

/// Before the list of what a file of support code is for.
const LIST: &str = "// For ";

impl Roots {
    /// What the texts of a module name that imports these paths.
    pub fn of<'t>(uses: &BTreeSet<String>, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let below = uses
            .iter()
            .filter_map(|path| path.strip_prefix("support::"));
        let (items, modules): (Vec<&str>, Vec<&str>) = below.partition(|path| path.contains("::"));
        let mut roots = Self {
            items: items.into_iter().map(str::to_owned).collect(),
            methods: BTreeSet::new(),
        };
        for name in texts.into_iter().flat_map(names) {
            match name {
                Name::Of(module, item) if modules.contains(&module) => {
                    roots.items.insert(format!("{module}::{item}"));
                }
                Name::Of(_, method) | Name::Member(method) => {
                    roots.methods.insert(method.to_owned());
                }
                Name::Plain(_) => {}
            }
        }
        roots
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The names of this and the other.
    pub fn union(mut self, other: Self) -> Self {
        self.items.extend(other.items);
        self.methods.extend(other.methods);
        self
    }

    /// What a file of support code says that it is for; nothing if it is not one.
    pub fn listed(file: &str) -> Self {
        let mut roots = Self::default();
        let lines = file.lines().filter_map(|line| line.strip_prefix(LIST));
        for word in lines.flat_map(str::split_whitespace) {
            match word.strip_prefix('.') {
                Some(method) => roots.methods.insert(method.to_owned()),
                None => roots.items.insert(word.to_owned()),
            };
        }
        roots
    }

    fn list(&self) -> String {
        let items = self.items.iter().cloned();
        let methods = self.methods.iter().map(|method| format!(".{method}"));
        let mut text = String::new();
        for word in items.chain(methods) {
            let room = text.len() - text.rfind('\n').map_or(0, |at| at + 1) + word.len() < 100;
            match room && !text.is_empty() {
                true => text.push(' '),
                false if text.is_empty() => text.push_str(LIST),
                false => text.push_str(&format!("\n{LIST}")),
            }
            text.push_str(&word);
        }
        text
    }
}

/// The part of the support code that some roots need.
pub struct Support {
    files: &'static [Source],
    roots: Roots,
    reach: Reach,
}

impl Support {
    /// What `roots` need of a framework's support code.
    pub fn new(framework: Framework, roots: Roots) -> Self {
        let files = library(framework);
        let mut search = Search::new(files);
        roots.items.iter().for_each(|path| search.root(path));
        roots.methods.iter().for_each(|name| search.method(name));
        let roots = Roots {
            methods: search.methods(),
            ..roots
        };
        Self {
            files,
            roots,
            reach: search.finish(),
        }
    }

    /// As a module at the end of a file; `None` if nothing is needed.
    pub fn module(&self) -> Option<String> {
        let modules = self.modules("");
        (!modules.is_empty()).then(|| {
            format!(
                "/// Layers and ops that the framework lacks.\n#[rustfmt::skip]\n#[allow(dead_code, unused_imports)]\nmod support {{\n{}\n}}",
                modules.join("\n\n")
            )
        })
    }

    /// As a file, which several modules share.
    pub fn file(&self) -> String {
        format!(
            "//! Layers and ops that the framework lacks, for the generated modules of this crate.\n\n{}\n\n#![allow(dead_code, unused_imports)]\n\n{}\n",
            self.roots.list(),
            self.modules("#[rustfmt::skip]\n").join("\n\n")
        )
    }

    /// Crates beside the framework that it uses, as `name version`.
    pub fn crates(&self) -> Vec<String> {
        let text = self.modules("").concat();
        let known = templates::CRATES.iter();
        let used = known.filter(|(name, _)| text.contains(&format!("{name}::")));
        used.map(|(name, version)| format!("{name} {version}"))
            .collect()
    }

    fn modules(&self, attribute: &str) -> Vec<String> {
        let indices = 0..self.files.len();
        let texts = indices.filter_map(|file| {
            let items = self.items(file);
            (!items.is_empty()).then(|| {
                let uses = self.uses(file);
                let Source { name, docs, .. } = self.files[file];
                format!("{attribute}pub mod {name} {{\n{docs}\n{uses}{items}}}")
            })
        });
        texts.collect()
    }

    /// The needed items of a file, as text.
    fn items(&self, file: usize) -> String {
        let mut text = String::new();
        for (&(_, index), parts) in self.reach.items.range((file, 0)..(file + 1, 0)) {
            let item = &self.files[file].items[index];
            text.push_str(item.text);
            for (i, part) in parts.iter().map(|&part| &item.parts[part]).enumerate() {
                text.push_str(if i == 0 {
                    part.text.trim_start_matches('\n')
                } else {
                    part.text
                });
            }
            if !item.parts.is_empty() {
                text.push_str("}\n");
            }
        }
        text
    }

    /// The imports of a file that its needed items name.
    fn uses(&self, file: usize) -> String {
        let plain = |name: &Name<'static>| match *name {
            Name::Plain(name) => Some(name),
            Name::Of(..) | Name::Member(_) => None,
        };
        let named: BTreeSet<&str> = self.names_in(file).filter_map(plain).collect();
        let called: BTreeSet<&str> = self.names_in(file).map(Name::text).collect();
        let imports = self.files[file].imports.iter();
        let needed = imports.filter(|path| {
            let mut methods = methods_of(self.files, path).iter();
            named.contains(imported(path)) || methods.any(|method| called.contains(method))
        });
        let needed: Vec<String> = needed.cloned().collect();
        match needed.is_empty() {
            true => String::new(),
            false => format!("\n{}", File::new([Item::uses(needed)])),
        }
    }

    /// The names in the needed items of a file.
    fn names_in(&self, file: usize) -> impl Iterator<Item = &'static Name<'static>> {
        let files = self.files;
        let items = self.reach.items.range((file, 0)..(file + 1, 0));
        items.flat_map(move |(&(_, index), parts)| {
            let item = &files[file].items[index];
            let parts = parts.iter().flat_map(|&part| &item.parts[part].names);
            item.names.iter().chain(parts)
        })
    }
}

/// The files of a framework's support code.
fn library(framework: Framework) -> &'static [Source] {
    static CANDLE: OnceLock<Vec<Source>> = OnceLock::new();
    static BURN: OnceLock<Vec<Source>> = OnceLock::new();
    let cell = match framework {
        Framework::Candle => &CANDLE,
        Framework::Burn => &BURN,
    };
    cell.get_or_init(|| {
        let files = files(framework).iter();
        files
            .map(|file| Source::new(file.name, file.source))
            .collect()
    })
}

fn files(framework: Framework) -> &'static [templates::Support] {
    match framework {
        Framework::Candle => templates::candle(),
        Framework::Burn => templates::burn(),
    }
}
