//! Structures of names: what `prune` feeds and fetches.

use std::collections::BTreeMap;

/// The name of a tensor or operation, or a structure of such.
///
/// `x:0` is a tensor, and `x` is an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    List(Vec<Names>),
    /// Several, by keys.
    Dict(BTreeMap<String, Names>),
}

impl Names {
    /// Several, by keys.
    pub fn dict<K: Into<String>, V: Into<Names>>(items: impl IntoIterator<Item = (K, V)>) -> Names {
        let items = items.into_iter().map(|(k, v)| (k.into(), v.into()));
        Names::Dict(items.collect())
    }

    /// Several, in order.
    pub fn list<V: Into<Names>>(items: impl IntoIterator<Item = V>) -> Names {
        Names::List(items.into_iter().map(Into::into).collect())
    }

    /// All names, in the order of the structure.
    pub(super) fn flat(&self) -> Vec<&str> {
        match self {
            Names::One(name) => vec![name],
            Names::List(items) => items.iter().flat_map(Names::flat).collect(),
            Names::Dict(items) => items.values().flat_map(Names::flat).collect(),
        }
    }
}

impl From<&str> for Names {
    fn from(name: &str) -> Names {
        Names::One(name.to_owned())
    }
}

impl From<String> for Names {
    fn from(name: String) -> Names {
        Names::One(name)
    }
}

impl<const N: usize> From<&[&str; N]> for Names {
    fn from(names: &[&str; N]) -> Names {
        Names::list(names.iter().copied())
    }
}

impl<const N: usize> From<[&str; N]> for Names {
    fn from(names: [&str; N]) -> Names {
        Names::list(names)
    }
}

impl From<&[&str]> for Names {
    fn from(names: &[&str]) -> Names {
        Names::list(names.iter().copied())
    }
}

impl From<&[String]> for Names {
    fn from(names: &[String]) -> Names {
        Names::list(names.iter().map(String::as_str))
    }
}

impl From<Vec<String>> for Names {
    fn from(names: Vec<String>) -> Names {
        Names::list(names)
    }
}
