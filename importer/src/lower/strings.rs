//! Strings: every row calls a kernel on the host.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::host::{self, Attribute, Host, HostOp};
use crate::ir::{DType, Op, Value};

pub const OPS: &[Lowering] = &[
    op("StringLower", |cx| {
        cased(cx, &host::LOWER, &host::LOWER_UTF8)
    }),
    op("StringUpper", |cx| {
        cased(cx, &host::UPPER, &host::UPPER_UTF8)
    }),
    op("StringStrip", |cx| cx.on_host(&host::STRIP, vec![])),
    op("StringLength", |cx| {
        by_unit(cx, &host::LENGTH, &host::LENGTH_UTF8)
    }),
    op("Substr", |cx| {
        by_unit(cx, &host::SUBSTRING, &host::SUBSTRING_UTF8)
    }),
    op("StringJoin", |cx| {
        let separator = cx.text("separator")?;
        cx.on_host(&host::JOIN, vec![separator])
    }),
    op("ReduceJoin", reduce_join),
    op("UnsortedSegmentJoin", segment_join),
    op("StaticRegexReplace", |cx| {
        let (pattern, rewrite) = (cx.text("pattern")?, cx.text("rewrite")?);
        let all = cx.flag("replace_global")?;
        cx.on_host(&host::REPLACE, vec![pattern, rewrite, all])
    }),
    op("RegexReplace", |cx| {
        let (pattern, rewrite) = (cx.string_input(1)?, cx.string_input(2)?);
        let all = cx.flag("replace_global")?;
        cx.first_on_host(&host::REPLACE, vec![pattern, rewrite, all])
    }),
    op("StaticRegexFullMatch", |cx| {
        let pattern = cx.text("pattern")?;
        cx.on_host(&host::FULL_MATCH, vec![pattern])
    }),
    op("RegexFullMatch", |cx| {
        let pattern = cx.string_input(1)?;
        cx.first_on_host(&host::FULL_MATCH, vec![pattern])
    }),
    multi("StringSplit", |cx| {
        let attributes = vec![cx.string_input(1)?, cx.flag("skip_empty")?];
        let words = cx.input(0)?;
        cx.host_values(&host::SPLIT_AT_ANY, attributes, &[words])
    }),
    multi("StringSplitV2", |cx| {
        let attributes = vec![cx.string_input(1)?, cx.integer_for("maxsplit")?];
        let words = cx.input(0)?;
        cx.host_values(&host::SPLIT, attributes, &[words])
    }),
    multi("StringNGrams", n_grams),
    op("StringToHashBucketFast", |cx| {
        let buckets = cx.integer_for("num_buckets")?;
        cx.on_host(&host::BUCKET_FAST, vec![buckets])
    }),
    op("StringToHashBucket", |cx| {
        let buckets = cx.integer_for("num_buckets")?;
        cx.on_host(&host::BUCKET, vec![buckets])
    }),
    op("StringToHashBucketStrong", |cx| {
        let (buckets, key) = (cx.integer_for("num_buckets")?, cx.attr("key")?);
        cx.on_host(
            &host::BUCKET_STRONG,
            vec![buckets, Attribute::Integers(key)],
        )
    }),
    op("AsString", as_string),
    op("StringToNumber", |cx| {
        let element = cx.element("out_type")?;
        cx.on_host(&host::TO_NUMBER, vec![element])
    }),
    op("DecodeRaw", |cx| {
        let attributes = vec![cx.element("out_type")?, cx.flag("little_endian")?];
        cx.on_host(&host::DECODE_RAW, attributes)
    }),
    op("DecodePaddedRaw", |cx| {
        let (length, words) = (cx.dim(1)?, cx.input(0)?);
        let attributes = vec![
            Attribute::Extent(length),
            cx.element("out_type")?,
            cx.flag("little_endian")?,
        ];
        let op = &host::DECODE_PADDED_RAW;
        cx.push(Op::Host(Host { op, attributes }), &[words])
    }),
    multi("DecodeCSV", csv),
    op("EncodeBase64", |cx| {
        let pads = cx.flag("pad")?;
        cx.on_host(&host::ENCODE_BASE64, vec![pads])
    }),
    op("DecodeBase64", |cx| {
        cx.on_host(&host::DECODE_BASE64, vec![])
    }),
];

/// Operands: lines, then a default for each column; one without elements means that the column must not be empty.
fn csv(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let lines = cx.input(0)?;
    let selected: Vec<i64> = cx.attr("select_cols")?;
    let mut columns = vec![];
    for column in 0..cx.arity().saturating_sub(1) {
        let default = cx.input(1 + column)?;
        let place = selected.get(column).copied().unwrap_or(column as i64);
        let attributes = vec![
            Attribute::Integer(place),
            cx.text("field_delim")?,
            cx.flag("use_quote_delim")?,
            cx.text("na_value")?,
        ];
        let op: &'static HostOp = match cx.dtype(default) {
            DType::String => &host::CSV_WORDS,
            _ => &host::CSV_NUMBERS,
        };
        let column = cx.push(Op::Host(Host { op, attributes }), &[lines, default])?;
        columns.push(Lowered::Value(column));
    }
    Ok(columns)
}

