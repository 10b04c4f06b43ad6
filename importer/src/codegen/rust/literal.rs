//! Literals as text.

/// A string literal in quotes, printable ASCII only: what a model holds cannot reorder or hide code.
pub(super) fn string(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '\'' => "'".to_string(),
        '\0'..='\x7f' => c.escape_default().to_string(),
        _ => c.escape_unicode().to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// A byte string literal with its `b` and quotes, printable ASCII only.
pub(super) fn byte_string(bytes: &[u8]) -> String {
    let escaped = bytes.iter().map(|byte| match byte {
        b'\'' => "'".to_string(),
        byte => byte.escape_ascii().to_string(),
    });
    format!("b\"{}\"", escaped.collect::<String>())
}

/// Text for a comment: one line, no control characters, nothing that reorders what a reader sees.
pub(super) fn comment(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let visible: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|&c| !is_hidden(c))
        .collect();
    visible.trim_end().to_string()
}
