//! How expressions are built.
//!
//! Parentheses are put where Rust needs them and nowhere else, so that a tree prints as it was built.

use super::expr::{Expr, Kind, StructExpr};
use super::op::{Level, Op};
use super::parens::next_level;

/// The numbers of mathematics that have a name in Rust.
const CONSTANTS: [(f32, &str); 6] = [
    (std::f32::consts::PI, "PI"),
    (std::f32::consts::E, "E"),
    (std::f32::consts::SQRT_2, "SQRT_2"),
    (std::f32::consts::FRAC_1_SQRT_2, "FRAC_1_SQRT_2"),
    (std::f32::consts::LN_2, "LN_2"),
    (std::f32::consts::LN_10, "LN_10"),
];

/// Atoms and literals.
impl Expr {
    pub(super) fn new(kind: Kind) -> Self {
        Self(Box::new(kind))
    }

    /// A name or a path: `x`, `self`, `DType::F32`, `Vec::<usize>::new`. Generic arguments stay on the line.
    pub fn path(path: impl Into<String>) -> Self {
        Self::new(Kind::Path(path.into()))
    }

    /// A literal as it is to be written: `3u32`, `'c'`, `1e-3_f32`. A leading minus is understood.
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        match text.strip_prefix('-') {
            Some(digits) => Self::literal(digits).negated(),
            None => Self::new(Kind::Literal(text)),
        }
    }

    /// An integer without a type suffix.
    pub fn int(value: impl Into<i128>) -> Self {
        Self::literal(value.into().to_string())
    }

    /// A size, index or length.
    pub fn size(value: usize) -> Self {
        Self::literal(value.to_string())
    }

    /// The shortest decimal that reads back as `value` in `f32`.
    pub fn f32(value: f32) -> Self {
        let is_it = |(constant, _): &&(f32, &str)| *constant == value;
        if let Some((_, name)) = CONSTANTS.iter().find(is_it) {
            Self::path(format!("std::f32::consts::{name}"))
        } else if value.is_finite() {
            Self::literal(format!("{value:?}"))
        } else {
            Self::special(value.into(), "f32")
        }
    }

    /// The shortest decimal that reads back as `value` in `f64`.
    pub fn f64(value: f64) -> Self {
        if value.is_finite() {
            Self::literal(format!("{value:?}"))
        } else {
            Self::special(value, "f64")
        }
    }

    fn special(value: f64, float: &str) -> Self {
        let name = match value {
            value if value.is_nan() => "NAN",
            value if value > 0.0 => "INFINITY",
            _ => "NEG_INFINITY",
        };
        Self::path(format!("{float}::{name}"))
    }

    /// `true` or `false`
    pub fn bool(value: bool) -> Self {
        Self::literal(value.to_string())
    }

    /// A string literal, escaped to printable ASCII.
    pub fn str(text: &str) -> Self {
        Self::new(Kind::Str(super::literal::string(text)))
    }

    /// A byte string literal (`&[u8; N]`), escaped to printable ASCII.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::literal(super::literal::byte_string(bytes))
    }

    /// `()`
    pub fn unit() -> Self {
        Self::new(Kind::Tuple(Vec::new()))
    }
}

/// What follows a value.
impl Expr {
    /// `self.name`; a tuple's field is its index.
    pub fn field(self, name: impl Into<String>) -> Self {
        Self::new(Kind::Field(self.at_least(Level::Postfix), name.into()))
    }

    /// `self.name(args)`; the name may end in a turbofish (`collect::<Vec<_>>`).
    pub fn call_method(
        self,
        name: impl Into<String>,
        args: impl IntoIterator<Item = Expr>,
    ) -> Self {
        let (receiver, args) = (self.at_least(Level::Postfix), args.into_iter().collect());
        Self::new(Kind::Method {
            receiver,
            name: name.into(),
            args,
        })
    }

    /// `function(args)`
    pub fn call(function: impl Into<String>, args: impl IntoIterator<Item = Expr>) -> Self {
        Self::new(Kind::Call(Self::path(function), args.into_iter().collect()))
    }

    /// `self(args)`, where `self` is a function or a closure.
    pub fn called(self, args: impl IntoIterator<Item = Expr>) -> Self {
        let callee = match *self.0 {
            Kind::Field(..) => self.in_parens(),
            _ => self.at_least(Level::Postfix),
        };
        Self::new(Kind::Call(callee, args.into_iter().collect()))
    }

    /// `self?`
    pub fn tried(self) -> Self {
        Self::new(Kind::Try(self.at_least(Level::Postfix)))
    }

    /// What `?` stands behind, if the expression ends in one, else the expression itself as an error.
    pub fn untried(self) -> Result<Self, Self> {
        match *self.0 {
            Kind::Try(inner) => Ok(inner.without_parens()),
            kind => Err(Self::new(kind)),
        }
    }

    /// The path of the function that it is a call of, if it is one.
    pub fn callee(&self) -> Option<&str> {
        match &*self.0 {
            Kind::Call(Self(callee), _) => match &**callee {
                Kind::Path(path) => Some(path),
                _ => None,
            },
            _ => None,
        }
    }

    /// `self[index]`
    pub fn index(self, index: Expr) -> Self {
        Self::new(Kind::Index(self.at_least(Level::Postfix), index))
    }

