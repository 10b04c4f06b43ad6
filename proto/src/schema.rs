//! The messages' fields by name, for text format.

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A varint: int32, int64, uint32, uint64.
    Integer,
    /// A zigzag varint: sint64.
    Signed,
    /// Four bytes.
    Fixed32,
    /// Eight bytes.
    Fixed64,
    /// A bool.
    Bool,
    /// A float of four bytes.
    Float,
    /// A float of eight bytes.
    Double,
    /// UTF-8 text.
    String,
    /// Bytes.
    Bytes,
    /// An enumeration: an index into `ENUMS`.
    Enum(usize),
    /// A message: an index into `MESSAGES`.
    Message(usize),
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// The number on the wire.
    pub number: u32,
    /// The type of one value.
    pub kind: FieldType,
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// The name, with its package: `tensorflow.NodeDef`.
    pub name: &'static str,
    /// The fields.
    pub fields: &'static [Field],
}

/// An enumeration.
#[derive(Clone, Copy, Debug)]
pub struct Enum {
    /// The name, with its package.
    pub name: &'static str,
    /// The values by name.
    pub values: &'static [(&'static str, i32)],
}

/// The message with that name.
pub fn message(name: &str) -> Option<&'static Message> {
    MESSAGES.iter().find(|message| message.name == name)
}

include!("schema_tables.rs");
