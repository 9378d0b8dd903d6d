//! Putting URL paths together from words that a caller chose.

use crate::error::{EncodeError, EncodeErrorCode};

/// Everything but unreserved characters (RFC 3986 §2.3) as `%XX`.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(digit(byte >> 4));
            out.push(digit(byte & 15));
        }
    }
    out
}

/// A model's id as one path segment that it can't leave.
///
/// # Errors
/// An id that is none: empty, dots only, or with a character that ends a segment. `whose` completes
/// "is no model id of …", `example` shows a good one.
pub(crate) fn model_segment(id: &str, whose: &str, example: &str) -> Result<String, EncodeError> {
    let fits = !id.is_empty()
        && !id.contains("..")
        && id != "."
        && !id
            .chars()
            .any(|character| character.is_control() || "/\\?#%".contains(character));
    if fits {
        return Ok(percent_encode(id));
    }
    Err(EncodeError::new(
        EncodeErrorCode::InvalidValue,
        "model",
        format!("`{id}` is no model id of {whose}. Use one such as `{example}`."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_characters_are_encoded() {
        assert_eq!(percent_encode("a-b._~9"), "a-b._~9");
        assert_eq!(percent_encode("a:b/é @"), "a%3Ab%2F%C3%A9%20%40");
    }

    #[test]
    fn a_model_id_never_leaves_its_segment() {
        assert_eq!(model_segment("a:b", "X", "y").unwrap(), "a%3Ab");
        for id in [
            "", ".", "..", "a..b", "a/b", "a\\b", "a?b", "a#b", "a%2Fb", "a\nb",
        ] {
            let error = model_segment(id, "X", "y").unwrap_err();
            assert_eq!(error.param.as_deref(), Some("model"), "{id}");
        }
    }
}
