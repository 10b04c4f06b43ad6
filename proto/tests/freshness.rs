//! The checked-in Rust is what prost makes of `proto/`, and the tables for text format agree with it.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use prost_build::Config;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn descriptors(root: &Path) -> Result<FileDescriptorSet> {
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("proto/tensorflow"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::result::Result<_, _>>()?;
    files.sort();
    Ok(protox::compile(&files, [root.join("proto")])?)
}

fn types(descriptors: FileDescriptorSet) -> Result<String> {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    Config::new()
        .btree_map(["."])
        .bytes(["."])
        .out_dir(&out)
        .compile_fds(descriptors)?;
    Ok(fs::read_to_string(out.join("tensorflow.rs"))?)
}

/// Messages and enumerations with their full names, nested ones after their parents.
#[derive(Default)]
struct Names<'d> {
    messages: Vec<(String, &'d DescriptorProto)>,
    enums: Vec<(String, &'d EnumDescriptorProto)>,
}

impl<'d> Names<'d> {
    fn add(&mut self, scope: &str, message: &'d DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        self.messages.push((name.clone(), message));
        for inner in &message.enum_type {
            self.enums.push((format!("{name}.{}", inner.name()), inner));
        }
        for inner in &message.nested_type {
            self.add(&name, inner);
        }
    }

    fn field_type(&self, field: &FieldDescriptorProto) -> Result<String> {
        let target = field.type_name().trim_start_matches('.');
        let message = || self.messages.iter().position(|(name, _)| name == target);
        let enumeration = || self.enums.iter().position(|(name, _)| name == target);
        Ok(match field.r#type() {
            Type::Message => format!("Message({})", message().ok_or("an unknown message")?),
            Type::Enum => format!("Enum({})", enumeration().ok_or("an unknown enum")?),
            Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => "Integer".to_owned(),
            Type::Sint32 | Type::Sint64 => "Signed".to_owned(),
            Type::Fixed32 | Type::Sfixed32 => "Fixed32".to_owned(),
            Type::Fixed64 | Type::Sfixed64 => "Fixed64".to_owned(),
            Type::Bool => "Bool".to_owned(),
            Type::Float => "Float".to_owned(),
            Type::Double => "Double".to_owned(),
            Type::String => "String".to_owned(),
            Type::Bytes => "Bytes".to_owned(),
            Type::Group => return Err("groups are not used".into()),
        })
    }
}

fn tables(descriptors: &FileDescriptorSet) -> Result<String> {
    let mut names = Names::default();
    for file in &descriptors.file {
        for message in &file.message_type {
            names.add(file.package(), message);
        }
        for inner in &file.enum_type {
            names
                .enums
                .push((format!("{}.{}", file.package(), inner.name()), inner));
        }
    }
    let mut out = String::from("/// All messages.\npub static MESSAGES: &[Message] = &[\n");
    for (name, message) in &names.messages {
        writeln!(
            out,
            "    Message {{\n        name: \"{name}\",\n        fields: &["
        )?;
        for field in &message.field {
            let (name, number) = (field.name(), field.number());
            let kind = names.field_type(field)?;
            writeln!(
                out,
                "            Field {{ name: \"{name}\", number: {number}, kind: FieldType::{kind} }},"
            )?;
        }
        writeln!(out, "        ],\n    }},")?;
    }
    out.push_str("];\n/// All enumerations.\npub static ENUMS: &[Enum] = &[\n");
    for (name, inner) in &names.enums {
        writeln!(
            out,
            "    Enum {{\n        name: \"{name}\",\n        values: &["
        )?;
        for value in &inner.value {
            writeln!(
                out,
                "            (\"{}\", {}),",
                value.name(),
                value.number()
            )?;
        }
        writeln!(out, "        ],\n    }},")?;
    }
    out.push_str("];\n");
    Ok(out)
}

fn check(file: &Path, fresh: &str) -> Result<()> {
    if fs::read_to_string(file).unwrap_or_default() == fresh {
        return Ok(());
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(file, fresh)?;
    }
    Err(format!("{} was stale; UPDATE=1 rewrites it", file.display()).into())
}

#[test]
fn the_generated_files_are_fresh() -> Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let descriptors = descriptors(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let checked_tables = check(&source.join("schema_tables.rs"), &tables(&descriptors)?);
    check(&source.join("tensorflow.rs"), &types(descriptors)?)?;
    checked_tables
}
