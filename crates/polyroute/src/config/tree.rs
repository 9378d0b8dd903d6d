//! YAML text → a tree of nodes that know where they stand in the file.
//!
//! Everything later (interpolation, reading into types, cross-checks) works on this tree, so that
//! each problem can name its line. Read [`Node`] first. Anchors and aliases are followed within a
//! bound; merge keys (`<<`), tags and several documents are refused with a reason.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{self as yaml, Event, Parser, ScanError};

use super::path::{KeyPath, Segment};

/// The most nodes of one document, aliases expanded: keeps a "billion laughs" file harmless.
const NODES_MAX: usize = 100_000;
/// Deepest nesting of lists and mappings; the configuration itself needs seven.
const NESTING_MAX: usize = 64;

/// A stretch of one line: line and column count from 1, `length` in characters (at least 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters on that line.
    pub length: usize,
}

impl Span {
    fn from_yaml(span: &yaml::Span) -> Self {
        let same_line = span.start.line() == span.end.line();
        let length = if same_line {
            span.end.col().saturating_sub(span.start.col())
        } else {
            1
        };
        Self {
            line: span.start.line().max(1),
            column: span.start.col().saturating_add(1),
            length: length.max(1),
        }
    }
}

/// One value of the document.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Unique in the tree, aliases included.
    pub(crate) id: usize,
    pub(crate) span: Span,
    /// Line and column (from 1) just behind the value.
    pub(crate) end: (usize, usize),
    pub(crate) kind: Kind,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// Text, and how it was written.
#[derive(Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Written without quotes: may be a number, a boolean or null.
    pub(crate) plain: bool,
    /// Holds the value of a variable: what it came from was not written in the file.
    pub(crate) interpolated: bool,
}

impl std::fmt::Debug for Scalar {
    /// The text may be a credential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scalar")
            .field("plain", &self.plain)
            .finish_non_exhaustive()
    }
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Scalar {
    /// Whether YAML means "nothing" by it.
    pub(crate) fn is_null(&self) -> bool {
        let null = matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL");
        self.plain && !self.interpolated && null
    }
}

impl Node {
    /// The node at a path, and the place to point at (its key where it has one).
    pub(crate) fn find(&self, path: &KeyPath) -> Option<(&Node, Span)> {
        let mut node = self;
        let mut span = self.span;
        for segment in path.segments() {
            match (segment, &node.kind) {
                (Segment::Key(key), Kind::Map(entries)) => {
                    let entry = entries.iter().find(|entry| entry.key == *key)?;
                    node = &entry.value;
                    span = entry.pointer();
                }
                (Segment::Index(index), Kind::List(items)) => {
                    node = items.get(*index)?;
                    span = node.span;
                }
                (_, Kind::Scalar(_) | Kind::List(_) | Kind::Map(_)) => return None,
            }
        }
        Some((node, span))
    }

    /// Whether this is no list and no mapping.
    pub(crate) fn is_scalar(&self) -> bool {
        matches!(self.kind, Kind::Scalar(_))
    }

    /// Nothing, an empty list or an empty mapping.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.is_null(),
            Kind::List(items) => items.is_empty(),
            Kind::Map(entries) => entries.is_empty(),
        }
    }

    /// The names written under a path, those of entries that could not be read included.
    pub(crate) fn names(&self, path: &KeyPath) -> Vec<&str> {
        match self.find(path).map(|(node, _)| &node.kind) {
            Some(Kind::Map(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
            Some(Kind::Scalar(_) | Kind::List(_)) | None => Vec::new(),
        }
    }
}

impl Entry {
    /// Where to point for this entry: at a written value, else at the key.
    pub(crate) fn pointer(&self) -> Span {
        match &self.value.kind {
            Kind::Scalar(scalar) if !scalar.is_null() => self.value.span,
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => self.key_span,
        }
    }
}

/// What is wrong with the text as YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) span: Span,
    pub(crate) path: KeyPath,
    pub(crate) reason: String,
    pub(crate) suggestion: Option<String>,
}

/// Reads the text. The tree is there even beside flaws that leave the rest readable (duplicate
/// keys); it is absent where the text is no YAML at all.
pub(crate) fn parse(text: &str) -> (Option<Node>, Vec<Flaw>) {
    let options = yaml::options! {
        flow_nesting_limit: NESTING_MAX,
        block_nesting_limit: NESTING_MAX,
        emit_comments: false,
    };
    let mut builder = Builder {
        events: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        flaws: Vec::new(),
        nodes: 0,
    };
    match builder.document() {
        Ok(node) => (node, builder.flaws),
        Err(Stop::Flaw(flaw)) => {
            builder.flaws.push(flaw);
            (None, builder.flaws)
        }
        Err(Stop::Scan(error)) => {
            builder.flaws.push(scan_flaw(text, &error));
            (None, builder.flaws)
        }
    }
}

