//! A struct and what belongs to it, in the places of a template.

use super::rust::{Item, Member, print_attribute, print_docs, print_item};
use serde::Serialize;

/// How far what belongs to a struct is indented.
const WITHIN: usize = 4;

/// A struct, its fields and its functions.
pub struct Skeleton {
    name: String,
    docs: Vec<String>,
    attributes: Vec<String>,
    fields: Vec<Member>,
    functions: Option<Functions>,
    alias: Option<String>,
}

/// The functions of a struct.
pub struct Functions {
    /// What is allowed of them, as an attribute's text.
    pub allowed: Option<&'static str>,
    /// `fn new`.
    pub constructor: Item,
    /// What makes it from a file, and what else it can do beside the methods of the model.
    pub loaders: Vec<Item>,
    /// The methods of the model.
    pub methods: Vec<Item>,
}

impl Skeleton {
    /// `pub struct name { fields }`
    pub fn new(name: &str, fields: Vec<Member>) -> Self {
        Self {
            name: name.to_owned(),
            docs: vec![],
            attributes: vec![],
            fields,
            functions: None,
            alias: None,
        }
    }

    /// Adds a paragraph of documentation.
    pub fn doc(mut self, text: impl AsRef<str>) -> Self {
        self.docs.extend(text.as_ref().lines().map(str::to_owned));
        self
    }

    /// Adds `#[text]`.
    pub fn attribute(mut self, text: impl Into<String>) -> Self {
        self.attributes.push(text.into());
        self
    }

    /// With an `impl` of these functions.
    pub fn functions(mut self, functions: Functions) -> Self {
        self.functions = Some(functions);
        self
    }

    /// With the name of a type in front, as its declaration.
    pub fn alias(mut self, alias: Option<String>) -> Self {
        self.alias = alias;
        self
    }

    /// As what a template is given.
    pub fn text(&self) -> Text {
        let attributes = self.attributes.iter();
        let functions = self.functions.as_ref();
        let constructor = functions.map(|functions| print_item(&functions.constructor, WITHIN));
        let allowed = functions.and_then(|functions| functions.allowed);
        Text {
            name: self.name.clone(),
            alias: self.alias.clone(),
            docs: print_docs(&self.docs, 0),
            attributes: attributes.map(|text| print_attribute(text, 0)).collect(),
            fields: self.fields.iter().map(FieldText::new).collect(),
            allowed: allowed.map(|text| print_attribute(text, 0)),
            constructor,
            loaders: functions.map_or(vec![], |functions| printed(&functions.loaders)),
            methods: functions.map_or(vec![], |functions| printed(&functions.methods)),
        }
    }
}

fn printed(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| print_item(item, WITHIN)).collect()
}

/// What the template of a struct is given: Rust, laid out for its place.
#[derive(Debug, Serialize)]
pub struct Text {
    name: String,
    /// The declaration of the type that the constructor takes.
    alias: Option<String>,
    docs: String,
    attributes: Vec<String>,
    fields: Vec<FieldText>,
    allowed: Option<String>,
    constructor: Option<String>,
    loaders: Vec<String>,
    methods: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FieldText {
    docs: String,
    /// `pub `, or nothing.
    visibility: &'static str,
    name: String,
    #[serde(rename = "type")]
    ty: String,
}

impl FieldText {
    fn new(member: &Member) -> Self {
        let text = member.declaration();
        let (visibility, text) = match text.strip_prefix("pub ") {
            Some(text) => ("pub ", text),
            None => ("", text),
        };
        let (name, ty) = text.split_once(": ").unwrap_or((text, ""));
        Self {
            docs: print_docs(member.documentation(), WITHIN),
            visibility,
            name: name.to_owned(),
            ty: ty.to_owned(),
        }
    }
}
