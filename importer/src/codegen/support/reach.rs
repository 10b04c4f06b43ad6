//! Which items a module needs: those that it names, and all that they name.

use super::names::{Name, names};
use super::source::{Item, Kind, Part, Source};
use savedmodel_import_templates as templates;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The items of a library that are needed, and of each the parts.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// By file and item, in their order.
    pub items: BTreeMap<(usize, usize), BTreeSet<usize>>,
}

/// What of the support code something names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Item(usize, usize),
    /// A line of a list of definitions.
    Part(usize, usize, usize),
}

/// Grows a [`Reach`] until nothing more is named.
pub struct Search<'l> {
    files: &'l [Source],
    reach: Reach,
    /// The names after a dot or a path, which may be methods, with the type where the path tells it.
    called: BTreeSet<(Option<&'static str>, &'static str)>,
    /// Names that are not followed yet: their file, and the type that is `Self` to them.
    open: Vec<(usize, &'l [Name<'static>], Option<&'static str>)>,
}

impl<'l> Search<'l> {
    pub fn new(files: &'l [Source]) -> Self {
        Self {
            files,
            reach: Reach::default(),
            called: BTreeSet::new(),
            open: vec![],
        }
    }

    /// What a module names: paths such as `linear::Linear`, and the names of methods.
    pub fn root(&mut self, path: &str) {
        let mut segments = path.split("::");
        let file = segments.next().unwrap_or_default();
        let (Some(file), Some(name)) = (self.file(file), segments.next()) else {
            return;
        };
        if let Some(target) = self.defined(file, name) {
            self.take(target);
        }
    }

    /// The name of a method that a module calls.
    pub fn method(&mut self, name: &str) {
        let parts = self.files.iter().flat_map(|file| &file.items);
        let mut parts = parts.flat_map(|item| &item.parts);
        if let Some(part) = parts.find(|part| part.name == name) {
            self.called.insert((None, part.name));
        }
    }

    /// The names of methods that were given, of those that the support code has.
    pub fn methods(&self) -> BTreeSet<String> {
        self.called
            .iter()
            .map(|(_, name)| (*name).to_owned())
            .collect()
    }

    /// Everything that is needed.
    pub fn finish(mut self) -> Reach {
        loop {
            let before = self.size();
            while let Some((file, names, owner)) = self.open.pop() {
                self.follow(file, names, owner);
            }
            self.take_methods();
            self.take_implementations();
            if self.open.is_empty() && self.size() == before {
                return self.reach;
            }
        }
    }

    fn size(&self) -> (usize, usize, usize) {
        let parts = self.reach.items.values().map(BTreeSet::len).sum();
        (self.reach.items.len(), parts, self.called.len())
    }

