//! Reading how long a provider asks us to wait (wire-protocols §13.2).
//!
//! Ask only on error answers: some providers send `retry-after` on a 200 (case 57). Values are as
//! the provider said, however large: whether to sleep, cool down or give up is the caller's.

use std::time::Duration;

use crate::adapter::ReplyHead;

/// Longest delay that is kept; more is nonsense and would only overflow later sums.
const DELAY_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// The delay that an error answer asks for: the larger of `retry-after-ms` and `retry-after`, else
/// what its message says (`try again in 6m0s`), else the reset of a limit that is used up.
#[must_use]
pub fn retry_after(reply: &ReplyHead<'_>, message: &str) -> Option<Duration> {
    let header = |name: &str| reply.headers.get(name).map(|value| value.trim());
    let in_ms = header("retry-after-ms")
        .and_then(|value| value.parse::<f64>().ok())
        .and_then(|ms| seconds(ms / 1_000.0));
    let in_s = header("retry-after").and_then(|value| {
        value
            .parse::<f64>()
            .ok()
            .and_then(seconds)
            .or_else(|| parse_duration(value))
            .or_else(|| until(parse_http_date(value)?, reply.now))
    });
    // `Option`'s order puts `None` below every value.
    in_ms
        .max(in_s)
        .or_else(|| from_message(message))
        .or_else(|| from_resets(reply))
}

/// Reads a duration as Go and proto-JSON write it: `6m0s`, `120ms`, `34.4s`, `10h17m5.7s`, `2d`.
/// `None` if anything else stands in it.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (total, rest) = leading_duration(text.trim())?;
    if rest.is_empty() { Some(total) } else { None }
}

/// A duration at the start of a text, and what follows it.
fn leading_duration(text: &str) -> Option<(Duration, &str)> {
    let mut total = 0.0;
    let mut rest = text;
    loop {
        let digits = rest
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits)?;
        // A full stop of the sentence is no part of the number.
        let Ok(number) = number.parse::<f64>() else {
            break;
        };
        let letters = after
            .find(|character: char| !character.is_ascii_alphabetic() && character != 'µ')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        let scale = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => break,
        };
        total += number * scale;
        rest = after;
    }
    if rest.len() == text.len() {
        return None;
    }
    Some((seconds(total)?, rest))
}

/// `try again in 1.2s`, `retry in 10h17m5.7s`, `retry after 5 seconds`, `in 2 minutes`.
fn from_message(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    [
        "try again in ",
        "retry in ",
        "retry after ",
        "try again after ",
    ]
    .iter()
    .find_map(|cue| {
        let (_, after) = lower.split_once(cue)?;
        if let Some((delay, _)) = leading_duration(after) {
            return Some(delay);
        }
        let mut words = after.split_whitespace();
        let number: f64 = words.next()?.parse().ok()?;
        let unit = words.next()?;
        let scale = [
            ("millisecond", 1e-3),
            ("sec", 1.0),
            ("min", 60.0),
            ("hour", 3_600.0),
            ("day", 86_400.0),
        ]
        .iter()
        .find(|(name, _)| unit.starts_with(name))?
        .1;
        seconds(number * scale)
    })
}

/// The latest reset among limits of which nothing remains (wire-protocols §13.5).
fn from_resets(reply: &ReplyHead<'_>) -> Option<Duration> {
    reply
        .headers
        .iter()
        .filter_map(|(name, remaining)| {
            if !name.contains("ratelimit") || !name.contains("remaining") || remaining != "0" {
                return None;
            }
            let reset = reply
                .headers
                .get(&name.replace("remaining", "reset"))?
                .trim();
            parse_duration(reset)
                .or_else(|| until(parse_rfc3339(reset)?, reply.now))
                .or_else(|| {
                    let number: f64 = reset.parse().ok()?;
                    // A number is seconds to wait, or a moment: seconds or milliseconds since
                    // the epoch, which are far apart from each other in size.
                    if number > 1e11 {
                        until(number / 1_000.0, reply.now)
                    } else if number > 1e9 {
                        until(number, reply.now)
                    } else {
                        seconds(number)
                    }
                })
        })
        .max()
}

/// From now to a moment, at least zero.
fn until(epoch_s: f64, now: Duration) -> Option<Duration> {
    seconds(epoch_s - now.as_secs_f64())
}

