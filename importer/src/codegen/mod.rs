//! From a plan to Rust source.

pub mod plan;
pub mod rust;
pub mod target;

use crate::ir::{DType, Program};
use crate::{Error, Framework, Result};
use plan::Plan;
use target::WeightLayout;

/// What the head of the file says.
pub struct Header {
    /// The module's name.
    pub name: String,
    /// The TensorFlow version that saved the model.
    pub tensorflow: String,
}

/// Generated source.
pub struct Generated {
    /// The file.
    pub source: String,
    /// Crates beside the framework that it needs, as `name version`.
    pub support_crates: Vec<String>,
}

/// How a framework lays out weights.
pub fn weight_layout(framework: Framework) -> &'static dyn WeightLayout {
    match framework {
        Framework::Candle => &target::Candle,
        Framework::Burn => &target::Burn,
    }
}

/// The framework's name for the element type in which a method takes or gives a tensor.
pub fn native_dtype(framework: Framework, dtype: DType) -> &'static str {
    match (framework, dtype) {
        (_, DType::F16) => "F16",
        (_, DType::BF16) => "BF16",
        (_, DType::F32 | DType::C64) => "F32",
        (_, DType::F64 | DType::C128) => "F64",
        (Framework::Candle, DType::Bool) => "U8",
        (Framework::Burn, DType::Bool) => "Bool",
        (_, DType::String) => "String",
        (Framework::Candle, DType::U8) => "U8",
        (Framework::Candle, DType::U32) => "U32",
        (Framework::Candle, DType::I8 | DType::I16 | DType::I32 | DType::I64 | DType::U16 | DType::U64) => "I64",
        (Framework::Burn, DType::I8) => "I8",
        (Framework::Burn, DType::I16) => "I16",
        (Framework::Burn, DType::I32) => "I32",
        (Framework::Burn, DType::I64) => "I64",
        (Framework::Burn, DType::U8) => "U8",
        (Framework::Burn, DType::U16) => "U16",
        (Framework::Burn, DType::U32) => "U32",
        (Framework::Burn, DType::U64) => "U64",
    }
}

/// The source of a module.
///
/// # Errors
/// When the framework cannot do what the plan asks for; all of it at once.
pub fn generate(plan: &Plan, program: &Program, framework: Framework, header: &Header, support: Option<&str>) -> Result<Generated> {
    let _ = (plan, program, framework, header, support);
    Err(Error::unsupported("the printers are not wired"))
}

/// The whole support code as one file.
pub fn support_source(framework: Framework) -> String {
    let _ = framework;
    String::new()
}
