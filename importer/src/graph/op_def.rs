//! TensorFlow's op registry: argument names and attribute defaults.
//!
//! A SavedModel leaves out every attribute that equals its default, and a function body names a node's outputs by the op
//! definition's argument names, so neither can be read without this table. `ops.txt` is written by
//! `tests/fixtures/op_registry.py`, which documents its format; a line is parsed when its op is first asked for.

use std::sync::OnceLock;

use savedmodel_import_proto::attr_value::{ListValue, Value};
use savedmodel_import_proto::bytes::Bytes;
use savedmodel_import_proto::tensor_shape_proto::Dim;
use savedmodel_import_proto::{AttrValue, DataType, NameAttrList, TensorShapeProto};

use crate::{Error, Result};

/// The largest number of tensors that one argument may stand for.
const MAX_SPAN: usize = 1 << 20;

static REGISTRY: &str = include_str!("ops.txt");

/// The definition of a TensorFlow op.
#[derive(Debug)]
pub struct OpDef {
    /// The op's name, as in `NodeDef.op`.
    pub name: &'static str,
    /// Whether two equal nodes may behave differently, or a node may act on something outside the graph.
    pub stateful: bool,
    /// Whether the two inputs may be swapped.
    pub commutative: bool,
    /// The input arguments, in order.
    pub inputs: Vec<ArgDef>,
    /// The output arguments, in order.
    pub outputs: Vec<ArgDef>,
    /// The attributes, in the order of the registry.
    pub attrs: Vec<AttrDef>,
}

/// An input or output argument; it stands for one tensor or for several.
#[derive(Debug)]
pub struct ArgDef {
    /// The name, as in `node:NAME:0`.
    pub name: &'static str,
    /// What decides the dtype.
    pub ty: ArgType,
    /// The int attribute that says how many tensors there are, if it is not one.
    pub number_attr: Option<&'static str>,
    /// Whether it is a reference to a TF1 variable.
    pub is_ref: bool,
}

/// What decides the dtype of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgType {
    /// Always this dtype.
    Fixed(DataType),
    /// The dtype in this attribute.
    Attr(&'static str),
    /// One tensor for each dtype in this list attribute.
    List(&'static str),
}

/// An attribute of an op.
#[derive(Debug)]
pub struct AttrDef {
    /// The attribute's name.
    pub name: &'static str,
    /// The registry's name for its type, for example `list(int)`.
    pub ty: &'static str,
    /// What an absent attribute means; `None` where a node must have it.
    pub default: Option<AttrValue>,
}

/// The definition of `name`, or `None` for an op that TensorFlow does not register.
pub fn op_def(name: &str) -> Option<&'static OpDef> {
    let entries = entries();
    let index = entries
        .binary_search_by_key(&name, |entry| entry.name)
        .ok()?;
    entries[index].def()
}

/// The error for an op that cannot be done: one of TensorFlow's, or of nobody that is known.
pub fn unsupported(op: &str) -> Error {
    match op_def(op) {
        Some(_) => Error::unsupported(format!("the op {op} is not supported")),
        None => Error::unsupported(format!("Op type not registered '{op}'"))
            .help("TensorFlow itself has no such op; the model needs the library that adds it"),
    }
}

struct Entry {
    name: &'static str,
    line: &'static str,
    def: OnceLock<Option<OpDef>>,
}

impl Entry {
    fn def(&'static self) -> Option<&'static OpDef> {
        self.def.get_or_init(|| parse_op(self.line)).as_ref()
    }
}

fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let entry = |line: &'static str| Entry {
            name: line.split('\t').next().unwrap_or(line),
            line,
            def: OnceLock::new(),
        };
        REGISTRY.lines().map(entry).collect()
    })
}

impl OpDef {
    /// What an absent attribute `name` means, or `None` where the op has no such attribute or no default for it.
    pub fn default(&self, name: &str) -> Option<&AttrValue> {
        let attr = self.attrs.iter().find(|attr| attr.name == name)?;
        attr.default.as_ref()
    }

