//! Python's parameters: names, defaults, keyword-only and variadic ones.

use savedmodel_import_proto::structured_value::Kind;
use savedmodel_import_proto::{FunctionSpec, StructuredValue};

use super::arguments::Arguments;
use super::nest::Nest;
use super::spec::{Spec, plain};
use crate::{Error, Result};

/// What a Python function takes, as `inspect.FullArgSpec` has it.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// Parameters that may be given by position.
    pub positional: Vec<Parameter>,
    /// The name of those that take any further positions: `*args`.
    pub varargs: Option<String>,
    /// Parameters that are given by name.
    pub keyword_only: Vec<Parameter>,
    /// The name of those that take any further names: `**kwargs`.
    pub varkw: Option<String>,
    /// The types that all positional arguments must be of, where the function was declared with such.
    pub input_signature: Option<Vec<Spec>>,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it is if it is not given.
    pub default: Option<Nest>,
}

/// Arguments in canonical form: each where the parameters have its place.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) positional: Vec<Nest>,
    pub(super) named: std::collections::BTreeMap<String, Nest>,
}

impl Parameters {
    /// Reads a function's specification.
    pub(super) fn read(spec: &FunctionSpec) -> Result<Parameters> {
        let full = match &spec.fullargspec {
            Some(full) => plain(full)?,
            None => Nest::None,
        };
        let field = |name: &str| full.get(name).unwrap_or(&Nest::None);
        let mut names = texts(field("args"));
        if !names.is_empty() && (spec.is_method || names[0] == "self") {
            names.remove(0);
        }
        let defaults = items(field("defaults"));
        let required = names.len().saturating_sub(defaults.len());
        let positional = names
            .into_iter()
            .enumerate()
            .map(|(index, name)| Parameter {
                name,
                default: index
                    .checked_sub(required)
                    .and_then(|i| defaults.get(i).cloned()),
            });
        let keyword_only = texts(field("kwonlyargs"))
            .into_iter()
            .map(|name| Parameter {
                default: field("kwonlydefaults").get(&name).ok().cloned(),
                name,
            });
        Ok(Parameters {
            positional: positional.collect(),
            varargs: text(field("varargs")),
            keyword_only: keyword_only.collect(),
            varkw: text(field("varkw")),
            input_signature: input_signature(spec.input_signature.as_ref())?,
        })
    }

    /// Puts arguments into canonical form, with defaults where nothing is given.
    pub(super) fn bind(&self, name: &str, arguments: &Arguments) -> Result<Bound> {
        self.bind_all(arguments).map_err(|why| {
            Error::usage(format!(
                "Binding inputs to tf.function `{name}` failed due to `{why}`. Received {}",
                shown(arguments)
            ))
        })
    }

    fn bind_all(&self, arguments: &Arguments) -> Result<Bound, String> {
        let mut positional: Vec<Option<Nest>> =
            arguments.positional.iter().cloned().map(Some).collect();
        if positional.len() > self.positional.len() && self.varargs.is_none() {
            return Err("too many positional arguments".to_owned());
        }
        positional.resize(positional.len().max(self.positional.len()), None);
        let mut named = std::collections::BTreeMap::new();
        for (name, value) in &arguments.named {
            let place = self.positional.iter().position(|p| p.name == *name);
            let earlier = match place {
                Some(place) => positional[place].replace(value.clone()),
                None if self.takes(name) => named.insert(name.clone(), value.clone()),
                None => return Err(format!("got an unexpected keyword argument '{name}'")),
            };
            if earlier.is_some() {
                return Err(format!("multiple values for argument '{name}'"));
            }
        }
        let filled = positional.into_iter().enumerate().map(|(index, value)| {
            let parameter = self.positional.get(index);
            let default = || parameter.and_then(|parameter| parameter.default.clone());
            let name = parameter.map_or("", |parameter| &parameter.name);
            value.or_else(default).ok_or_else(|| missing(name))
        });
        let positional = filled.collect::<Result<_, _>>()?;
        for parameter in &self.keyword_only {
            if !named.contains_key(&parameter.name) {
                let default = parameter.default.clone();
                let value = default.ok_or_else(|| missing(&parameter.name))?;
                named.insert(parameter.name.clone(), value);
            }
        }
        Ok(Bound { positional, named })
    }

    fn takes(&self, name: &str) -> bool {
        self.varkw.is_some() || self.keyword_only.iter().any(|p| p.name == name)
    }
}

fn missing(name: &str) -> String {
    format!("missing a required argument: '{name}'")
}

fn shown(arguments: &Arguments) -> String {
    let args: Vec<String> = arguments.positional.iter().map(Nest::to_string).collect();
    let named = arguments.named.iter().map(|(k, v)| format!("'{k}': {v}"));
    let kwargs: Vec<String> = named.collect();
    format!(
        "args: ({}) and kwargs: {{{}}}",
        args.join(", "),
        kwargs.join(", ")
    )
}

fn items(nest: &Nest) -> &[Nest] {
    match nest {
        Nest::List(items) | Nest::Tuple(items) => items,
        _ => &[],
    }
}

fn text(nest: &Nest) -> Option<String> {
    match nest {
        Nest::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn texts(nest: &Nest) -> Vec<String> {
    items(nest).iter().filter_map(text).collect()
}

fn input_signature(value: Option<&StructuredValue>) -> Result<Option<Vec<Spec>>> {
    let Some(value) = value else { return Ok(None) };
    match &value.kind {
        None | Some(Kind::NoneValue(_)) => Ok(None),
        Some(_) => match Spec::read(value)? {
            Spec::Tuple(specs) | Spec::List(specs) => Ok(Some(specs)),
            _ => Ok(None),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, default: Option<Nest>) -> Parameter {
        Parameter {
            name: name.to_owned(),
            default,
        }
    }

    fn parameters() -> Parameters {
        Parameters {
            positional: vec![
                parameter("x", None),
                parameter("training", Some(Nest::Bool(true))),
            ],
            keyword_only: vec![parameter("scale", Some(Nest::Int(2)))],
            ..Parameters::default()
        }
    }

    fn bind(arguments: impl Into<Arguments>) -> String {
        match parameters().bind("f", &arguments.into()) {
            Ok(Bound { positional, named }) => {
                format!("{} {}", Nest::Tuple(positional), Nest::Dict(named))
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn defaults_fill_what_is_not_given() {
        assert_eq!(bind(1.0), "(1.0, True) {'scale': 2}");
        let named = Arguments::new().kwarg("x", 1.0).kwarg("training", false);
        assert_eq!(bind(named), "(1.0, False) {'scale': 2}");
    }

    #[test]
    fn what_does_not_fit_the_parameters_is_said() {
        assert!(bind(()).contains("failed due to `missing a required argument: 'x'`"));
        assert!(bind([("y", 1.0)]).contains("unexpected keyword argument 'y'"));
        let three: Vec<Nest> = vec![1.0.into(), true.into(), 2.0.into()];
        assert!(bind(three).contains("too many positional arguments"));
        assert!(bind(Arguments::new().arg(1.0).kwarg("x", 2.0)).contains("multiple values"));
    }
}
