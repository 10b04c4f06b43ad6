use std::collections::BTreeMap;

use savedmodel_import_proto::attr_value::Value;
use savedmodel_import_proto::tensor_shape_proto::Dim;
use savedmodel_import_proto::{
    AttrValue, NameAttrList, OpDef, TensorProto, TensorShapeProto, op_def,
};

use super::*;

fn attr(value: Value) -> AttrValue {
    AttrValue { value: Some(value) }
}

fn node(name: &str, op: &str, inputs: &[&str], attrs: Vec<(&str, Value)>) -> NodeDef {
    let attrs = attrs.into_iter().map(|(k, v)| (k.to_owned(), attr(v)));
    NodeDef {
        name: name.to_owned(),
        op: op.to_owned(),
        input: inputs.iter().map(|input| (*input).to_owned()).collect(),
        attr: attrs.collect(),
        ..NodeDef::default()
    }
}

fn float() -> (&'static str, Value) {
    ("T", Value::Type(DataType::DtFloat as i32))
}

fn of_nodes(nodes: Vec<NodeDef>) -> FunctionDef {
    let arg = |name: &str| op_def::ArgDef {
        name: name.to_owned(),
        r#type: DataType::DtFloat as i32,
        ..op_def::ArgDef::default()
    };
    FunctionDef {
        signature: Some(OpDef {
            name: "f".to_owned(),
            input_arg: vec![arg("x")],
            output_arg: vec![arg("y")],
            ..OpDef::default()
        }),
        node_def: nodes,
        ret: BTreeMap::from([("y".to_owned(), "x".to_owned())]),
        ..FunctionDef::default()
    }
}

fn message(nodes: Vec<NodeDef>) -> String {
    let library = FunctionLibrary::of(vec![of_nodes(nodes)]);
    let checked = library.and_then(|library| super::library(&library));
    checked
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

fn check(nodes: Vec<NodeDef>, expected: &str) {
    let message = message(nodes);
    assert!(message.contains(expected), "{message}");
}

fn constant(dims: &[i64], content: &[u8]) -> NodeDef {
    let dim = |&size: &i64| Dim {
        size,
        ..Dim::default()
    };
    let tensor = TensorProto {
        dtype: DataType::DtFloat as i32,
        tensor_shape: Some(TensorShapeProto {
            dim: dims.iter().map(dim).collect(),
            unknown_rank: false,
        }),
        tensor_content: content.to_vec().into(),
        ..TensorProto::default()
    };
    let dtype = Value::Type(DataType::DtFloat as i32);
    node(
        "c",
        "Const",
        &[],
        vec![("value", Value::Tensor(tensor)), ("dtype", dtype)],
    )
}

#[test]
fn a_sound_function_passes() {
    let relu = node("r", "Relu", &["x", "^n"], vec![float()]);
    assert_eq!(message(vec![relu, node("n", "NoOp", &[], vec![])]), "");
}

#[test]
fn operands_exist_and_are_of_the_dtype() {
    check(
        vec![node("r", "Relu", &["ghost"], vec![float()])],
        "input `ghost` not found",
    );
    check(
        vec![node("r", "Relu", &["x", "^ghost"], vec![float()])],
        "control input `^ghost` not found",
    );
    let double = ("T", Value::Type(DataType::DtDouble as i32));
    check(
        vec![node("r", "Relu", &["x"], vec![double])],
        "input 0 of Relu is float32, expected float64",
    );
    check(
        vec![node("r", "Relu", &[], vec![float()])],
        "Relu takes 1 inputs, and has 0",
    );
}

#[test]
fn a_cycle_is_named() {
    let nodes = vec![
        node("a", "Relu", &["b:activations:0"], vec![float()]),
        node("b", "Relu", &["a:activations:0"], vec![float()]),
    ];
    check(nodes, "the nodes form a cycle: a -> b -> a");
    check(vec![node("n", "NoOp", &["^n"], vec![])], "cycle: n -> n");
}

#[test]
fn called_functions_exist_and_calls_end() {
    let call = |name: &str| {
        let function = NameAttrList {
            name: name.to_owned(),
            ..NameAttrList::default()
        };
        node(
            "c",
            "PartitionedCall",
            &[],
            vec![
                ("f", Value::Func(function)),
                ("Tin", Value::List(Default::default())),
                ("Tout", Value::List(Default::default())),
            ],
        )
    };
    check(
        vec![call("ghost")],
        "function `ghost` not found in the library",
    );
    check(
        vec![call("f")],
        "cyclic dependency between functions: f -> f",
    );
}

#[test]
fn constants_fill_their_shape() {
    check(
        vec![constant(&[2], &[0; 5])],
        "tensor_content has 5 bytes, expected 8",
    );
    check(
        vec![constant(&[1 << 60], &[])],
        "a constant of about 2^60 elements",
    );
    check(vec![constant(&[-3], &[])], "bad dimension -3");
    assert_eq!(message(vec![constant(&[2], &[0; 8])]), "");
}

#[test]
fn results_exist() {
    let mut function = of_nodes(vec![]);
    function.ret.insert("y".to_owned(), "ghost:y:0".to_owned());
    let checked = FunctionLibrary::of(vec![function]).and_then(|library| super::library(&library));
    let message = checked
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(message.contains("ret: node `ghost` not found"), "{message}");
    let mut function = of_nodes(vec![node("r", "Relu", &["x"], vec![float()])]);
    function
        .ret
        .insert("y".to_owned(), "r:activations:3".to_owned());
    let checked = FunctionLibrary::of(vec![function]).and_then(|library| super::library(&library));
    assert!(checked.is_err());
}
