//! Patterns: what `let`, `for`, closures and `match` bind.

/// A Rust pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pat(pub(super) PatKind);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum PatKind {
    /// A name, literal, path, range, `_` or `..`, as it is to be written.
    Text(String),
    Ref(Box<Pat>),
    Tuple(Vec<Pat>),
    Variant(String, Vec<Pat>),
    Slice(Vec<Pat>),
    Struct {
        path: String,
        fields: Vec<(String, Option<Pat>)>,
        rest: bool,
    },
    Or(Vec<Pat>),
}

impl From<&str> for Pat {
    fn from(text: &str) -> Self {
        Self(PatKind::Text(text.into()))
    }
}

impl From<String> for Pat {
    fn from(text: String) -> Self {
        Self(PatKind::Text(text))
    }
}

impl Pat {
    /// `mut name`
    pub fn mutable(name: &str) -> Self {
        format!("mut {name}").into()
    }

    /// `_`
    pub fn wild() -> Self {
        "_".into()
    }

    /// `&pattern`
    pub fn by_ref(pattern: impl Into<Pat>) -> Self {
        Self(PatKind::Ref(Box::new(pattern.into())))
    }

    /// `(items)`
    pub fn tuple<P: Into<Pat>>(items: impl IntoIterator<Item = P>) -> Self {
        Self(PatKind::Tuple(all(items)))
    }

    /// `path(items)`, an enum's variant or a tuple struct.
    pub fn variant<P: Into<Pat>>(
        path: impl Into<String>,
        items: impl IntoIterator<Item = P>,
    ) -> Self {
        Self(PatKind::Variant(path.into(), all(items)))
    }

    /// `[items]`
    pub fn slice<P: Into<Pat>>(items: impl IntoIterator<Item = P>) -> Self {
        Self(PatKind::Slice(all(items)))
    }

    /// `path { names }`
    pub fn fields<N: Into<String>>(
        path: impl Into<String>,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        let fields = names.into_iter().map(|name| (name.into(), None)).collect();
        Self(PatKind::Struct {
            path: path.into(),
            fields,
            rest: false,
        })
    }

    /// Also matches the fields that a pattern made by [`Pat::fields`] does not name (`..`).
    pub fn and_rest(self) -> Self {
        match self.0 {
            PatKind::Struct { path, fields, .. } => Self(PatKind::Struct {
                path,
                fields,
                rest: true,
            }),
            kind => Self(kind),
        }
    }

    /// `a | b`
    pub fn any_of<P: Into<Pat>>(items: impl IntoIterator<Item = P>) -> Self {
        Self(PatKind::Or(all(items)))
    }
}

fn all<P: Into<Pat>>(items: impl IntoIterator<Item = P>) -> Vec<Pat> {
    items.into_iter().map(Into::into).collect()
}
