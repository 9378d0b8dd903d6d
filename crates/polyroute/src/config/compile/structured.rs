//! `structured_output` of a route: the schema read, and checked to be one.

use std::io::Read as _;
use std::sync::Arc;

use serde_json::{Number, Value};

use super::Context;
use crate::config::file::{self, CallerSchema};
use crate::config::path::KeyPath;
use crate::config::resolve;
use crate::config::settings::StructuredOutput;
use crate::config::tree::{Kind, Node, Scalar};
use crate::pipeline::Schemas;

/// Largest schema file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

pub(super) fn compile(
    file: &file::StructuredOutput,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<StructuredOutput> {
    if !cfg!(feature = "structured-output") {
        let reason = "this build of Polyroute checks no JSON schemas";
        let hint = "remove it, or build with the feature `structured-output`";
        context.problems.advise(path, reason, hint);
        return None;
    }
    let (schema, at) = match (&file.schema, &file.schema_file) {
        (Some(_), Some(_)) => {
            let reason = "`schema` and `schema_file` exclude each other";
            let at = path.key("schema_file");
            context.problems.advise(at, reason, "remove one of them");
            return None;
        }
        (Some(_), None) => (Some(inline(&path.key("schema"), context)?), "schema"),
        (None, Some(file)) => (
            Some(from_file(file, &path.key("schema_file"), context)?),
            "schema_file",
        ),
        (None, None) => (None, "schema"),
    };
    if schema.is_none() && (file.strict.is_some() || file.caller_schema.is_some()) {
        let reason =
            "`strict` and `caller_schema` are about the route's own schema, and there is none";
        context
            .problems
            .advise(path, reason, "add `schema: …`, or remove them");
    }
    if let Some(schema) = &schema
        && let Err(why) = checked(schema)
    {
        let reason = format!("this is no JSON schema that answers can be checked by: {why}");
        let hint = "mend the schema; only references within it are followed";
        context.problems.advise(path.key(at), reason, hint);
    }
    Some(StructuredOutput {
        mode: file.mode,
        schema: schema.map(Arc::new),
        strict: file.strict.unwrap_or(false),
        callers_own: file.caller_schema.unwrap_or_default() == CallerSchema::Allow,
        repair: file.repair.unwrap_or(false),
    })
}

fn checked(schema: &Value) -> Result<(), String> {
    if !schema.is_object() {
        return Err("it is no object".to_owned());
    }
    Schemas::new().get(schema).map(|_| ())
}

/// The schema as it stands in the document.
fn inline(path: &KeyPath, context: &Context<'_>) -> Option<Value> {
    let (node, _) = context.root?.find(path)?;
    Some(json(node))
}

/// A node as YAML's JSON schema reads it: plain words are what they look like.
fn json(node: &Node) -> Value {
    match &node.kind {
        Kind::List(items) => items.iter().map(json).collect(),
        Kind::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), json(&entry.value)))
            .collect(),
        Kind::Scalar(scalar) => json_scalar(scalar),
    }
}

fn json_scalar(scalar: &Scalar) -> Value {
    if scalar.is_null() {
        return Value::Null;
    }
    if !scalar.plain {
        return scalar.text.as_str().into();
    }
    match scalar.text.as_str() {
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => text
            .parse::<Number>()
            .map_or_else(|_| text.into(), Value::Number),
    }
}

fn from_file(file: &std::path::Path, path: &KeyPath, context: &mut Context<'_>) -> Option<Value> {
    let found = resolve::beside(file, context.folder);
    let shown = found.display();
    let read = resolve::open(&found).and_then(|file| {
        let mut text = String::new();
        file.take(FILE_BYTES_MAX.saturating_add(1))
            .read_to_string(&mut text)?;
        Ok(text)
    });
    let (reason, hint) = match read {
        Err(error) => (
            format!("`{shown}` can't be read: {error}"),
            "write the path of a JSON file",
        ),
        Ok(text) if text.len() as u64 > FILE_BYTES_MAX => (
            format!("`{shown}` is larger than {FILE_BYTES_MAX} bytes"),
            "write the path of a JSON schema",
        ),
        Ok(text) => match serde_json::from_str(&text) {
            Ok(schema) => return Some(schema),
            Err(error) => (format!("`{shown}` is no JSON: {error}"), "mend the file"),
        },
    };
    context.problems.advise(path, reason, hint);
    None
}
