//! The arguments of a call.

use std::collections::BTreeMap;

use super::nest::Nest;
use crate::eval::Tensor;

/// Positional and keyword arguments, as a Python call has them.
///
/// ```
/// use savedmodel_import::Arguments;
/// let call = Arguments::new().arg(2.0).kwarg("training", false);
/// let named = Arguments::from([("x", 2.0), ("y", 3.0)]);
/// let positional = Arguments::from(2.0);
/// # let _ = (call, named, positional);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    pub(super) positional: Vec<Nest>,
    pub(super) named: Vec<(String, Nest)>,
}

impl Arguments {
    /// No arguments.
    pub fn new() -> Arguments {
        Arguments::default()
    }

    /// And a positional one.
    pub fn arg(mut self, value: impl Into<Nest>) -> Arguments {
        self.positional.push(value.into());
        self
    }

    /// And one by name.
    pub fn kwarg(mut self, name: impl Into<String>, value: impl Into<Nest>) -> Arguments {
        self.named.push((name.into(), value.into()));
        self
    }

    /// All by name.
    fn named<K: Into<String>, V: Into<Nest>>(items: impl IntoIterator<Item = (K, V)>) -> Arguments {
        let items = items.into_iter().map(|(k, v)| (k.into(), v.into()));
        Arguments {
            positional: Vec::new(),
            named: items.collect(),
        }
    }
}

impl From<&Arguments> for Arguments {
    fn from(arguments: &Arguments) -> Arguments {
        arguments.clone()
    }
}

/// No arguments.
impl From<()> for Arguments {
    fn from((): ()) -> Arguments {
        Arguments::new()
    }
}

/// Arguments by name.
impl<K: Into<String>, V: Into<Nest>, const N: usize> From<[(K, V); N]> for Arguments {
    fn from(items: [(K, V); N]) -> Arguments {
        Arguments::named(items)
    }
}

/// Arguments by name.
impl<K: Into<String>, V: Into<Nest>> From<Vec<(K, V)>> for Arguments {
    fn from(items: Vec<(K, V)>) -> Arguments {
        Arguments::named(items)
    }
}

/// Arguments by name.
impl<K: Into<String> + Clone, V: Into<Nest> + Clone> From<&[(K, V)]> for Arguments {
    fn from(items: &[(K, V)]) -> Arguments {
        Arguments::named(items.iter().cloned())
    }
}

/// Arguments by name.
impl<K: Into<String>, V: Into<Nest>> From<BTreeMap<K, V>> for Arguments {
    fn from(items: BTreeMap<K, V>) -> Arguments {
        Arguments::named(items)
    }
}

/// Arguments by name.
impl<K: Into<String> + Clone, V: Into<Nest> + Clone> From<&BTreeMap<K, V>> for Arguments {
    fn from(items: &BTreeMap<K, V>) -> Arguments {
        Arguments::named(items.iter().map(|(k, v)| (k.clone(), v.clone())))
    }
}

/// Positional arguments.
impl From<Vec<Nest>> for Arguments {
    fn from(positional: Vec<Nest>) -> Arguments {
        Arguments {
            positional,
            named: Vec::new(),
        }
    }
}

/// Positional arguments.
impl From<Vec<Tensor>> for Arguments {
    fn from(tensors: Vec<Tensor>) -> Arguments {
        tensors
            .into_iter()
            .map(Nest::from)
            .collect::<Vec<_>>()
            .into()
    }
}

macro_rules! one {
    ($($from:ty),*) => {$(
        /// One positional argument.
        impl From<$from> for Arguments {
            fn from(value: $from) -> Arguments {
                Arguments::new().arg(value)
            }
        }
    )*};
}

one!(Nest, &Nest, Tensor, &Tensor, bool, i32, i64, f32, f64, &str);