/// The lines as YAML counts them: a carriage return alone ends one too.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// Why reading ended early.
enum Stop {
    Flaw(Flaw),
    Scan(Box<ScanError>),
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        Self::Scan(Box::new(error))
    }
}

/// Says in plain words what the scanner stumbled on.
fn scan_flaw(text: &str, error: &ScanError) -> Flaw {
    let line = error.marker().line().max(1);
    let written = lines(text).nth(line.saturating_sub(1)).unwrap_or_default();
    let indent: String = written.chars().take_while(|c| c.is_whitespace()).collect();
    let tab = indent.chars().position(|c| c == '\t');
    let (column, reason, suggestion) = if let Some(tab) = tab {
        let reason = "a tab in the indentation: YAML indents with spaces only".to_owned();
        (tab, reason, Some("replace the tab with spaces".to_owned()))
    } else {
        let reason = format!("this is not valid YAML: {}", error.info());
        let quotes = "inside `[…]` and `{…}`, a value with `${…}` needs quotes: `\"${NAME}\"`";
        let hint = written.contains("${").then(|| quotes.to_owned());
        (error.marker().col(), reason, hint)
    };
    Flaw {
        span: Span {
            line,
            column: column.saturating_add(1),
            length: 1,
        },
        path: KeyPath::default(),
        reason,
        suggestion,
    }
}

struct Builder<'t, T: yaml::BorrowedInput<'t>> {
    events: Parser<'t, T>,
    anchors: HashMap<usize, Node>,
    flaws: Vec<Flaw>,
    nodes: usize,
}

impl<'t, T: yaml::BorrowedInput<'t>> Builder<'t, T> {
    fn next(&mut self) -> Result<Option<(Event<'t>, yaml::Span)>, Stop> {
        Ok(self.events.next_event().transpose()?)
    }

    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                first if root.is_none() => {
                    root = Some(self.node(first, &span, &KeyPath::default())?);
                }
                _ => {
                    return Err(Stop::Flaw(Flaw {
                        span: Span::from_yaml(&span),
                        path: KeyPath::default(),
                        reason: "a second YAML document begins here".to_owned(),
                        suggestion: Some("keep one document a file: remove the `---`".to_owned()),
                    }));
                }
            }
        }
        Ok(root)
    }

    fn node(&mut self, event: Event<'t>, span: &yaml::Span, path: &KeyPath) -> Result<Node, Stop> {
        let id = self.count(1, span)?;
        let mut at = Span::from_yaml(span);
        if event
            .tag()
            .is_some_and(|tag| tag.core_suffix() != Some("str"))
        {
            self.flaw(span, path, "YAML tags mean nothing here", "remove the `!…`");
        }
        let tagged = event.tag().is_some();
        let anchor = event.anchor_id().filter(|anchor| *anchor > 0);
        let kind = match event {
            Event::Scalar(text, style, ..) => Kind::Scalar(Scalar {
                text: text.into_owned(),
                plain: style == yaml::ScalarStyle::Plain && !tagged,
                interpolated: false,
            }),
            Event::SequenceStart(..) => Kind::List(self.list(path)?),
            Event::MappingStart(..) => {
                let entries = self.map(path)?;
                if let Some(first) = entries.first() {
                    at = Span {
                        length: first.key_span.length,
                        ..at
                    };
                }
                Kind::Map(entries)
            }
            Event::Alias(target) => return self.alias(target, span, path),
            _ => Kind::Scalar(Scalar {
                text: String::new(),
                plain: true,
                interpolated: false,
            }),
        };
        let node = Node {
            id,
            span: at,
            end: end(span),
            kind,
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, path: &KeyPath) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            let item = self.node(event, &span, &path.index(items.len()))?;
            items.push(item);
        }
        Ok(items)
    }

    fn map(&mut self, path: &KeyPath) -> Result<Vec<Entry>, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((event, key_span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, &key_span, path)?;
            let Some((event, span)) = self.next()? else {
                break;
            };
            let Kind::Scalar(key) = key.kind else {
                self.flaw(
                    &key_span,
                    path,
                    "a key must be plain text",
                    "write one word and a `:`",
                );
                self.node(event, &span, path)?;
                continue;
            };
            let key_path = path.key(&key.text);
            let value = self.node(event, &span, &key_path)?;
            if let Some(first) = entries.iter().find(|entry| entry.key == key.text) {
                let reason = format!("this key is already set on line {}", first.key_span.line);
                self.flaw(&key_span, &key_path, &reason, "keep one of the two");
                continue;
            }
            if key.text == "<<" && key.plain {
                let advice = "write the keys out, or use an alias for a whole value";
                self.flaw(
                    &key_span,
                    &key_path,
                    "merge keys (`<<`) are not supported",
                    advice,
                );
                continue;
            }
            entries.push(Entry {
                key: key.text,
                key_span: Span::from_yaml(&key_span),
                value,
            });
        }
        Ok(entries)
    }

    /// A copy of what the anchor named, with ids of its own.
    fn alias(&mut self, target: usize, span: &yaml::Span, path: &KeyPath) -> Result<Node, Stop> {
        let Some(mut copy) = self.anchors.get(&target).cloned() else {
            let reason = "this alias stands inside the value that it repeats";
            self.flaw(span, path, reason, "write the value out");
            let text = Scalar {
                text: String::new(),
                plain: true,
                interpolated: false,
            };
            let id = self.count(1, span)?;
            return Ok(Node {
                id,
                span: Span::from_yaml(span),
                end: end(span),
                kind: Kind::Scalar(text),
            });
        };
        let first = self.count(size(&copy), span)?;
        renumber(&mut copy, &mut first.clone());
        Ok(copy)
    }

    /// Takes `more` ids; the first of them.
    fn count(&mut self, more: usize, span: &yaml::Span) -> Result<usize, Stop> {
        let first = self.nodes;
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes <= NODES_MAX {
            return Ok(first);
        }
        Err(Stop::Flaw(Flaw {
            span: Span::from_yaml(span),
            path: KeyPath::default(),
            reason: format!("the file holds more than {NODES_MAX} values (aliases count in full)"),
            suggestion: None,
        }))
    }

    fn flaw(&mut self, span: &yaml::Span, path: &KeyPath, reason: &str, suggestion: &str) {
        self.flaws.push(Flaw {
            span: Span::from_yaml(span),
            path: path.clone(),
            reason: reason.to_owned(),
            suggestion: Some(suggestion.to_owned()),
        });
    }
}

