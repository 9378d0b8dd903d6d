//! How figures look in a table, and what colours mean: red is gone, yellow is not known or about
//! to go, green is the best of a row.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

/// What a cell is to be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing special.
    Plain,
    /// The best of its row.
    Good,
    /// Unknown, or about to go.
    Careful,
    /// Gone, or worse than before.
    Bad,
}

/// An empty table that fits the terminal.
pub(super) fn new(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().copied());
    table
}

/// A cell of text.
pub(super) fn text(text: impl ToString, tone: Tone, colour: bool) -> Cell {
    let cell = Cell::new(text);
    let shade = match tone {
        Tone::Plain => return cell,
        Tone::Good => Color::Green,
        Tone::Careful => Color::Yellow,
        Tone::Bad => Color::Red,
    };
    if colour {
        cell.fg(shade).add_attribute(Attribute::Bold)
    } else {
        cell
    }
}

/// A cell of a figure, at the right; `?` where it is not known.
pub(super) fn figure(value: Option<impl ToString>, tone: Tone, colour: bool) -> Cell {
    let cell = match value {
        Some(value) => text(value.to_string(), tone, colour),
        None => text("?", Tone::Careful, colour),
    };
    cell.set_alignment(CellAlignment::Right)
}

/// Tokens in few characters: `128k`, `1.05M`.
pub(super) fn tokens(count: u64) -> String {
    let short = |unit: u64, letter: char| {
        let hundredths = count.saturating_mul(100) / unit;
        let (whole, rest) = (hundredths / 100, hundredths % 100);
        match rest {
            0 => format!("{whole}{letter}"),
            rest if rest % 10 == 0 => format!("{whole}.{}{letter}", rest / 10),
            rest => format!("{whole}.{rest:02}{letter}"),
        }
    };
    match count {
        1_000_000.. => short(1_000_000, 'M'),
        10_000.. => format!("{}k", count / 1_000),
        1_000.. => short(1_000, 'k'),
        _ => count.to_string(),
    }
}

/// Reads a count as people write it: `200k`, `1M`, `128000`.
///
/// # Errors
/// It is none.
pub(super) fn count(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("`{text}` is no number of tokens: write it like `128000`, `200k` or `1M`");
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (text.get(..at), 1_000),
        Some((at, 'm' | 'M')) => (text.get(..at), 1_000_000),
        _ => (Some(text), 1),
    };
    let number: u64 = digits.and_then(|it| it.parse().ok()).ok_or_else(wrong)?;
    number.checked_mul(unit).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_and_written_as_people_do() {
        for (text, expected) in [
            ("200k", 200_000),
            ("1M", 1_000_000),
            ("4096", 4_096),
            ("2m", 2_000_000),
        ] {
            assert_eq!(count(text), Ok(expected));
        }
        for wrong in ["", "k", "1.5k", "-1", "99999999999999M"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
        for (number, expected) in [
            (512, "512"),
            (8_192, "8.19k"),
            (128_000, "128k"),
            (1_000_000, "1M"),
            (1_048_576, "1.04M"),
        ] {
            assert_eq!(tokens(number), expected);
        }
    }
}
