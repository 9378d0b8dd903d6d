//! Tool names that a wire refuses, mangled per request and undone in the answer.

use std::collections::{BTreeMap, BTreeSet};

/// A reversible map between tool names as the caller knows them and as the wire takes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMap {
    /// Wire names by the caller's, only of names that differ.
    wire: BTreeMap<String, String>,
    /// The same the other way round.
    caller: BTreeMap<String, String>,
}

/// What a wire takes as a tool name.
#[derive(Debug, Clone, Copy)]
pub struct NameRule {
    /// Longest name in bytes.
    pub bytes_max: usize,
    /// Whether a byte may stand in a name.
    pub allows: fn(u8) -> bool,
    /// Whether the first byte must be a letter or an underscore.
    pub letter_first: bool,
}

impl NameRule {
    /// `[A-Za-z0-9_-]{1,64}`: OpenAI and Anthropic (wire-protocols §7).
    pub const STRICT: Self = Self {
        bytes_max: 64,
        allows: |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-',
        letter_first: false,
    };

    /// Gemini: starts with a letter or underscore; also `.` and `:`; at most 64.
    pub const GEMINI: Self = Self {
        bytes_max: 64,
        allows: |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':'),
        letter_first: true,
    };

    /// Whether the wire takes this name as it is.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        !name.is_empty()
            && name.len() <= self.bytes_max
            && name.bytes().all(self.allows)
            && (!self.letter_first
                || name
                    .bytes()
                    .next()
                    .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_'))
    }

    fn mangle(&self, name: &str, round: u32) -> String {
        // The hash keeps two names apart that differ only in what is replaced or cut.
        let hash = crate::json::stable_hash(name.as_bytes()) as u32;
        let suffix = format!("_{:08x}", hash.wrapping_add(round));
        let mut out = String::new();
        if self.letter_first
            && !name
                .bytes()
                .next()
                .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        {
            out.push('_');
        }
        for byte in name.bytes() {
            if out.len() + suffix.len() >= self.bytes_max {
                break;
            }
            out.push(if byte.is_ascii() && (self.allows)(byte) {
                char::from(byte)
            } else {
                '_'
            });
        }
        out + &suffix
    }
}

impl NameMap {
    /// Maps every name of `names` that the rule refuses. Deterministic: a name always becomes the
    /// same wire name, so that prompt caches hold across requests.
    #[must_use]
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>, rule: &NameRule) -> Self {
        let (kept, refused): (Vec<&str>, Vec<&str>) =
            names.into_iter().partition(|name| rule.fits(name));
        if refused.is_empty() {
            return Self::default();
        }
        let kept: BTreeSet<&str> = kept.into_iter().collect();
        let mut map = Self::default();
        for name in refused {
            if !map.wire.contains_key(name) {
                // Another tool may be called just so: its calls would be taken for this one's.
                let free =
                    |wire: &String| !kept.contains(wire.as_str()) && !map.caller.contains_key(wire);
                let mut wires = (0..).map(|round| rule.mangle(name, round));
                let Some(wire) = wires.find(free) else {
                    continue;
                };
                map.caller.insert(wire.clone(), name.to_owned());
                map.wire.insert(name.to_owned(), wire);
            }
        }
        map
    }

    /// The wire's name of a tool.
    #[must_use]
    pub fn to_wire<'a>(&'a self, name: &'a str) -> &'a str {
        self.wire.get(name).map_or(name, String::as_str)
    }

    /// The caller's name of a tool.
    #[must_use]
    pub fn to_caller<'a>(&'a self, wire: &'a str) -> &'a str {
        self.caller.get(wire).map_or(wire, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mangled_name_is_never_that_of_another_tool() {
        let rule = NameRule::STRICT;
        let taken = NameMap::new(["a.b"], &rule).to_wire("a.b").to_owned();
        let map = NameMap::new(["a.b", taken.as_str()], &rule);
        let wire = map.to_wire("a.b");
        assert!(wire != taken && rule.fits(wire), "{wire}");
        assert_eq!(
            (map.to_caller(wire), map.to_caller(&taken)),
            ("a.b", taken.as_str())
        );
    }

    #[test]
    fn case_7_names_with_dots_slashes_and_70_characters_come_back_unchanged() {
        let long = "a".repeat(70);
        let names = [
            "fs.read",
            "fs/read",
            "fs_read",
            "9lives",
            long.as_str(),
            "größe",
        ];
        for rule in [NameRule::STRICT, NameRule::GEMINI] {
            let map = NameMap::new(names, &rule);
            let wires: Vec<_> = names.iter().map(|name| map.to_wire(name)).collect();
            for (name, wire) in names.iter().zip(&wires) {
                assert!(rule.fits(wire), "{name} -> {wire}");
                assert_eq!(map.to_caller(wire), *name);
            }
            let mut unique = wires.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), names.len());
        }
    }
}
