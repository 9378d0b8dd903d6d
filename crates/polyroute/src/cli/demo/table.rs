//! What the demo prints.

use std::net::SocketAddr;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};

use super::scenes::Row;

/// Widest table, in columns.
const WIDTH: u16 = 100;

impl Row {
    /// One line as it happens.
    pub(super) fn line(&self, colour: bool) -> String {
        let mark = match (self.ok, colour) {
            (true, true) => "\x1b[32m✓\x1b[0m",
            (true, false) => "✓",
            (false, true) => "\x1b[31m✗\x1b[0m",
            (false, false) => "✗",
        };
        let answer: String = self
            .seen
            .text
            .chars()
            .filter(|c| !c.is_control())
            .take(60)
            .collect();
        format!(
            "{mark} {}: {} answered: {answer}",
            self.what,
            self.provider()
        )
    }

    fn provider(&self) -> &str {
        if self.seen.provider.is_empty() {
            "nobody"
        } else {
            &self.seen.provider
        }
    }
}

/// The table of all requests.
pub(super) fn render(rows: &[Row], colour: bool) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    table.set_header([
        "asked for",
        "model",
        "answered by",
        "tries",
        "first word",
        "whole",
        "tokens",
    ]);
    for row in rows {
        let (text, shade) = match (row.ok, row.fell_back) {
            (false, _) => (format!("{} ✗", row.provider()), Color::Red),
            (true, true) => (format!("{} ↷", row.provider()), Color::Yellow),
            (true, false) => (row.provider().to_owned(), Color::Green),
        };
        let mut answered = Cell::new(text);
        if colour {
            answered = answered.fg(shade).add_attribute(Attribute::Bold);
        }
        let seen = &row.seen;
        table.add_row([
            Cell::new(row.what),
            Cell::new(row.model.rsplit('/').next().unwrap_or_default()),
            answered,
            Cell::new(&seen.attempts),
            Cell::new(
                seen.first_ms
                    .map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms")),
            ),
            Cell::new(format!("{} ms", seen.total_ms)),
            Cell::new(seen.tokens.map_or_else(
                || "-".to_owned(),
                |(input, output)| format!("{input}/{output}"),
            )),
        ]);
    }
    table.to_string()
}

/// One sentence of what the table shows.
pub(super) fn summary(rows: &[Row]) -> String {
    let ok = rows.iter().filter(|row| row.ok).count();
    let saved = rows.iter().filter(|row| row.ok && row.fell_back).count();
    format!(
        "{ok} of {} requests answered; {saved} of them while their first provider was failing (↷), \
         which the application did not notice.",
        rows.len()
    )
}

/// What a newcomer types next.
pub(super) fn try_next(gateway: SocketAddr, admin: SocketAddr) -> String {
    format!(
        "\nIt stays up until Ctrl-C. Try it:\n\n  \
         curl -s http://{gateway}/v1/chat/completions -H 'content-type: application/json' \\\n    \
           -d '{{\"model\":\"chat\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n\n  \
         Python: client = OpenAI(base_url=\"http://{gateway}/v1\", api_key=\"demo\")\n          \
         client.chat.completions.create(model=\"anthropic/claude-haiku-4-5\", messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}])\n\n  \
         What happened to each request: curl -s 'http://{admin}/v1/admin/requests?limit=3'\n  \
         Metrics:                       curl -s http://{admin}/metrics\n\n\
         With your own keys: OPENAI_API_KEY=… polyroute serve"
    )
}
