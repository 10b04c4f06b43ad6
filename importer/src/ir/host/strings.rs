//! Rows of strings: cases, parts, splits, patterns, hashes, numbers as text.

use super::super::dim::Dim;
use super::super::ty::{DType, Type};
use super::call::{HostValue, Inference, Operands};
use super::{Attribute, Form, HostOp, Lists, sure, tried};
use crate::error::{Error, Result};
use savedmodel_import_kernels::array::{self, Array};
use savedmodel_import_kernels::string_tensor::StringTensor;
use savedmodel_import_kernels::{csv, hashes, number_text, regexes, split, strings};

type Values = array::Result<Vec<HostValue>>;

fn one(value: impl Into<HostValue>) -> Values {
    Ok(vec![value.into()])
}

/// Strings of the shape of the first operand.
fn words_alike(call: &mut Inference<'_>) -> Result<Vec<Type>> {
    Ok(vec![call.strings(0)?.clone()])
}

fn alike(call: &Inference<'_>, dtype: DType) -> Result<Vec<Type>> {
    let shape = call.shape(0)?;
    Ok(vec![Type { dtype, shape }])
}

/// A row for each string changed.
const fn mapped(path: &'static str, run: fn(&Operands<'_>) -> Values) -> HostOp {
    HostOp {
        path,
        form: sure(),
        infer: words_alike,
        run,
    }
}

/// ASCII letters in lower case.
pub static LOWER: HostOp = mapped("strings::lower", |x| one(strings::lower(x.strings(0)?)));
/// ASCII letters in upper case.
pub static UPPER: HostOp = mapped("strings::upper", |x| one(strings::upper(x.strings(0)?)));
/// Letters of UTF-8 in lower case.
pub static LOWER_UTF8: HostOp = mapped("strings::lower_utf8", |x| {
    one(strings::lower_utf8(x.strings(0)?))
});
/// Letters of UTF-8 in upper case.
pub static UPPER_UTF8: HostOp = mapped("strings::upper_utf8", |x| {
    one(strings::upper_utf8(x.strings(0)?))
});
/// Without white space at the ends.
pub static STRIP: HostOp = mapped("strings::strip", |x| one(strings::strip(x.strings(0)?)));

/// The number of bytes of each string, as `I32`.
pub static LENGTH: HostOp = HostOp {
    path: "strings::length",
    form: sure(),
    infer: |call| alike(call, DType::I32),
    run: |x| one(strings::length(x.strings(0)?)),
};

/// The number of characters of each string, as `I32`.
pub static LENGTH_UTF8: HostOp = HostOp {
    path: "strings::length_utf8",
    form: sure(),
    infer: |call| alike(call, DType::I32),
    run: |x| one(strings::length_utf8(x.strings(0)?)),
};

fn broadcast(call: &Inference<'_>, dtype: DType) -> Result<Vec<Type>> {
    let shape = call.broadcast()?;
    Ok(vec![Type { dtype, shape }])
}

/// Strings joined element by element. Attribute: the separator.
pub static JOIN: HostOp = HostOp {
    path: "strings::join",
    form: Form {
        lists: Lists::From(0),
        ..tried()
    },
    infer: |call| broadcast(call, DType::String),
    run: |x| one(strings::join(&x.all_strings()?, x.text(0)?)?),
};

/// Strings joined along axes. Attributes: axes, whether they are kept, the separator.
pub static REDUCE_JOIN: HostOp = HostOp {
    path: "strings::reduce_join",
    form: tried(),
    infer: reduce_join_type,
    run: |x| {
        let (axes, keep) = (x.integers(0)?, x.flag(1)?);
        one(strings::reduce_join(x.strings(0)?, axes, keep, x.text(2)?)?)
    },
};

fn reduce_join_type(call: &mut Inference<'_>) -> Result<Vec<Type>> {
    use super::call::Attribute;
    let dims = call.dims(0)?;
    let (Some(Attribute::Integers(axes)), Some(Attribute::Flag(keep))) =
        (call.attribute(0), call.attribute(1))
    else {
        return Err(crate::Error::internal("a join without axes"));
    };
    let rank = dims.len() as i64;
    let is_joined = |axis: usize| {
        let axis = axis as i64;
        axes.is_empty() || axes.contains(&axis) || axes.contains(&(axis - rank))
    };
    let mut left = vec![];
    for (axis, dim) in dims.iter().enumerate() {
        match (is_joined(axis), keep) {
            (true, true) => left.push(super::Dim::known(1)),
            (true, false) => {}
            (false, _) => left.push(dim.clone()),
        }
    }
    Ok(vec![Type::new(DType::String, left)])
}

