//! Text format: `saved_model.pbtxt` into the bytes of `saved_model.pb`.
//!
//! Fields that the schema does not have are skipped, as unknown fields of the binary form are.

mod tokens;
mod values;

use savedmodel_import_proto::schema::{Field, FieldType, MESSAGES, Message, message};

use self::tokens::{Token, Tokens};
use self::values::Wire;
use crate::{Error, Result};

/// The nesting that the binary reader allows as well.
const MAX_DEPTH: usize = 100;

/// The bytes of a SavedModel message that is written as text.
pub(super) fn to_binary(text: &[u8]) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(text).map_err(|error| {
        Error::malformed(format!("not valid UTF-8 at byte {}", error.valid_up_to()))
    })?;
    let root = message("tensorflow.SavedModel")
        .ok_or_else(|| Error::malformed("the schema has no SavedModel"))?;
    let mut parser = Parser {
        tokens: Tokens::new(text),
        depth: 0,
    };
    parser.message(root, None).map_err(|message| {
        let (line, column) = parser.tokens.position();
        Error::malformed(format!("cannot parse the file: {line}:{column}: {message}"))
    })
}

type Parsed<T> = std::result::Result<T, String>;

struct Parser<'t> {
    tokens: Tokens<'t>,
    depth: usize,
}

impl<'t> Parser<'t> {
    /// The fields of a message up to `end`, or up to the end of the file.
    fn message(&mut self, schema: &Message, end: Option<char>) -> Parsed<Vec<u8>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("messages are nested deeper than {MAX_DEPTH}"));
        }
        let mut out = Vec::new();
        loop {
            match self.tokens.next()? {
                None if end.is_none() => break,
                None => return Err("the message is not closed".to_owned()),
                Some(Token::Symbol(symbol)) if Some(symbol) == end => break,
                Some(Token::Symbol(',' | ';')) => {}
                Some(Token::Symbol('[')) => self.expanded_any(&mut out)?,
                Some(Token::Word(name)) => {
                    match schema.fields.iter().find(|field| field.name == name) {
                        Some(field) => self.field(field, &mut out)?,
                        None => self.skip_field()?,
                    }
                }
                Some(other) => return Err(format!("expected a field, found {other}")),
            }
        }
        self.depth -= 1;
        Ok(out)
    }

    fn field(&mut self, field: &Field, out: &mut Vec<u8>) -> Parsed<()> {
        let colon = self.tokens.take_symbol(':')?;
        if self.tokens.take_symbol('[')? {
            return self.list(field, out);
        }
        match (field.kind, colon) {
            (FieldType::Message(_), _) | (_, true) => self.value(field, out),
            _ => Err(format!("expected `:` after `{}`", field.name)),
        }
    }

    fn list(&mut self, field: &Field, out: &mut Vec<u8>) -> Parsed<()> {
        if self.tokens.take_symbol(']')? {
            return Ok(());
        }
        loop {
            self.value(field, out)?;
            match self.tokens.next()? {
                Some(Token::Symbol(']')) => return Ok(()),
                Some(Token::Symbol(',')) => {}
                _ => return Err("expected `,` or `]` in a list".to_owned()),
            }
        }
    }

    fn value(&mut self, field: &Field, out: &mut Vec<u8>) -> Parsed<()> {
        let wire = match field.kind {
            FieldType::Message(index) => {
                let close = self.open()?;
                Wire::Bytes(self.message(&MESSAGES[index], Some(close))?)
            }
            FieldType::String | FieldType::Bytes => Wire::Bytes(self.string(field.kind)?),
            kind => {
                let negative = self.tokens.take_symbol('-')?;
                match self.tokens.next()? {
                    Some(Token::Word(word)) => values::scalar(kind, word, negative)?,
                    _ => return Err(format!("expected a value of `{}`", field.name)),
                }
            }
        };
        wire.write(field.number, out);
        Ok(())
    }

    /// The bracket that closes a message, after the one that opens it.
    fn open(&mut self) -> Parsed<char> {
        match self.tokens.next()? {
            Some(Token::Symbol('{')) => Ok('}'),
            Some(Token::Symbol('<')) => Ok('>'),
            _ => Err("expected `{`".to_owned()),
        }
    }

    /// A string; neighbours are one.
    fn string(&mut self, kind: FieldType) -> Parsed<Vec<u8>> {
        let mut bytes = match self.tokens.next()? {
            Some(Token::Quoted(raw)) => values::unescape(raw)?,
            _ => return Err("expected a string".to_owned()),
        };
        while let Some(raw) = self.tokens.take_quoted()? {
            bytes.extend(values::unescape(raw)?);
        }
        match kind == FieldType::String && std::str::from_utf8(&bytes).is_err() {
            true => Err("a string is not valid UTF-8".to_owned()),
            false => Ok(bytes),
        }
    }

    /// `[type.googleapis.com/tensorflow.AssetFileDef] { … }` inside an Any.
    fn expanded_any(&mut self, out: &mut Vec<u8>) -> Parsed<()> {
        let mut url = String::new();
        loop {
            match self.tokens.next()? {
                Some(Token::Symbol(']')) => break,
                Some(Token::Word(word)) => url.push_str(word),
                Some(Token::Symbol(symbol)) => url.push(symbol),
                _ => return Err("a type's name is not closed".to_owned()),
            }
        }
        self.tokens.take_symbol(':')?;
        let name = url.rsplit('/').next().unwrap_or_default();
        let Some(schema) = message(name) else {
            return self.skip_value();
        };
        let close = self.open()?;
        let value = self.message(schema, Some(close))?;
        Wire::Bytes(url.into_bytes()).write(1, out);
        Wire::Bytes(value).write(2, out);
        Ok(())
    }

    fn skip_field(&mut self) -> Parsed<()> {
        self.tokens.take_symbol(':')?;
        self.skip_value()
    }

    fn skip_value(&mut self) -> Parsed<()> {
        self.tokens.take_symbol('-')?;
        match self.tokens.next()? {
            Some(Token::Symbol('{' | '<' | '[')) => self.skip_nested(),
            Some(Token::Word(_)) => Ok(()),
            Some(Token::Quoted(_)) => {
                while self.tokens.take_quoted()?.is_some() {}
                Ok(())
            }
            _ => Err("expected a value".to_owned()),
        }
    }

    fn skip_nested(&mut self) -> Parsed<()> {
        let mut open = 1usize;
        while open > 0 {
            match self.tokens.next()? {
                Some(Token::Symbol('{' | '<' | '[')) => open += 1,
                Some(Token::Symbol('}' | '>' | ']')) => open -= 1,
                Some(_) => {}
                None => return Err("the message is not closed".to_owned()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use savedmodel_import_proto as proto;
    use savedmodel_import_proto::attr_value::Value;
    use savedmodel_import_proto::prost::Message as _;

    use super::*;

    fn parse(text: &str) -> std::result::Result<proto::SavedModel, String> {
        let binary = to_binary(text.as_bytes()).map_err(|error| error.to_string())?;
        proto::SavedModel::decode(&binary[..]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_graph_in_text_is_the_same_graph() -> std::result::Result<(), String> {
        let model = parse(
            r#"
            saved_model_schema_version: 1  # a comment
            meta_graphs <
              future_field { with: [1, 2] and: "a" "b" }
              graph_def {
                node {
                  name: "c" op: 'Const'
                  input: ["a", "b:1"];
                  attr { key: "dtype" value { type: DT_FLOAT } }
                  attr { key: "value" value { tensor { float_val: [1.5, -inf, 2e3f] tensor_content: "\001\x02\n" } } }
                }
              }
            >"#,
        )?;
        let graph = model.meta_graphs[0].graph_def.clone().unwrap_or_default();
        let node = &graph.node[0];
        assert_eq!((node.op.as_str(), node.input.len()), ("Const", 2));
        assert_eq!(node.attr["dtype"].value, Some(Value::Type(1)));
        let Some(Value::Tensor(tensor)) = &node.attr["value"].value else {
            return Err("no tensor".to_owned());
        };
        assert_eq!(tensor.float_val, [1.5, f32::NEG_INFINITY, 2000.0]);
        assert_eq!(tensor.tensor_content, &b"\x01\x02\n"[..]);
        Ok(())
    }

    #[test]
    fn an_error_says_the_line() {
        let message = parse("meta_graphs {\n  graph_def: 7\n}")
            .err()
            .unwrap_or_default();
        assert_eq!(message, "cannot parse the file: 2:14: expected `{`");
        let deep = "meta_graphs { graph_def {".to_owned();
        assert!(parse(&deep).is_err());
        assert!(parse("saved_model_schema_version: x").is_err());
    }
}
