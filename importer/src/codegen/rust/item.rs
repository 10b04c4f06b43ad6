//! Items: what a file or an `impl` holds.

use super::expr::Expr;
use super::stmt::Block;

/// An item with its documentation and attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub(super) docs: Vec<String>,
    pub(super) attributes: Vec<String>,
    pub(super) kind: ItemKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ItemKind {
    Uses(Vec<String>),
    Struct {
        header: String,
        fields: Vec<Member>,
    },
    Enum {
        header: String,
        variants: Vec<Member>,
    },
    /// An `impl` or an inline `mod`.
    Braced {
        header: String,
        items: Vec<Item>,
    },
    Fn(Function),
    Const {
        header: String,
        value: Expr,
    },
    Comment(String),
    Verbatim(String),
}

/// A field of a struct or a variant of an enum.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub(super) docs: Vec<String>,
    pub(super) attributes: Vec<String>,
    pub(super) text: String,
}

impl Member {
    /// `pub name: ty`
    pub fn field(name: &str, ty: &str) -> Self {
        Self::text(format!("pub {name}: {ty}"))
    }

    /// `name: ty`
    pub fn private_field(name: &str, ty: &str) -> Self {
        Self::text(format!("{name}: {ty}"))
    }

    /// `Name` or `Name(Type)`
    pub fn variant(text: impl Into<String>) -> Self {
        Self::text(text.into())
    }

    /// The member without what stands above it.
    pub fn declaration(&self) -> &str {
        &self.text
    }

    /// The lines of its documentation.
    pub fn documentation(&self) -> &[String] {
        &self.docs
    }

    fn text(text: String) -> Self {
        Self {
            docs: Vec::new(),
            attributes: Vec::new(),
            text,
        }
    }

    /// Adds a documentation paragraph; lines that are too long are wrapped.
    pub fn doc(mut self, text: impl AsRef<str>) -> Self {
        self.docs.extend(text.as_ref().lines().map(str::to_string));
        self
    }

    /// Adds `#[text]`.
    pub fn attribute(mut self, text: impl Into<String>) -> Self {
        self.attributes.push(text.into());
        self
    }
}

/// A function's signature and body.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    pub(super) header: String,
    pub(super) params: Vec<String>,
    pub(super) output: Option<String>,
    pub(super) body: Block,
}

impl Function {
    /// `fn name() {}`; the name may carry generic parameters (`forward<const D: usize>`).
    pub fn new(name: impl AsRef<str>) -> Self {
        let header = format!("fn {}", name.as_ref());
        Self {
            header,
            params: Vec::new(),
            output: None,
            body: Block::default(),
        }
    }

    /// `pub fn name() {}`
    pub fn public(name: impl AsRef<str>) -> Self {
        let function = Self::new(name);
        Self {
            header: format!("pub {}", function.header),
            ..function
        }
    }

    /// Adds `&self`, `&mut self` or `self`.
    pub fn receiver(mut self, receiver: &str) -> Self {
        self.params.insert(0, receiver.into());
        self
    }

    /// Adds the parameter `name: ty`.
    pub fn param(mut self, name: &str, ty: &str) -> Self {
        self.params.push(format!("{name}: {ty}"));
        self
    }

    /// `-> ty`
    pub fn returns(mut self, ty: impl Into<String>) -> Self {
        self.output = Some(ty.into());
        self
    }

    /// `{ body }`
    pub fn body(mut self, body: impl Into<Block>) -> Self {
        self.body = body.into();
        self
    }
}

impl From<ItemKind> for Item {
    fn from(kind: ItemKind) -> Self {
        Self {
            docs: Vec::new(),
            attributes: Vec::new(),
            kind,
        }
    }
}

impl From<Function> for Item {
    fn from(function: Function) -> Self {
        ItemKind::Fn(function).into()
    }
}

impl Item {
    /// `use` declarations for these paths, one per module, sorted: `["a::B", "a::C as D", "a::e::*"]`.
    pub fn uses<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> Self {
        ItemKind::Uses(paths.into_iter().map(Into::into).collect()).into()
    }

