//! Strings as code points.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::Result;
use crate::ir::host;

pub const OPS: &[Lowering] = &[
    multi("UnicodeDecode", |cx| {
        let mut outputs = decoded(cx)?;
        outputs.truncate(2);
        Ok(outputs)
    }),
    multi("UnicodeDecodeWithOffsets", decoded),
    op("UnicodeEncode", |cx| {
        let attributes = vec![
            cx.text("output_encoding")?,
            cx.text("errors")?,
            cx.integer_for("replacement_char")?,
        ];
        cx.on_host(&host::ENCODE, attributes)
    }),
    op("UnicodeTranscode", |cx| {
        let attributes = vec![
            cx.text("input_encoding")?,
            cx.text("output_encoding")?,
            cx.text("errors")?,
            cx.integer_for("replacement_char")?,
            cx.flag("replace_control_characters")?,
        ];
        cx.on_host(&host::TRANSCODE, attributes)
    }),
];

fn decoded(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let attributes = vec![
        cx.text("input_encoding")?,
        cx.text("errors")?,
        cx.integer_for("replacement_char")?,
        cx.flag("replace_control_characters")?,
        cx.element("Tsplits")?,
    ];
    let words = cx.input(0)?;
    cx.host_values(&host::DECODE, attributes, &[words])
}