    /// The flat index of the output that a function body writes as `node:arg:index`. `attr` reads the node's attributes.
    pub fn output_index<'a>(
        &'a self,
        arg: &str,
        index: usize,
        attr: impl Fn(&str) -> Option<&'a AttrValue>,
    ) -> Result<usize> {
        let mut start = 0;
        for output in &self.outputs {
            let span = self.span(output, &attr)?;
            if output.name == arg && index < span {
                return Ok(start + index);
            }
            if output.name == arg {
                let message =
                    format!("output `{arg}` has {span} tensors, and number {index} is asked for");
                return Err(Error::malformed(message));
            }
            start += span;
        }
        let message = format!("{} has no output `{arg}`", self.name);
        Err(Error::malformed(message))
    }

    /// How many tensors `arg` stands for in a node with these attributes.
    pub fn span<'a>(
        &'a self,
        arg: &ArgDef,
        attr: impl Fn(&str) -> Option<&'a AttrValue>,
    ) -> Result<usize> {
        let count = match (arg.number_attr, arg.ty) {
            (Some(name), _) => usize::try_from(self.int(name, &attr)?).ok(),
            (None, ArgType::List(name)) => Some(self.list(name, &attr)?.r#type.len()),
            (None, ArgType::Attr(_) | ArgType::Fixed(_)) => Some(1),
        };
        count.filter(|count| *count <= MAX_SPAN).ok_or_else(|| {
            let message = format!(
                "argument `{}` has an impossible number of tensors",
                arg.name
            );
            Error::malformed(message)
        })
    }

    /// The dtypes of all inputs of a node with these attributes, flat.
    pub fn input_types<'a>(
        &'a self,
        attr: impl Fn(&str) -> Option<&'a AttrValue>,
    ) -> Result<Vec<DataType>> {
        self.types(&self.inputs, attr)
    }

    /// The dtypes of all outputs of a node with these attributes, flat.
    pub fn output_types<'a>(
        &'a self,
        attr: impl Fn(&str) -> Option<&'a AttrValue>,
    ) -> Result<Vec<DataType>> {
        self.types(&self.outputs, attr)
    }

    fn types<'a>(
        &'a self,
        args: &[ArgDef],
        attr: impl Fn(&str) -> Option<&'a AttrValue>,
    ) -> Result<Vec<DataType>> {
        let mut types = Vec::new();
        for arg in args {
            let span = self.span(arg, &attr)?;
            match arg.ty {
                ArgType::Fixed(dtype) => types.extend(std::iter::repeat_n(dtype, span)),
                ArgType::Attr(name) => {
                    let dtype = self.dtype(name, &attr)?;
                    types.extend(std::iter::repeat_n(dtype, span));
                }
                ArgType::List(name) => {
                    for code in &self.list(name, &attr)?.r#type {
                        types.push(data_type(name, *code)?);
                    }
                }
            }
        }
        Ok(types)
    }

    fn value<'a>(
        &'a self,
        name: &str,
        attr: impl Fn(&str) -> Option<&'a AttrValue>,
    ) -> Result<&'a Value> {
        let value = attr(name).or_else(|| self.default(name));
        value.and_then(|value| value.value.as_ref()).ok_or_else(|| {
            let message = format!("{} lacks its attribute `{name}`", self.name);
            Error::malformed(message)
        })
    }

    fn int<'a>(&'a self, name: &str, attr: impl Fn(&str) -> Option<&'a AttrValue>) -> Result<i64> {
        match self.value(name, attr)? {
            Value::I(value) => Ok(*value),
            other => Err(wrong_kind(name, "an int", other)),
        }
    }

    fn dtype<'a>(
        &'a self,
        name: &str,
        attr: impl Fn(&str) -> Option<&'a AttrValue>,
    ) -> Result<DataType> {
        match self.value(name, attr)? {
            Value::Type(code) => data_type(name, *code),
            other => Err(wrong_kind(name, "a dtype", other)),
        }
    }

    fn list<'a>(
        &'a self,
        name: &str,
        attr: impl Fn(&str) -> Option<&'a AttrValue>,
    ) -> Result<&'a ListValue> {
        match self.value(name, attr)? {
            Value::List(list) => Ok(list),
            other => Err(wrong_kind(name, "a list", other)),
        }
    }
}

fn wrong_kind(name: &str, want: &str, got: &Value) -> Error {
    Error::malformed(format!(
        "attribute `{name}` should be {want}, and is {got:?}"
    ))
}

fn data_type(name: &str, code: i32) -> Result<DataType> {
    DataType::try_from(code)
        .map_err(|_| Error::malformed(format!("attribute `{name}` has the unknown dtype {code}")))
}