/// The strings of each segment joined. Attributes: the number of segments, the separator.
pub static SEGMENT_JOIN: HostOp = HostOp {
    path: "strings::segment_join",
    form: tried(),
    infer: |call| match call.attribute(0) {
        Some(super::Attribute::Extent(segments)) => {
            Ok(vec![Type::new(DType::String, vec![segments.clone()])])
        }
        _ => Err(crate::Error::internal("a join without segments")),
    },
    run: |x| {
        let (words, ids) = (x.strings(0)?, x.numbers(1)?);
        one(strings::segment_join(words, ids, x.extent(0)?, x.text(1)?)?)
    },
};

/// Parts of strings in bytes. Operands: strings, starts, lengths.
pub static SUBSTRING: HostOp = HostOp {
    path: "strings::substring",
    form: tried(),
    infer: |call| broadcast(call, DType::String),
    run: |x| {
        one(strings::substring(
            x.strings(0)?,
            x.numbers(1)?,
            x.numbers(2)?,
        )?)
    },
};

/// Parts of strings in characters. Operands: strings, starts, lengths.
pub static SUBSTRING_UTF8: HostOp = HostOp {
    path: "strings::substring_utf8",
    form: tried(),
    infer: |call| broadcast(call, DType::String),
    run: |x| {
        one(strings::substring_utf8(
            x.strings(0)?,
            x.numbers(1)?,
            x.numbers(2)?,
        )?)
    },
};

/// Whether strings are equal.
pub static EQUAL: HostOp = HostOp {
    path: "strings::equal",
    form: tried(),
    infer: |call| broadcast(call, DType::Bool),
    run: |x| one(strings::equal(x.strings(0)?, x.strings(1)?)?),
};

/// Whether strings differ.
pub static NOT_EQUAL: HostOp = HostOp {
    path: "strings::not_equal",
    form: tried(),
    infer: |call| broadcast(call, DType::Bool),
    run: |x| one(strings::not_equal(x.strings(0)?, x.strings(1)?)?),
};

/// Matches replaced. Attributes: pattern, rewrite, whether all are.
pub static REPLACE: HostOp = HostOp {
    path: "regexes::replace",
    form: tried(),
    infer: words_alike,
    run: |x| {
        one(regexes::replace(
            x.strings(0)?,
            x.text(0)?,
            x.text(1)?,
            x.flag(2)?,
        )?)
    },
};

/// Whether whole strings match. Attribute: the pattern.
pub static FULL_MATCH: HostOp = HostOp {
    path: "regexes::full_match",
    form: tried(),
    infer: |call| alike(call, DType::Bool),
    run: |x| one(regexes::full_match(x.strings(0)?, x.text(0)?)?),
};

/// Indices, values and shape of a sparse matrix.
fn sparse_words(call: &mut Inference<'_>) -> Result<Vec<Type>> {
    call.strings(0)?;
    let count = call.extent_of_data();
    Ok(vec![
        Type::new(DType::I64, vec![count.clone(), 2.into()]),
        Type::new(DType::String, vec![count]),
        Type::new(DType::I64, vec![2.into()]),
    ])
}

fn three((indices, values, shape): (Array, StringTensor, Array)) -> Values {
    Ok(vec![indices.into(), values.into(), shape.into()])
}

/// The parts of strings as a sparse matrix. Attributes: separator, how many splits at most.
pub static SPLIT: HostOp = HostOp {
    path: "split::split",
    form: tried(),
    infer: sparse_words,
    run: |x| three(split::split(x.strings(0)?, x.text(0)?, x.integer(1)?)?),
};

/// The parts of strings as a sparse matrix. Attributes: delimiters, whether empty parts are left out.
pub static SPLIT_AT_ANY: HostOp = HostOp {
    path: "split::split_at_any",
    form: tried(),
    infer: sparse_words,
    run: |x| three(split::split_at_any(x.strings(0)?, x.text(0)?, x.flag(1)?)?),
};

/// N-grams of ragged rows. Operands: words, splits. Attributes: separator, widths, pads, padding, whether short rows stay.
pub static N_GRAMS: HostOp = HostOp {
    path: "split::n_grams",
    form: tried(),
    infer: |call| {
        let count = call.extent_of_data();
        let grams = Type::new(DType::String, vec![count]);
        Ok(vec![grams, call.ty(1)?.clone()])
    },
    run: |x| {
        let (words, splits) = (x.strings(0)?, x.numbers(1)?);
        let (widths, pads) = (x.integers(1)?, x.texts(2)?);
        let (padding, keep) = (x.integer(3)?, x.flag(4)?);
        let (grams, splits) =
            split::n_grams(words, splits, x.text(0)?, widths, &pads, padding, keep)?;
        Ok(vec![grams.into(), splits.into()])
    },
};

/// A bucket by a row's hash.
const fn bucket(path: &'static str, run: fn(&Operands<'_>) -> Values) -> HostOp {
    HostOp {
        path,
        form: tried(),
        infer: |call| alike(call, DType::I64),
        run,
    }
}

