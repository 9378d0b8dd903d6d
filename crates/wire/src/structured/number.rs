//! One way to write a number: by its exact decimal value.
//!
//! The form is that of RFC 8785 (ECMAScript's), with two differences: no digit is rounded to what
//! a double holds, and whole numbers are written out up to [`PLAIN_DIGITS_MAX`] digits, so that a
//! reader with long integers keeps them.

/// Longest whole number that is written without an exponent.
const PLAIN_DIGITS_MAX: i64 = 64;
/// Most zeros behind the point that are written out.
const PLAIN_ZEROS_MAX: i64 = 5;
/// Largest exponent, either way, that is read: a thousand times what a double has.
const EXPONENT_MAX: i64 = 400_000;

/// A number taken apart: `0.d₁d₂… × 10^point`.
struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    point: i64,
}

/// Whether a number (as the parser found it) is one that every reader can hold: a finite double
/// with an exponent that is no joke.
pub(super) fn is_in_range(text: &str) -> bool {
    // Most numbers are short and have no exponent.
    let short = text.len() < 300 && !text.contains(['e', 'E']);
    short || (text.parse::<f64>().is_ok_and(f64::is_finite) && taken_apart(text).is_some())
}

fn taken_apart(text: &str) -> Option<Decimal> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let leading = all.len() - significant.len();
    let digits = significant.trim_end_matches('0');
    if digits.is_empty() {
        return Some(Decimal {
            negative: false,
            digits: String::new(),
            point: 0,
        });
    }
    let exponent: i64 = exponent.map_or(Some(0), |exponent| exponent.parse().ok())?;
    if exponent.abs() > EXPONENT_MAX {
        return None;
    }
    let before = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
    Some(Decimal {
        negative,
        digits: digits.to_owned(),
        point: before + exponent,
    })
}

/// Appends a number in its one form.
pub(super) fn write(text: &str, out: &mut String) {
    if is_canonical_integer(text) {
        out.push_str(text);
        return;
    }
    // The parser lets no number through that can't be taken apart.
    let Some(decimal) = taken_apart(text) else {
        out.push_str(text);
        return;
    };
    if decimal.digits.is_empty() {
        out.push('0');
        return;
    }
    if decimal.negative {
        out.push('-');
    }
    let digits = decimal.digits.as_str();
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let point = decimal.point;
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let at = usize::try_from(point).unwrap_or(0);
    if point >= count && point <= PLAIN_DIGITS_MAX {
        out.push_str(digits);
        out.push_str(&zeros(point - count));
    } else if point > 0 && point < count {
        let (whole, fraction) = digits.split_at_checked(at).unwrap_or((digits, "0"));
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    } else if (-PLAIN_ZEROS_MAX..=0).contains(&point) {
        out.push_str("0.");
        out.push_str(&zeros(-point));
        out.push_str(digits);
    } else {
        let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        out.push_str(if point > 0 { "e+" } else { "e-" });
        out.push_str(&(point - 1).unsigned_abs().to_string());
    }
}

/// `0`, `7`, `-120`: most numbers, which stay as they are.
fn is_canonical_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.len() <= 20
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (!digits.starts_with('0') || text == "0")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = String::new();
        write(text, &mut out);
        out
    }

    #[test]
    fn a_value_has_one_form() {
        for (form, texts) in [
            ("0", &["0", "-0", "0.0", "-0.000", "0e5", "0E-7"][..]),
            ("1", &["1", "1.0", "1e0", "10e-1", "0.1e1", "1.000E+0"]),
            ("-1200", &["-1200", "-1.2e3", "-1200.0", "-120000e-2"]),
            ("12.5", &["12.5", "12.50", "1.25e1", "125E-1"]),
            ("0.000001", &["0.000001", "1e-6", "0.1e-5"]),
            ("1e-7", &["0.0000001", "1e-7", "1.0E-07"]),
            ("1.5e-9", &["0.0000000015", "15e-10"]),
            (
                "1000000000000000000000000",
                &["1e24", "1000000000000000000000000"],
            ),
            ("1e+64", &["1e64", "10e63"]),
            ("1.25e+300", &["1.25e300", "125e298"]),
        ] {
            for text in texts {
                assert_eq!(written(text), form, "{text}");
            }
        }
    }

    #[test]
    fn no_digit_is_lost() {
        for text in [
            "12345678901234567890123",
            "0.1000000000000000055511151231257827",
            "9007199254740993",
            "18446744073709551616",
        ] {
            assert_eq!(written(text), text);
        }
    }

    #[test]
    fn what_no_reader_can_hold_is_out_of_range() {
        let long = format!("1{}", "0".repeat(400));
        for text in ["1e400", "-1e999999999999999999999", "1e-500000", &long] {
            assert!(!is_in_range(text), "{text}");
        }
        for text in ["1e308", "5e-324", "0e999999999999999999", "1e-400"] {
            assert!(is_in_range(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_form_has_the_same_value_and_is_its_own_form(number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
            for text in [format!("{number}"), format!("{number:e}"), format!("{number:?}")] {
                let form = written(&text);
                prop_assert_eq!(form.parse::<f64>().unwrap(), number, "{} {}", text, form);
                prop_assert_eq!(written(&form), form.clone());
                prop_assert_eq!(written(&format!("{number:e}")), form);
            }
        }
    }
}