fn parse_op(line: &'static str) -> Option<OpDef> {
    let mut fields = line.split('\t');
    let (name, flags) = (fields.next()?, fields.next()?);
    Some(OpDef {
        name,
        stateful: flags.contains('s'),
        commutative: flags.contains('c'),
        inputs: split(fields.next()?, ',')
            .map(parse_arg)
            .collect::<Option<_>>()?,
        outputs: split(fields.next()?, ',')
            .map(parse_arg)
            .collect::<Option<_>>()?,
        attrs: split(fields.next()?, ';')
            .map(parse_attr)
            .collect::<Option<_>>()?,
    })
}

/// Splits, and takes an empty text for no item at all.
fn split(text: &'static str, separator: char) -> impl Iterator<Item = &'static str> {
    text.split(separator).filter(|item| !item.is_empty())
}

fn parse_arg(text: &'static str) -> Option<ArgDef> {
    let (name, spec) = text.split_once(':')?;
    let (is_ref, spec) = match spec.strip_prefix('&') {
        Some(rest) => (true, rest),
        None => (false, spec),
    };
    let (ty, number_attr) = match spec.split_once('*') {
        Some((ty, number)) => (ty, Some(number)),
        None => (spec, None),
    };
    Some(ArgDef {
        name,
        ty: parse_arg_type(ty)?,
        number_attr,
        is_ref,
    })
}

fn parse_arg_type(text: &'static str) -> Option<ArgType> {
    if let Some(list) = text.strip_prefix('[') {
        return Some(ArgType::List(list.strip_suffix(']')?));
    }
    if text.starts_with("DT_") {
        return DataType::from_str_name(text).map(ArgType::Fixed);
    }
    Some(ArgType::Attr(text))
}

fn parse_attr(text: &'static str) -> Option<AttrDef> {
    let (name, rest) = text.split_once(':')?;
    let (ty, default) = match rest.split_once('=') {
        Some((ty, default)) => (ty, Some(parse_value(ty, default)?)),
        None => (rest, None),
    };
    Some(AttrDef {
        name,
        ty,
        default: default.map(|value| AttrValue { value: Some(value) }),
    })
}

fn parse_value(ty: &str, text: &'static str) -> Option<Value> {
    Some(match ty {
        "string" => Value::S(parse_string(text)?),
        "int" => Value::I(text.parse().ok()?),
        "float" => Value::F(text.parse().ok()?),
        "bool" => Value::B(text.parse().ok()?),
        "type" => Value::Type(parse_dtype(text)?),
        "shape" => Value::Shape(parse_shape(text)?),
        "func" => Value::Func(function(text)),
        list => {
            let item = list.strip_prefix("list(")?.strip_suffix(')')?;
            Value::List(parse_list(
                item,
                text.strip_prefix('[')?.strip_suffix(']')?,
            )?)
        }
    })
}

fn parse_list(item: &str, text: &'static str) -> Option<ListValue> {
    let items = split(text, ',');
    let mut list = ListValue::default();
    match item {
        "string" => list.s = items.map(parse_string).collect::<Option<_>>()?,
        "int" => list.i = items.map(|item| item.parse().ok()).collect::<Option<_>>()?,
        "float" => list.f = items.map(|item| item.parse().ok()).collect::<Option<_>>()?,
        "bool" => list.b = items.map(|item| item.parse().ok()).collect::<Option<_>>()?,
        "type" => list.r#type = items.map(parse_dtype).collect::<Option<_>>()?,
        "shape" => list.shape = items.map(parse_shape).collect::<Option<_>>()?,
        "func" => list.func = items.map(function).collect(),
        _ => return None,
    }
    Some(list)
}

fn parse_dtype(text: &str) -> Option<i32> {
    DataType::from_str_name(text).map(i32::from)
}

fn function(name: &str) -> NameAttrList {
    NameAttrList {
        name: name.to_owned(),
        ..NameAttrList::default()
    }
}

fn parse_shape(text: &'static str) -> Option<TensorShapeProto> {
    let text = text.strip_prefix('{')?.strip_suffix('}')?;
    let unknown_rank = text == "?";
    let sizes = split(if unknown_rank { "" } else { text }, ' ');
    let dim = |size: &str| {
        Some(Dim {
            size: size.parse().ok()?,
            ..Dim::default()
        })
    };
    Some(TensorShapeProto {
        dim: sizes.map(dim).collect::<Option<_>>()?,
        unknown_rank,
    })
}

fn parse_string(text: &str) -> Option<Bytes> {
    let mut parts = text.strip_prefix('"')?.strip_suffix('"')?.split("\\x");
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(op: &str, attr: &str) -> Value {
        let def = op_def(op).expect("a registered op");
        let value = def.default(attr).expect("a default");
        value.value.clone().expect("a value")
    }

    fn list_of(types: &[DataType]) -> AttrValue {
        let list = ListValue {
            r#type: types.iter().map(|dtype| i32::from(*dtype)).collect(),
            ..ListValue::default()
        };
        AttrValue {
            value: Some(Value::List(list)),
        }
    }

    fn int(value: i64) -> AttrValue {
        AttrValue {
            value: Some(Value::I(value)),
        }
    }

    #[test]
    fn every_line_of_the_registry_parses_and_is_found() {
        for line in REGISTRY.lines() {
            let name = line.split('\t').next().expect("a name");
            let def = op_def(name).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(def.name, name);
        }
        assert!(op_def("NoSuchOp").is_none());
        assert!(op_def("").is_none());
    }

    #[test]
    fn defaults_are_typed() {
        assert_eq!(value("FusedBatchNormV3", "is_training"), Value::B(true));
        assert_eq!(value("FusedBatchNormV3", "epsilon"), Value::F(0.0001));
        assert_eq!(value("Conv2D", "data_format"), Value::S("NHWC".into()));
        assert_eq!(value("DecodeCSV", "field_delim"), Value::S(",".into()));
        assert_eq!(value("StringFormat", "template"), Value::S("%s".into()));
        let dilations = ListValue {
            i: vec![1, 1, 1, 1],
            ..ListValue::default()
        };
        assert_eq!(value("Conv2D", "dilations"), Value::List(dilations));
        let unknown = TensorShapeProto {
            unknown_rank: true,
            ..TensorShapeProto::default()
        };
        assert_eq!(value("Placeholder", "shape"), Value::Shape(unknown));
        let dtype = i32::from(DataType::DtInt32);
        assert_eq!(value("ConcatV2", "Tidx"), Value::Type(dtype));
    }

    #[test]
    fn an_attribute_without_a_default_has_none() {
        let conv = op_def("Conv2D").expect("Conv2D");
        assert!(conv.default("strides").is_none());
        assert!(conv.default("no_such_attribute").is_none());
    }

    #[test]
    fn outputs_are_counted_by_number_and_list_attributes() {
        let split = op_def("Split").expect("Split");
        let three = int(3);
        let at = |index| split.output_index("output", index, |_| Some(&three));
        assert_eq!(at(2).expect("the last"), 2);
        assert!(at(3).is_err());
        assert!(split.output_index("nope", 0, |_| Some(&three)).is_err());

        let body = op_def("While").expect("While");
        let types = list_of(&[DataType::DtInt32, DataType::DtFloat]);
        let second = body.output_index("output", 1, |_| Some(&types));
        assert_eq!(second.expect("the second"), 1);
        let dtypes = body.output_types(|_| Some(&types)).expect("dtypes");
        assert_eq!(dtypes, [DataType::DtInt32, DataType::DtFloat]);
    }

    #[test]
    fn later_outputs_start_after_the_tensors_of_earlier_ones() {
        let parse = op_def("ParseExampleV2").expect("ParseExampleV2");
        let (two, types) = (int(2), list_of(&[DataType::DtFloat, DataType::DtInt64]));
        let attr = |name: &str| Some(if name == "num_sparse" { &two } else { &types });
        let index = parse.output_index("dense_values", 1, attr);
        assert_eq!(index.expect("an index"), 2 + 2 + 2 + 1);
    }

    #[test]
    fn a_missing_or_impossible_count_is_an_error() {
        let split = op_def("Split").expect("Split");
        assert!(split.output_index("output", 0, |_| None).is_err());
        for count in [-1, i64::MAX] {
            let count = int(count);
            let index = split.output_index("output", 0, |_| Some(&count));
            assert!(index.is_err());
        }
    }

    #[test]
    fn flags_and_references_are_kept() {
        let assign = op_def("AssignAdd").expect("AssignAdd");
        assert!(assign.inputs[0].is_ref && !assign.inputs[1].is_ref);
        assert!(op_def("ReadVariableOp").expect("ReadVariableOp").stateful);
        assert!(op_def("Mul").expect("Mul").commutative);
    }
}