    /// `pub struct name { fields }`; the name may carry generic parameters.
    pub fn structure(name: impl AsRef<str>, fields: impl IntoIterator<Item = Member>) -> Self {
        let header = format!("pub struct {}", name.as_ref());
        ItemKind::Struct {
            header,
            fields: fields.into_iter().collect(),
        }
        .into()
    }

    /// `pub enum name { variants }`
    pub fn enumeration(name: impl AsRef<str>, variants: impl IntoIterator<Item = Member>) -> Self {
        let header = format!("pub enum {}", name.as_ref());
        ItemKind::Enum {
            header,
            variants: variants.into_iter().collect(),
        }
        .into()
    }

    /// `impl target { items }`; the target may be `Trait for Type`.
    pub fn implementation(target: impl AsRef<str>, items: impl IntoIterator<Item = Item>) -> Self {
        let header = format!("impl {}", target.as_ref());
        ItemKind::Braced {
            header,
            items: items.into_iter().collect(),
        }
        .into()
    }

    /// `mod name { items }`
    pub fn module(name: impl AsRef<str>, items: impl IntoIterator<Item = Item>) -> Self {
        let header = format!("mod {}", name.as_ref());
        ItemKind::Braced {
            header,
            items: items.into_iter().collect(),
        }
        .into()
    }

    /// `const name: ty = value;`
    pub fn constant(name: &str, ty: &str, value: Expr) -> Self {
        ItemKind::Const {
            header: format!("const {name}: {ty}"),
            value,
        }
        .into()
    }

    /// `pub const name: ty = value;`
    pub fn public_constant(name: &str, ty: &str, value: Expr) -> Self {
        ItemKind::Const {
            header: format!("pub const {name}: {ty}"),
            value,
        }
        .into()
    }

    /// `// text` between items.
    pub fn comment(text: impl Into<String>) -> Self {
        ItemKind::Comment(text.into()).into()
    }

    /// Text that is already as rustfmt leaves it, or that rustfmt is told to skip.
    pub fn verbatim(text: impl Into<String>) -> Self {
        ItemKind::Verbatim(text.into()).into()
    }

    /// Makes the item visible outside: `pub`, `pub(crate)`.
    pub fn visible(mut self, visibility: &str) -> Self {
        if let Some(header) = self.header() {
            let bare = header.strip_prefix("pub ").unwrap_or(header);
            *header = format!("{visibility} {bare}");
        }
        self
    }

    fn header(&mut self) -> Option<&mut String> {
        match &mut self.kind {
            ItemKind::Struct { header, .. }
            | ItemKind::Enum { header, .. }
            | ItemKind::Braced { header, .. } => Some(header),
            ItemKind::Const { header, .. } | ItemKind::Fn(Function { header, .. }) => Some(header),
            ItemKind::Uses(_) | ItemKind::Comment(_) | ItemKind::Verbatim(_) => None,
        }
    }

    /// Adds a documentation paragraph; lines that are too long are wrapped.
    pub fn doc(mut self, text: impl AsRef<str>) -> Self {
        self.docs.extend(text.as_ref().lines().map(str::to_string));
        self
    }

    /// Adds `#[text]`.
    pub fn attribute(mut self, text: impl Into<String>) -> Self {
        self.attributes.push(text.into());
        self
    }
}

/// A whole source file, or a module's content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    pub(super) docs: Vec<String>,
    pub(super) attributes: Vec<String>,
    pub(super) items: Vec<Item>,
}

impl File {
    /// A file of these items.
    pub fn new(items: impl IntoIterator<Item = Item>) -> Self {
        Self {
            items: items.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds a paragraph of `//!` documentation.
    pub fn doc(mut self, text: impl AsRef<str>) -> Self {
        self.docs.extend(text.as_ref().lines().map(str::to_string));
        self
    }

    /// Adds `#![text]`.
    pub fn attribute(mut self, text: impl Into<String>) -> Self {
        self.attributes.push(text.into());
        self
    }

    /// Adds an item.
    pub fn push(&mut self, item: impl Into<Item>) {
        self.items.push(item.into());
    }
}