impl Cx<'_> {
    /// A host op of one result over all operands.
    ///
    /// # Errors
    /// The operands do not fit it.
    pub fn on_host(&mut self, op: &'static HostOp, attributes: Vec<Attribute>) -> Result<Value> {
        let inputs = self.all_inputs()?;
        self.push(Op::Host(Host { op, attributes }), &inputs)
    }

    /// A host op of one result over the first operand.
    ///
    /// # Errors
    /// The operand does not fit it.
    pub fn first_on_host(
        &mut self,
        op: &'static HostOp,
        attributes: Vec<Attribute>,
    ) -> Result<Value> {
        let input = self.input(0)?;
        self.push(Op::Host(Host { op, attributes }), &[input])
    }

    /// The results of a host op.
    ///
    /// # Errors
    /// The operands do not fit it.
    pub fn host_values(
        &mut self,
        op: &'static HostOp,
        attributes: Vec<Attribute>,
        inputs: &[Value],
    ) -> Result<Vec<Lowered>> {
        let host = Op::Host(Host { op, attributes });
        let node = self.graph.push(host, inputs, self.origin)?;
        let count = self.graph.node(node).types.len() as u32;
        let values = (0..count).map(|result| Lowered::Value(Value { node, result }));
        Ok(values.collect())
    }

    /// A string attribute for a kernel.
    ///
    /// # Errors
    /// It is missing, or of another kind.
    pub fn text(&self, name: &str) -> Result<Attribute> {
        self.attr(name).map(Attribute::Text)
    }

    /// A boolean attribute for a kernel.
    ///
    /// # Errors
    /// It is missing, or of another kind.
    pub fn flag(&self, name: &str) -> Result<Attribute> {
        self.attr(name).map(Attribute::Flag)
    }

    /// An integer attribute for a kernel.
    ///
    /// # Errors
    /// It is missing, or of another kind.
    pub fn integer_for(&self, name: &str) -> Result<Attribute> {
        self.attr(name).map(Attribute::Integer)
    }

    /// An element type for a kernel.
    ///
    /// # Errors
    /// It is missing, or of another kind.
    pub fn element(&self, name: &str) -> Result<Attribute> {
        self.attr(name).map(Attribute::Element)
    }

    /// The one string that operand `i` is.
    ///
    /// # Errors
    /// It is not the same for every call.
    pub fn string_input(&mut self, i: usize) -> Result<Attribute> {
        let constant = self.constant_input(i)?;
        match constant.elements::<Vec<u8>>() {
            Some([one]) => Ok(Attribute::Text(String::from_utf8_lossy(one).into_owned())),
            Some(_) | None => Err(Error::malformed(format!("input {i} should be one string"))),
        }
    }

    /// Whether operand `i` holds strings.
    pub fn is_string(&mut self, i: usize) -> bool {
        self.input(i)
            .is_ok_and(|value| self.dtype(value) == DType::String)
    }
}

/// By ASCII letters, or by all if the encoding is given.
fn cased(cx: &mut Cx<'_>, ascii: &'static HostOp, utf8: &'static HostOp) -> Result<Value> {
    let encoding: String = cx.attr("encoding")?;
    cx.on_host(if encoding.is_empty() { ascii } else { utf8 }, vec![])
}

fn by_unit(cx: &mut Cx<'_>, bytes: &'static HostOp, utf8: &'static HostOp) -> Result<Value> {
    match cx.attr::<String>("unit")?.as_str() {
        "BYTE" => cx.on_host(bytes, vec![]),
        "UTF8_CHAR" => cx.on_host(utf8, vec![]),
        other => Err(Error::unsupported(format!("the unit `{other}` of strings"))),
    }
}

fn reduce_join(cx: &mut Cx<'_>) -> Result<Value> {
    let axes = Attribute::Integers(cx.integers(1)?);
    let attributes = vec![axes, cx.flag("keep_dims")?, cx.text("separator")?];
    cx.first_on_host(&host::REDUCE_JOIN, attributes)
}

fn segment_join(cx: &mut Cx<'_>) -> Result<Value> {
    let segments = Attribute::Extent(cx.dim(2)?);
    let separator = cx.text("separator")?;
    let inputs = [cx.input(0)?, cx.input(1)?];
    let op = &host::SEGMENT_JOIN;
    let attributes = vec![segments, separator];
    cx.push(Op::Host(Host { op, attributes }), &inputs)
}

fn n_grams(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let pads = vec![cx.attr("left_pad")?, cx.attr("right_pad")?];
    let attributes = vec![
        cx.text("separator")?,
        Attribute::Integers(cx.attr("ngram_widths")?),
        Attribute::Texts(pads),
        cx.integer_for("pad_width")?,
        cx.flag("preserve_short_sequences")?,
    ];
    let inputs = cx.all_inputs()?;
    cx.host_values(&host::N_GRAMS, attributes, &inputs)
}

/// A string is itself.
fn as_string(cx: &mut Cx<'_>) -> Result<Value> {
    if cx.is_string(0) {
        return cx.input(0);
    }
    let attributes = vec![
        cx.integer_for("precision")?,
        cx.flag("scientific")?,
        cx.flag("shortest")?,
        cx.integer_for("width")?,
        cx.text("fill")?,
    ];
    cx.on_host(&host::AS_STRING, attributes)
}