fn end(span: &yaml::Span) -> (usize, usize) {
    (span.end.line(), span.end.col().saturating_add(1))
}

fn size(node: &Node) -> usize {
    let inner: usize = match &node.kind {
        Kind::Scalar(_) => 0,
        Kind::List(items) => items.iter().map(size).sum(),
        Kind::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
    };
    inner.saturating_add(1)
}

fn renumber(node: &mut Node, next: &mut usize) {
    node.id = *next;
    *next = next.saturating_add(1);
    match &mut node.kind {
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter_mut().for_each(|item| renumber(item, next)),
        Kind::Map(entries) => {
            entries
                .iter_mut()
                .for_each(|entry| renumber(&mut entry.value, next));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaws(text: &str) -> Vec<(usize, usize, String)> {
        let (_, flaws) = parse(text);
        flaws
            .into_iter()
            .map(|f| (f.span.line, f.span.column, f.reason))
            .collect()
    }

    #[test]
    fn nodes_know_their_place() {
        let (root, flaws) = parse("a:\n  b: [x, {c: 5}]\n");
        assert!(flaws.is_empty());
        let root = root.unwrap();
        let path = KeyPath::of("a").key("b").index(1).key("c");
        let (node, span) = root.find(&path).unwrap();
        assert!(matches!(&node.kind, Kind::Scalar(s) if s.text == "5" && s.plain));
        assert_eq!(
            span,
            Span {
                line: 2,
                column: 14,
                length: 1
            }
        );
    }

    #[test]
    fn a_duplicate_key_is_named_with_both_lines() {
        let found = flaws("a: 1\nb: 2\na: 3\n");
        assert_eq!(
            found,
            vec![(3, 1, "this key is already set on line 1".to_owned())]
        );
    }

    #[test]
    fn a_tab_is_called_a_tab() {
        let found = flaws("a:\n\tb: 1\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].2.contains("tab in the indentation"), "{found:?}");
        assert_eq!((found[0].0, found[0].1), (2, 1));
    }

    #[test]
    fn aliases_expand_within_a_bound() {
        let (root, found) = parse("a: &x {k: 1}\nb: *x\n");
        assert!(found.is_empty());
        let root = root.unwrap();
        assert!(root.find(&KeyPath::of("b").key("k")).is_some());
        let mut laughs = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for n in 1..9 {
            let last = format!("*a{},", n - 1).repeat(10);
            laughs.push_str(&format!("a{n}: &a{n} [{last}]\n"));
        }
        let (root, found) = parse(&laughs);
        assert!(root.is_none());
        assert!(found[0].reason.contains("more than"), "{found:?}");
    }

    #[test]
    fn merge_keys_tags_and_second_documents_are_refused() {
        assert!(
            flaws("a: &x {k: 1}\nb:\n  <<: *x\n")[0]
                .2
                .contains("merge keys")
        );
        assert!(flaws("a: !thing 1\n")[0].2.contains("tags"));
        assert!(
            flaws("a: 1\n---\nb: 2\n")[0]
                .2
                .contains("second YAML document")
        );
        assert!(flaws("a: !!str 1\n").is_empty());
    }
}