/// FarmHash buckets. Attribute: how many.
pub static BUCKET_FAST: HostOp = bucket("hashes::bucket_fast", |x| {
    one(hashes::bucket_fast(x.strings(0)?, x.integer(0)?)?)
});
/// MurmurHash buckets. Attribute: how many.
pub static BUCKET: HostOp = bucket("hashes::bucket", |x| {
    one(hashes::bucket(x.strings(0)?, x.integer(0)?)?)
});
/// SipHash buckets. Attributes: how many, key.
pub static BUCKET_STRONG: HostOp = bucket("hashes::bucket_strong", |x| {
    one(hashes::bucket_strong(
        x.strings(0)?,
        x.integer(0)?,
        x.integers(1)?,
    )?)
});

/// Numbers as text. Attributes: precision, scientific, shortest, width, fill.
pub static AS_STRING: HostOp = HostOp {
    path: "number_text::as_string",
    form: tried(),
    infer: |call| alike(call, DType::String),
    run: |x| {
        let (scientific, shortest) = (x.flag(1)?, x.flag(2)?);
        let (width, fill) = (x.integer(3)?, x.text(4)?);
        one(number_text::as_string(
            x.numbers(0)?,
            x.integer(0)?,
            scientific,
            shortest,
            width,
            fill,
        )?)
    },
};

/// Strings as numbers. Attribute: their type.
pub static TO_NUMBER: HostOp = HostOp {
    path: "number_text::to_number",
    form: tried(),
    infer: |call| alike(call, call.element(0)?),
    run: |x| one(number_text::to_number(x.strings(0)?, x.element(0)?)?),
};

/// Bytes as numbers. Attributes: their type, whether they are little-endian.
pub static DECODE_RAW: HostOp = HostOp {
    path: "number_text::decode_raw",
    form: tried(),
    infer: |call| {
        let length = call.extent_of_data();
        let dims = [call.dims(0)?, &[length]].concat();
        Ok(vec![Type::new(call.element(0)?, dims)])
    },
    run: |x| {
        one(number_text::decode_raw(
            x.strings(0)?,
            x.element(0)?,
            x.flag(1)?,
        )?)
    },
};

/// Base 64 of strings. Attribute: whether it is filled up.
pub static ENCODE_BASE64: HostOp = mapped("number_text::encode_base64", |x| {
    one(number_text::encode_base64(x.strings(0)?, x.flag(0)?))
});

/// What base 64 stands for.
pub static DECODE_BASE64: HostOp = HostOp {
    path: "number_text::decode_base64",
    form: tried(),
    infer: words_alike,
    run: |x| one(number_text::decode_base64(x.strings(0)?)?),
};

/// Strings of so many bytes as numbers. Attributes: how many bytes, the element type, whether the lowest byte comes first.
pub static DECODE_PADDED_RAW: HostOp = HostOp {
    path: "number_text::decode_padded_raw",
    form: tried(),
    infer: |call| {
        let (Some(Attribute::Extent(length)), dtype) = (call.attribute(0), call.element(1)?) else {
            return Err(Error::internal("strings without a length"));
        };
        let width = Dim::from(dtype.width().unwrap_or(1));
        let count = length.div_floor(&width).unwrap_or(Dim::known(0));
        let dims = [call.dims(0)?, &[count]].concat();
        Ok(vec![Type::new(dtype, dims)])
    },
    run: |x| {
        let (length, element, little) = (x.extent(0)?, x.element(1)?, x.flag(2)?);
        one(number_text::decode_padded_raw(
            x.strings(0)?,
            length,
            element,
            little,
        )?)
    },
};

/// A column of lines of text as numbers. Operands: lines, default. Attributes: which column, delimiter, whether quotes count,
/// what a missing value is.
pub static CSV_NUMBERS: HostOp = HostOp {
    path: "csv::numbers",
    form: tried(),
    infer: csv_type,
    run: |x| {
        let (place, delimiter) = (x.integer(0)?, x.text(1)?);
        let (quotes, missing) = (x.flag(2)?, x.text(3)?);
        let (lines, default) = (x.strings(0)?, x.numbers(1)?);
        one(csv::numbers(
            lines, default, place, delimiter, quotes, missing,
        )?)
    },
};

/// The same as strings.
pub static CSV_WORDS: HostOp = HostOp {
    path: "csv::words",
    form: tried(),
    infer: csv_type,
    run: |x| {
        let (place, delimiter) = (x.integer(0)?, x.text(1)?);
        let (quotes, missing) = (x.flag(2)?, x.text(3)?);
        let (lines, default) = (x.strings(0)?, x.strings(1)?);
        one(csv::words(
            lines, default, place, delimiter, quotes, missing,
        )?)
    },
};

fn csv_type(call: &mut Inference<'_>) -> Result<Vec<Type>> {
    alike(call, call.ty(1)?.dtype)
}
