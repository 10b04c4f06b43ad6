//! Identifiers from the names in a model: whatever those hold, Rust accepts the result.

use std::collections::BTreeSet;

/// Strict and reserved keywords of the 2024 edition, and the weak ones that confuse a reader.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "Self", "static", "struct", "super", "trait", "true", "try", "type",
    "typeof", "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// `snake_case`: words are split at anything but letters and digits and where a capital begins a
/// word. Other than ASCII is dropped, a keyword gets a trailing `_`, a leading digit is preceded by
/// `_`, and a name of nothing is `value`.
pub fn snake(name: &str) -> String {
    let words = words(name);
    finished(words.join("_").to_ascii_lowercase(), "value", '_')
}

/// `CamelCase`, by the rules of [`snake`]; a leading digit is preceded by `N` and a name of nothing is `Value`.
pub fn camel(name: &str) -> String {
    let words = words(name);
    let joined = words
        .iter()
        .map(|word| capitalised(word))
        .collect::<String>();
    finished(joined, "Value", 'N')
}

fn capitalised(word: &str) -> String {
    let is_acronym = word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
    let rest = if is_acronym {
        word[1..].to_ascii_lowercase()
    } else {
        word[1..].to_string()
    };
    word[..1].to_ascii_uppercase() + &rest
}

fn finished(name: String, empty: &str, before_digit: char) -> String {
    match name.chars().next() {
        None => empty.to_string(),
        Some(first) if first.is_ascii_digit() => format!("{before_digit}{name}"),
        Some(_) if KEYWORDS.contains(&name.as_str()) => format!("{name}_"),
        Some(_) => name,
    }
}

/// The words of a name, of ASCII letters and digits only and none of them empty.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let chars: Vec<char> = name.chars().collect();
    for (position, &c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            if c.is_ascii() {
                words.push(String::new());
            }
            continue;
        }
        let before = position.checked_sub(1).map(|before| chars[before]);
        let behind = chars.get(position + 1);
        let begins_word =
            before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit());
        let ends_acronym = before.is_some_and(|before| before.is_ascii_uppercase())
            && behind.is_some_and(|behind| behind.is_ascii_lowercase());
        if c.is_ascii_uppercase() && (begins_word || ends_acronym) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What values are called that nothing but an op made.
const NOUNS: &[&str] = &[
    "activated",
    "rotated",
    "attention",
    "indices",
    "angle",
    "average",
    "bits",
    "bound",
    "clamped",
    "constant",
    "converted",
    "cos",
    "difference",
    "exponential",
    "features",
    "gate",
    "gathered",
    "index",
    "inverse",
    "joined",
    "larger",
    "largest",
    "log_probabilities",
    "logarithm",
    "magnitude",
    "mask",
    "negative",
    "normalized",
    "one_hot",
    "padded",
    "part",
    "pooled",
    "positions",
    "power",
    "probabilities",
    "product",
    "quotient",
    "remainder",
    "repeated",
    "reshaped",
    "resized",
    "reversed",
    "root",
    "rounded",
    "running",
    "scattered",
    "selected",
    "shape",
    "sign",
    "sin",
    "smaller",
    "smallest",
    "squares",
    "sum",
    "total",
    "transposed",
    NAMELESS,
];

/// What a value is called of which nothing is known.
pub const NAMELESS: &str = "value";

/// Whether a name says no more than what was done.
pub fn is_noun(name: &str) -> bool {
    NOUNS.contains(&name)
}

/// A word as one of those that [`is_noun`] knows.
pub fn noun(word: &'static str) -> &'static str {
    debug_assert!(is_noun(word), "`{word}` is no noun");
    word
}

/// The names taken in one scope. The same requests in the same order give the same names.
#[derive(Clone, Debug, Default)]
pub struct Namer {
    taken: BTreeSet<String>,
}

impl Namer {
    /// A scope in which these names are taken.
    pub fn with_taken<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self {
            taken: names.into_iter().map(Into::into).collect(),
        }
    }

    /// A snake_case name that no other request in this scope was given: `relu`, `relu_2`, `relu_3`.
    pub fn snake(&mut self, name: &str) -> String {
        self.unique(snake(name), "_")
    }

    /// A CamelCase name that no other request in this scope was given: `Block`, `Block2`.
    pub fn camel(&mut self, name: &str) -> String {
        self.unique(camel(name), "")
    }

    /// Whether a name is taken.
    pub fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(name)
    }

    fn unique(&mut self, name: String, separator: &str) -> String {
        let separator = if name.ends_with(|c: char| c.is_ascii_digit()) {
            "_"
        } else {
            separator
        };
        let numbered =
            (2..).map(|count| format!("{}{separator}{count}", name.trim_end_matches('_')));
        let free = std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !self.taken.contains(name));
        let free = free.unwrap_or(name);
        self.taken.insert(free.clone());
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_at_separators_and_capitals() {
        assert_eq!(snake("block_3_expand_BN"), "block_3_expand_bn");
        assert_eq!(
            snake("StatefulPartitionedCall:0"),
            "stateful_partitioned_call_0"
        );
        assert_eq!(snake("model/conv2d/Conv2D"), "model_conv2d_conv2_d");
        assert_eq!(camel("transformer_layer"), "TransformerLayer");
        assert_eq!(camel("LSTMCell"), "LstmCell");
        assert_eq!(camel("__call__"), "Call");
    }

    #[test]
    fn a_keyword_gets_a_trailing_underscore() {
        assert_eq!(snake("type"), "type_");
        assert_eq!(snake("Self"), "self_");
        assert_eq!(camel("self"), "Self_");
        assert_eq!(snake("gen"), "gen_");
    }

    #[test]
    fn a_name_is_an_identifier_whatever_the_model_says() {
        assert_eq!(snake("0"), "_0");
        assert_eq!(snake("1x1 conv"), "_1x1_conv");
        assert_eq!(camel("3d"), "N3d");
        assert_eq!(snake(""), "value");
        assert_eq!(snake("日本"), "value");
        assert_eq!(snake("naïve"), "nave");
        assert_eq!(
            snake("x\"; std::process::exit(1); //"),
            "x_std_process_exit_1"
        );
    }

    #[test]
    fn a_scope_gives_each_name_once() {
        let mut names = Namer::with_taken(["self", "x"]);
        assert_eq!(names.snake("x"), "x_2");
        assert_eq!(names.snake("relu"), "relu");
        assert_eq!(names.snake("relu"), "relu_2");
        assert_eq!(names.snake("relu_2"), "relu_2_2");
        assert_eq!(names.snake("type"), "type_");
        assert_eq!(names.snake("type"), "type_2");
        assert_eq!(names.camel("block"), "Block");
        assert_eq!(names.camel("block"), "Block2");
        assert_eq!(names.camel("conv2d"), "Conv2d");
        assert_eq!(names.camel("conv 2"), "Conv2");
        assert_eq!(names.camel("conv 2"), "Conv2_2");
    }
}