/// Negative becomes zero, more than [`DELAY_MAX`] becomes that, not a number is none.
fn seconds(value: f64) -> Option<Duration> {
    if value.is_nan() {
        return None;
    }
    let clamped = value.clamp(0.0, DELAY_MAX.as_secs_f64());
    Duration::try_from_secs_f64(clamped).ok()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` as seconds since the epoch.
pub fn parse_http_date(text: &str) -> Option<f64> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let (_, rest) = text.split_once(',')?;
    let mut words = rest.split_whitespace();
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next()?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|name| *name == month)?;
    let year: i64 = words.next()?.parse().ok()?;
    let clock = parse_clock(words.next()?)?;
    epoch(year, i64::try_from(month).ok()? + 1, day, clock)
}

/// `2026-03-01T12:00:00Z`, with a fraction or an offset, as seconds since the epoch.
pub fn parse_rfc3339(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-');
    let mut next = || parts.next()?.parse::<i64>().ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let zone_at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(zone_at)?;
    let offset_s = match zone.get(1..).and_then(|offset| offset.split_once(':')) {
        Some((hours, minutes)) => {
            let offset = hours.parse::<f64>().ok()? * 3_600.0 + minutes.parse::<f64>().ok()? * 60.0;
            if zone.starts_with('-') {
                -offset
            } else {
                offset
            }
        }
        None => 0.0,
    };
    Some(epoch(year, month, day, parse_clock(clock)?)? - offset_s)
}

fn parse_clock(text: &str) -> Option<f64> {
    let mut parts = text.splitn(3, ':');
    let mut next = || parts.next()?.parse::<f64>().ok();
    Some(next()? * 3_600.0 + next()? * 60.0 + next()?)
}

/// Days since the epoch of a civil date, by the usual count of 400-year eras.
fn epoch(year: i64, month: i64, day: i64, clock_s: f64) -> Option<f64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year
        - 719_468;
    #[expect(
        clippy::cast_precision_loss,
        reason = "days of four-digit years are far below 2^52"
    )]
    let days = days as f64;
    Some(days * 86_400.0 + clock_s)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// 2026-03-01T12:00:00Z.
    const NOW: Duration = Duration::from_secs(1_772_366_400);

    fn read(headers: &[(&str, &str)], message: &str) -> Option<Duration> {
        let headers: BTreeMap<String, String> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let head = ReplyHead {
            status: 429,
            headers: &headers,
            now: NOW,
        };
        retry_after(&head, message)
    }

    #[test]
    fn case_35_ms_seconds_date_none_and_ten_hours() {
        let s = |value| Some(Duration::from_secs_f64(value));
        assert_eq!(read(&[("retry-after-ms", "1500")], ""), s(1.5));
        assert_eq!(read(&[("retry-after", "2")], ""), s(2.0));
        assert_eq!(read(&[("retry-after", "0.25")], ""), s(0.25));
        let date = "Sun, 01 Mar 2026 12:00:30 GMT";
        assert_eq!(read(&[("retry-after", date)], ""), s(30.0));
        let past = "Sat, 28 Feb 2026 12:00:30 GMT";
        assert_eq!(read(&[("retry-after", past)], ""), s(0.0));
        assert_eq!(read(&[("retry-after", "-4")], ""), s(0.0));
        assert_eq!(read(&[], "Slow down."), None);
        assert_eq!(
            read(&[], "Please retry in 10h17m5.7s."),
            s(10.0 * 3600.0 + 17.0 * 60.0 + 5.7)
        );
        // Azure sends 0 ms beside 1 s.
        let both = [("retry-after-ms", "0"), ("retry-after", "1")];
        assert_eq!(read(&both, "try again in 9s"), s(1.0));
    }

    #[test]
    fn case_35_message_wordings() {
        for (message, expected) in [
            ("Please try again in 20ms. Visit us.", 0.02),
            ("Please try again in 6m0s.", 360.0),
            ("Please try again in 1.2s.", 1.2),
            ("Please retry after 12 seconds.", 12.0),
            ("try again in 2 minutes", 120.0),
            ("Try again in 48.9399s", 48.9399),
        ] {
            assert_eq!(read(&[], message), seconds(expected), "{message}");
        }
        assert_eq!(read(&[], "try again in a while"), None);
    }

    #[test]
    fn case_35_reset_headers_of_used_up_limits() {
        for (reset, expected) in [
            ("6m0s", 360.0),
            ("17.5s", 17.5),
            ("42", 42.0),
            ("2026-03-01T12:01:00Z", 60.0),
            ("2026-03-01T13:01:00+01:00", 60.0),
            ("1772366410000", 10.0),
            ("1772366410", 10.0),
        ] {
            let headers = [
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-reset-requests", reset),
                ("x-ratelimit-remaining-tokens", "10"),
                ("x-ratelimit-reset-tokens", "9h"),
            ];
            assert_eq!(read(&headers, ""), seconds(expected), "{reset}");
        }
        let headers = [
            ("anthropic-ratelimit-tokens-remaining", "0"),
            ("anthropic-ratelimit-tokens-reset", "2026-03-01T12:00:07.5Z"),
        ];
        assert_eq!(read(&headers, ""), seconds(7.5));
    }

    #[test]
    fn durations_are_whole_or_nothing() {
        assert_eq!(parse_duration("120ms"), seconds(0.12));
        assert_eq!(parse_duration("10h17m5.7s"), seconds(37_025.7));
        for text in ["", "s", "5", "5x", "1m x", "..s", "1e400s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(header in "\\PC{0,40}", message in "(retry in )?[0-9.hmsdµ]{0,12}\\PC{0,20}") {
            read(&[("retry-after", &header), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &header)], &message);
        }
    }
}