    /// `self as ty`
    pub fn cast(self, ty: impl Into<String>) -> Self {
        Self::new(Kind::Cast(self.at_least(Level::Cast), ty.into()))
    }
}

/// Operators.
impl Expr {
    /// `&self`
    pub fn by_ref(self) -> Self {
        self.prefixed("&")
    }

    /// `&mut self`
    pub fn by_mut(self) -> Self {
        self.prefixed("&mut ")
    }

    /// `*self`
    pub fn deref(self) -> Self {
        self.prefixed("*")
    }

    /// `-self`
    pub fn negated(self) -> Self {
        self.prefixed("-")
    }

    /// `!self`
    pub fn inverted(self) -> Self {
        self.prefixed("!")
    }

    fn prefixed(self, sign: &'static str) -> Self {
        Self::new(Kind::Prefix(sign, self.at_least(Level::Prefix)))
    }

    /// `self op right`
    pub fn infix(self, op: Op, right: Expr) -> Self {
        let level = op.level();
        let tighter = next_level(level);
        let left = if level == Level::Compare {
            self.at_least(tighter)
        } else {
            self.at_least(level)
        };
        let left = if op.opens_with_angle() && left.ends_in_cast() {
            left.in_parens()
        } else {
            left
        };
        let (left, right) = (left.apart_from(op), right.at_least(tighter).apart_from(op));
        Self::new(Kind::Infix(op, left, right))
    }

    /// `self = value`
    pub fn assign(self, value: Expr) -> Self {
        Self::new(Kind::Assign("=".into(), self, value))
    }

    /// `self op= value`
    pub fn assign_with(self, op: Op, value: Expr) -> Self {
        Self::new(Kind::Assign(format!("{}=", op.symbol()), self, value))
    }

    /// `start..end`
    pub fn range(start: Option<Expr>, end: Option<Expr>) -> Self {
        Self::any_range(start, "..", end)
    }

    /// `start..=end`
    pub fn range_inclusive(start: Option<Expr>, end: Expr) -> Self {
        Self::any_range(start, "..=", Some(end))
    }

    fn any_range(start: Option<Expr>, dots: &'static str, end: Option<Expr>) -> Self {
        let bound = |e: Expr| e.at_least(next_level(Level::Range));
        Self::new(Kind::Range(start.map(bound), dots, end.map(bound)))
    }
}

/// Collections and values of several parts.
impl Expr {
    /// `[items]`
    pub fn array(items: impl IntoIterator<Item = Expr>) -> Self {
        Self::new(Kind::Array(items.into_iter().collect()))
    }

    /// `[item; count]`
    pub fn repeat(item: Expr, count: Expr) -> Self {
        Self::new(Kind::Repeat(item, count))
    }

    /// `(items)`, with the comma that a tuple of one needs.
    pub fn tuple(items: impl IntoIterator<Item = Expr>) -> Self {
        Self::new(Kind::Tuple(items.into_iter().collect()))
    }

    /// `vec![items]`
    pub fn vec(items: impl IntoIterator<Item = Expr>) -> Self {
        Self::new(Kind::Vec(items.into_iter().collect()))
    }

    /// `vec![item; count]`; both are short.
    pub fn vec_repeat(item: Expr, count: Expr) -> Self {
        Self::new(Kind::VecRepeat(item, count))
    }

    /// `name!(args)`, for macros that read as calls (`format`, `bail`, `assert`); the arguments hold
    /// no closure, `match` or block.
    pub fn call_macro(name: impl Into<String>, args: impl IntoIterator<Item = Expr>) -> Self {
        Self::new(Kind::Macro(
            format!("{}!", name.into()),
            args.into_iter().collect(),
        ))
    }

    /// `path { field: value, … }`; `value` alone where both are named alike.
    pub fn struct_lit<N: Into<String>>(
        path: impl Into<String>,
        fields: impl IntoIterator<Item = (N, Expr)>,
    ) -> Self {
        let fields = fields
            .into_iter()
            .map(|(name, value)| shorthand(name.into(), value))
            .collect();
        Self::new(Kind::Struct(StructExpr {
            path: path.into(),
            fields,
            base: None,
        }))
    }

    /// `path { field: value, ..base }`
    pub fn struct_update<N: Into<String>>(
        path: impl Into<String>,
        fields: impl IntoIterator<Item = (N, Expr)>,
        base: Expr,
    ) -> Self {
        let fields = fields
            .into_iter()
            .map(|(name, value)| shorthand(name.into(), value))
            .collect();
        Self::new(Kind::Struct(StructExpr {
            path: path.into(),
            fields,
            base: Some(base),
        }))
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident,)*) => {$(
        impl std::ops::$trait for Expr {
            type Output = Expr;
            fn $method(self, right: Expr) -> Expr {
                self.infix(Op::$trait, right)
            }
        }
    )*};
}

operators! { Add add, Sub sub, Mul mul, Div div, Rem rem, }

impl std::ops::Neg for Expr {
    type Output = Expr;
    fn neg(self) -> Expr {
        self.negated()
    }
}

impl std::ops::Not for Expr {
    type Output = Expr;
    fn not(self) -> Expr {
        self.inverted()
    }
}

fn shorthand(name: String, value: Expr) -> (String, Option<Expr>) {
    match &*value.0 {
        Kind::Path(path) if *path == name => (name, None),
        _ => (name, Some(value)),
    }
}
