//! Durations and sizes as people write them: `1500ms`, `2m`, `64MiB`.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::de::advice;

/// A length of time: a number and a unit, `ms`, `s`, `m`, `h` or `d`. At most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(transparent)]
pub struct TimeSpan(
    #[schemars(
        with = "String",
        regex(pattern = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$|\$\{")
    )]
    pub Duration,
);

/// A number of bytes: a plain number, or a number and `KiB`, `MiB`, `GiB` (1024) or `KB`, `MB`,
/// `GB` (1000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// What every duration is limited to: a longer one is a mistake.
const LONGEST_MS: f64 = 366.0 * 86_400_000.0;

impl TimeSpan {
    /// Reads `10s`, `1.5m`, `250ms`.
    ///
    /// # Errors
    ///
    /// A reason and what to write instead.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let example = "write a number and a unit, such as `1500ms`, `30s` or `10m`".to_owned();
        let text = text.trim();
        let unit_at = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let Ok(number) = number.parse::<f64>() else {
            return Err(("this is not a duration".to_owned(), example));
        };
        let scale_ms = match unit.trim() {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            "" => {
                let hint = format!("write `{text}s` for seconds or `{text}ms` for milliseconds");
                return Err(("a duration needs a unit".to_owned(), hint));
            }
            _ => return Err(("this is not a unit of time".to_owned(), example)),
        };
        let total_ms = number * scale_ms;
        if total_ms > LONGEST_MS {
            return Err(("a duration is a year at most".to_owned(), example));
        }
        Ok(Self(Duration::from_secs_f64(total_ms / 1_000.0)))
    }
}

impl ByteSize {
    /// Reads `1048576`, `64KiB`, `20MB`.
    ///
    /// # Errors
    ///
    /// A reason and what to write instead.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let example = "write bytes, or a number and a unit, such as `64KiB` or `20MiB`".to_owned();
        let text = text.trim();
        let unit_at = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let Ok(number) = number.parse::<u64>() else {
            return Err(("this is not a size".to_owned(), example));
        };
        let scale: u64 = match unit.trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "KB" | "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return Err(("this is not a unit of size".to_owned(), example)),
        };
        let bytes = number.checked_mul(scale).filter(|bytes| *bytes <= 1 << 40);
        bytes
            .map(Self)
            .ok_or_else(|| ("a size is 1024GiB at most".to_owned(), example))
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = TimeSpan;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `30s`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<TimeSpan, E> {
                TimeSpan::parse(text).map_err(|(reason, hint)| advice(&reason, &hint))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = ByteSize;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as `64MiB`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<ByteSize, E> {
                ByteSize::parse(text).map_err(|(reason, hint)| advice(&reason, &hint))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number of bytes: `1048576`, `64KiB`, `20MiB`.",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB|KB|kB|MB|GB)?$|\\$\\{" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_written() {
        let ms = |text| TimeSpan::parse(text).map(|span| span.0.as_millis());
        assert_eq!(ms("1500ms"), Ok(1_500));
        assert_eq!(ms("120s"), Ok(120_000));
        assert_eq!(ms("10m"), Ok(600_000));
        assert_eq!(ms("1.5h"), Ok(5_400_000));
        assert_eq!(ms("0s"), Ok(0));
        assert!(ms("30").unwrap_err().1.contains("`30s`"));
        for bad in ["", "s", "-1s", "1x", "1.2.3s", "1e9d", "999d", "inf", "NaN"] {
            assert!(ms(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_read_as_written() {
        let bytes = |text| ByteSize::parse(text).map(|size| size.0);
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("64KiB"), Ok(64 << 10));
        assert_eq!(bytes("1000"), Ok(1_000));
        assert_eq!(bytes("20MB"), Ok(20_000_000));
        for bad in [
            "",
            "MiB",
            "1.5MiB",
            "-1",
            "10XB",
            "99999999999999999999",
            "9999999GiB",
        ] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
