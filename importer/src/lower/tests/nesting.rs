//! Branches in branches.

use super::super::lower;
use super::support::{Operand, Test};
use crate::Result;
use crate::graph::body::Body;
use crate::graph::flat::Library;
use crate::ir::{DType, ParamId};
use savedmodel_import_proto::attr_value::Value;
use savedmodel_import_proto::op_def::ArgDef;
use savedmodel_import_proto::{AttrValue, DataType, FunctionDef, NameAttrList, NodeDef, OpDef};
use std::sync::Arc;

/// Thirty functions, each of which chooses between the next one and the next one: a thousand million branches.
struct Chain;

const LAST: usize = 30;

impl Library for Chain {
    fn function(&self, name: &str) -> Result<Option<Arc<Body>>> {
        let number = name.parse::<usize>().ok();
        let body = number.map(|number| Body::of_function(&choice(name, number + 1)));
        Ok(body.transpose()?.map(Arc::new))
    }

    fn variable_of_node(&self, _: &str) -> Option<ParamId> {
        None
    }

    fn dropout_rate(&self, _: &str) -> Option<f64> {
        None
    }

    fn python_line(&self, _: &str, _: &str) -> Option<Arc<str>> {
        None
    }
}

fn choice(name: &str, next: usize) -> FunctionDef {
    let arg = |name: &str| ArgDef {
        name: name.to_owned(),
        r#type: DataType::DtBool.into(),
        ..ArgDef::default()
    };
    let attr = branches(next).map(|(name, value)| (name.to_owned(), value));
    let result = if next > LAST { "p" } else { "choice:output:0" };
    let node = NodeDef {
        name: "choice".to_owned(),
        op: "StatelessIf".to_owned(),
        input: vec!["p".to_owned(), "p".to_owned()],
        attr: attr.into_iter().collect(),
        ..NodeDef::default()
    };
    FunctionDef {
        signature: Some(OpDef {
            name: name.to_owned(),
            input_arg: vec![arg("p")],
            output_arg: vec![arg("y")],
            ..OpDef::default()
        }),
        node_def: vec![node],
        ret: [("y".to_owned(), result.to_owned())].into(),
        ..FunctionDef::default()
    }
}

fn branches(next: usize) -> [(&'static str, AttrValue); 5] {
    let attr = |value: Value| AttrValue { value: Some(value) };
    let function = || {
        let function = NameAttrList {
            name: next.to_string(),
            ..NameAttrList::default()
        };
        attr(Value::Func(function))
    };
    let types = || {
        let list = savedmodel_import_proto::attr_value::ListValue {
            r#type: vec![DataType::DtBool.into()],
            ..Default::default()
        };
        attr(Value::List(list))
    };
    [
        ("Tcond", attr(Value::Type(DataType::DtBool.into()))),
        ("Tin", types()),
        ("Tout", types()),
        ("then_branch", function()),
        ("else_branch", function()),
    ]
}

#[test]
fn branches_that_nest_without_measure_are_refused() {
    let mut test = Test::default();
    let p = test.operand(&Operand::Arg(DType::Bool, &[]));
    let attrs = branches(0).map(|(name, attr)| (name, attr.value.expect("a value")));
    test.node("StatelessIf", &attrs, vec![p, p]);
    let error = lower(test.flat(), &[], &Chain).err().expect("an error");
    assert!(error.to_string().contains("steps to unfold"), "{error}");
}
