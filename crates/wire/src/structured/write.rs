//! Writing a value in its one form.

use std::borrow::Cow;

use super::number;
use super::order::{Order, Shape};
use super::parse::Json;

impl Json<'_> {
    /// The value in its one form: equal values under the same order are equal bytes.
    #[must_use]
    pub fn canonical(&self, order: &Order) -> String {
        let mut out = String::new();
        self.write(order, order.root(), &mut out);
        out
    }

    /// Nests no deeper than the parser did.
    fn write(&self, order: &Order, shape: Option<&Shape>, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(digits) => number::write(digits, out),
            Self::String(text) => write_string(text, out),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(order, order.item(shape, index), out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                let mut sorted: Vec<(usize, &Cow<'_, str>, &Json<'_>)> = members
                    .iter()
                    .map(|(key, value)| (Order::place(shape, key), key, value))
                    .collect();
                sorted.sort_unstable_by_key(|(place, key, _)| (*place, *key));
                out.push('{');
                for (index, (_, key, value)) in sorted.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_string(key, out);
                    out.push(':');
                    value.write(order, order.member(shape, key), out);
                }
                out.push('}');
            }
        }
    }
}

/// A string with the escapes that JSON demands: `"`, `\` and control characters, the latter in
/// their short form where they have one (RFC 8785 §3.2.2.2).
fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x8 => "\\b",
            0x9 => "\\t",
            0xa => "\\n",
            0xc => "\\f",
            0xd => "\\r",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(text.get(plain_from..at).unwrap_or_default());
        if escape.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escape);
        }
        plain_from = at + 1;
    }
    out.push_str(text.get(plain_from..).unwrap_or_default());
    out.push('"');
}