    fn follow(&mut self, file: usize, names: &[Name<'static>], owner: Option<&'static str>) {
        for name in names {
            match *name {
                Name::Member(name) => {
                    self.called.insert((None, name));
                }
                Name::Of("Self", name) => {
                    self.called.insert((owner, name));
                }
                Name::Of(of, name) => {
                    self.called.insert((Some(of), name));
                }
                Name::Plain(_) => {}
            }
            if let Some(target) = self.resolve(file, name) {
                self.take(target);
            }
            self.take_trait(file, name);
        }
    }

    /// The trait that a file imports for the sake of a method.
    fn take_trait(&mut self, file: usize, name: &Name<'_>) {
        let (Name::Member(method) | Name::Of(_, method)) = *name else {
            return;
        };
        let imports = self.files[file].imports.iter();
        let mut offered = imports.filter(|path| methods_of(self.files, path).contains(&method));
        if let Some(path) = offered.next()
            && let Some(target) = self.resolve(file, &Name::Plain(imported(path)))
        {
            self.take(target);
        }
    }

    /// What a name in a file means, if it is something of the support code.
    fn resolve(&self, file: usize, name: &Name<'_>) -> Option<Target> {
        match *name {
            Name::Member(_) => None,
            Name::Of(of, name) => self.defined(self.file(of)?, name),
            Name::Plain(name) => self.defined(file, name).or_else(|| {
                let imports = self.files[file].imports.iter();
                let mut found = imports.filter(|path| imported(path) == name);
                let (module, name) = found.find_map(|path| sibling(path))?;
                self.defined(self.file(module)?, name)
            }),
        }
    }

    fn file(&self, name: &str) -> Option<usize> {
        self.files.iter().position(|file| file.name == name)
    }

    fn defined(&self, file: usize, name: &str) -> Option<Target> {
        let items = self.files[file].items.iter().enumerate();
        let mut targets = items.filter_map(|(index, item)| match &item.kind {
            Kind::Named(names) if names.is_empty() => {
                let part = item.parts.iter().position(|part| part.name == name)?;
                Some(Target::Part(file, index, part))
            }
            Kind::Named(names) => names.contains(&name).then_some(Target::Item(file, index)),
            Kind::Implementation | Kind::Methods(_) => None,
        });
        targets.next()
    }

    fn take(&mut self, target: Target) {
        let (Target::Item(file, index) | Target::Part(file, index, _)) = target;
        let item: &'l Item = &self.files[file].items[index];
        if let Entry::Vacant(place) = self.reach.items.entry((file, index)) {
            place.insert(BTreeSet::new());
            self.open.push((file, &item.names, owner(item)));
        }
        if let Target::Part(_, _, part) = target {
            self.take_part((file, index), part, &item.parts[part], owner(item));
        }
    }

    fn take_part(
        &mut self,
        at: (usize, usize),
        index: usize,
        part: &'l Part,
        owner: Option<&'static str>,
    ) {
        let parts = self.reach.items.entry(at).or_default();
        if parts.insert(index) {
            self.open.push((at.0, &part.names, owner));
        }
    }

    /// The methods that are called of the types that are needed.
    fn take_methods(&mut self) {
        for (file, source) in self.files.iter().enumerate() {
            for (index, item) in source.items.iter().enumerate() {
                let Kind::Methods(of) = item.kind else {
                    continue;
                };
                if !self.has(file, of) {
                    continue;
                }
                for (part, method) in item.parts.iter().enumerate() {
                    let owners = [None, Some(of)];
                    if owners
                        .iter()
                        .any(|owner| self.called.contains(&(*owner, method.name)))
                    {
                        self.take(Target::Part(file, index, part));
                    }
                }
            }
        }
    }

    /// What is implemented for types that are needed, of traits that are.
    fn take_implementations(&mut self) {
        for (file, source) in self.files.iter().enumerate() {
            for (index, item) in source.items.iter().enumerate() {
                if item.kind == Kind::Implementation && self.wants(file, item) {
                    self.take(Target::Item(file, index));
                }
            }
        }
    }

    /// Whether all is needed that the header of an implementation names.
    fn wants(&self, file: usize, item: &Item) -> bool {
        let headers = headers(item, &self.files[file]);
        let mut named = headers.iter().filter_map(|name| self.resolve(file, name));
        let mut some = false;
        let all = named.all(|target| {
            some = true;
            let (Target::Item(file, index) | Target::Part(file, index, _)) = target;
            self.reach.items.contains_key(&(file, index))
        });
        all && some
    }

    fn has(&self, file: usize, name: &str) -> bool {
        match self.resolve(file, &Name::Plain(name)) {
            Some(Target::Item(file, index)) => self.reach.items.contains_key(&(file, index)),
            Some(Target::Part(..)) | None => false,
        }
    }
}

/// The type that `Self` is in an item.
fn owner(item: &Item) -> Option<&'static str> {
    match &item.kind {
        Kind::Methods(of) => Some(of),
        Kind::Named(names) => names.first().copied(),
        Kind::Implementation => {
            let header = implementations(item.text).next()?;
            names_of_target(header)
        }
    }
}

fn names_of_target(header: &'static str) -> Option<&'static str> {
    let (_, target) = header.split_once(" for ")?;
    super::names::words(target).next()
}

/// The headers of the implementations in an item, or in what it invokes.
fn headers(item: &Item, file: &Source) -> Vec<Name<'static>> {
    let own = implementations(item.text).next().is_some();
    let text = match own {
        true => item.text,
        false => invoked(item, file).unwrap_or_default(),
    };
    implementations(text).flat_map(names).collect()
}

/// The text of the macro that an item invokes.
fn invoked(item: &Item, file: &Source) -> Option<&'static str> {
    let name = super::names::words(item.text).next()?;
    let mut macros = file.items.iter();
    let named = macros.find(|other| match &other.kind {
        Kind::Named(names) => names.contains(&name),
        Kind::Implementation | Kind::Methods(_) => false,
    });
    named.map(|found| found.text)
}

/// From each `impl` to its brace.
fn implementations(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with("impl"))
        .map(|line| line.split('{').next().unwrap_or_default())
}

/// The name that an import gives.
pub fn imported(path: &str) -> &str {
    match path.split_once(" as ") {
        Some((_, name)) => name,
        None => {
            let path = path.trim_end_matches("::self");
            path.rsplit("::").next().unwrap_or_default()
        }
    }
}

/// The file and the name in it that an import leads to.
fn sibling(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix("super::")?.split(" as ").next()?;
    path.split_once("::")
}

/// The methods for whose sake an import may stand that nobody names: those of a trait.
pub fn methods_of<'f>(files: &'f [Source], path: &str) -> &'f [&'static str] {
    let mut known = templates::EXTENSIONS.iter();
    if let Some((_, methods)) = known.find(|(of, _)| *of == path) {
        return methods;
    }
    let named = sibling(path).and_then(|(module, name)| {
        let file = files.iter().find(|file| file.name == module)?;
        let mut items = file.items.iter();
        items.find(|item| match &item.kind {
            Kind::Named(names) => names.contains(&name),
            Kind::Implementation | Kind::Methods(_) => false,
        })
    });
    named.map_or(&[], |item| &item.offers)
}
