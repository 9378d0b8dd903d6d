//! `generationConfig` and the parameters that have no place on this wire (wire-protocols §4).

use serde_json::{Map, Value, json};

use crate::adapter::Target;
use crate::capability::Sampling;
use crate::chat::{ChatRequest, Part};
use crate::error::EncodeError;
use crate::notes::{NO_EQUIVALENT, Notes, unsupported};

/// Most stop sequences, candidates and alternatives per token that the API takes.
const STOP_MAX: u32 = 5;
const CANDIDATES_MAX: u32 = 8;
const TOP_LOGPROBS_MAX: u32 = 20;

/// Sampling, limits and output shape.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Map<String, Value>, EncodeError> {
    let mut out = Map::new();
    sampling(request, target, notes, &mut out)?;
    limits(request, target, notes, &mut out)?;
    let capabilities = &target.capabilities;
    if let Some(seed) = request.seed {
        if !capabilities.seed {
            notes.drop("seed", NO_EQUIVALENT)?;
        } else if let Ok(seed) = i32::try_from(seed) {
            out.insert("seed".into(), seed.into());
        } else {
            // The wire's seed has 32 bits; folding keeps equal seeds equal.
            let [a, b, c, d, e, f, g, h] = seed.to_be_bytes();
            let folded = i32::from_be_bytes([a ^ e, b ^ f, c ^ g, d ^ h]);
            notes.change("seed", folded);
            out.insert("seed".into(), folded.into());
        }
    }
    for (name, key, value) in [
        (
            "presence_penalty",
            "presencePenalty",
            request.presence_penalty,
        ),
        (
            "frequency_penalty",
            "frequencyPenalty",
            request.frequency_penalty,
        ),
    ] {
        match value {
            Some(value) if capabilities.penalties => {
                out.insert(key.into(), value.into());
            }
            Some(value) if value != 0.0 => notes.drop(name, NO_EQUIVALENT)?,
            _ => {}
        }
    }
    if request.logprobs == Some(true) {
        logprobs(request, target, notes, &mut out)?;
    }
    media_resolution(request, notes, &mut out)?;
    modalities(request, notes, &mut out)?;
    Ok(out)
}

fn sampling(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
    out: &mut Map<String, Value>,
) -> Result<(), EncodeError> {
    let takes = match target.capabilities.sampling {
        Sampling::Free | Sampling::UnlessThinking => true,
        Sampling::DefaultOnly | Sampling::Never => false,
    };
    let values = [
        (
            "temperature",
            "temperature",
            request.temperature.map(Value::from),
            Some(1.0),
        ),
        ("top_p", "topP", request.top_p.map(Value::from), Some(1.0)),
        ("top_k", "topK", request.top_k.map(Value::from), None),
    ];
    for (name, key, value, default) in values {
        match value {
            Some(value) if takes => {
                out.insert(key.into(), value);
            }
            Some(value) if value.as_f64() != default => notes.drop(name, NO_EQUIVALENT)?,
            _ => {}
        }
    }
    Ok(())
}

fn limits(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
    out: &mut Map<String, Value>,
) -> Result<(), EncodeError> {
    let capabilities = &target.capabilities;
    if let Some(asked) = request.max_output_tokens {
        let limit = capabilities.max_output.unwrap_or(u64::MAX);
        if asked > limit {
            notes.change("max_completion_tokens", limit);
        }
        out.insert("maxOutputTokens".into(), asked.min(limit).into());
    }
    let stops: Vec<&String> = request
        .stop
        .iter()
        .filter(|stop| !stop.is_empty())
        .collect();
    let stop_max = capabilities
        .stop_max
        .map_or(STOP_MAX, |max| max.min(STOP_MAX));
    if u32::try_from(stops.len()).unwrap_or(u32::MAX) > stop_max {
        return Err(unsupported(
            "stop",
            format!("This model takes at most {stop_max} stop sequences."),
        ));
    }
    if !stops.is_empty() {
        out.insert("stopSequences".into(), json!(stops));
    }
    let choices = request.n.unwrap_or(1);
    let choices_max = capabilities.choices_max.min(CANDIDATES_MAX);
    if choices > choices_max {
        return Err(unsupported(
            "n",
            format!("This model gives at most {choices_max} choices a call."),
        ));
    }
    if choices > 1 {
        out.insert("candidateCount".into(), choices.into());
    }
    Ok(())
}

fn logprobs(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
    out: &mut Map<String, Value>,
) -> Result<(), EncodeError> {
    if !target.capabilities.logprobs {
        if request.top_logprobs.is_some() {
            notes.drop("top_logprobs", NO_EQUIVALENT)?;
        }
        return notes.drop("logprobs", NO_EQUIVALENT);
    }
    out.insert("responseLogprobs".into(), true.into());
    if let Some(top) = request.top_logprobs {
        if top > TOP_LOGPROBS_MAX {
            notes.change("top_logprobs", TOP_LOGPROBS_MAX);
        }
        out.insert("logprobs".into(), top.min(TOP_LOGPROBS_MAX).into());
    }
    Ok(())
}

/// `detail` is a setting of the whole request here, and of documents and video too: it is taken
/// over only where every medium is a picture of the same detail.
fn media_resolution(
    request: &ChatRequest,
    notes: &mut Notes,
    out: &mut Map<String, Value>,
) -> Result<(), EncodeError> {
    let mut details: Vec<Option<&str>> = Vec::new();
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        match part {
            Part::Image { detail, .. } => {
                details.push(detail.as_deref().filter(|detail| *detail != "auto"));
            }
            Part::File { .. } | Part::Video { .. } => details.push(None),
            Part::Audio { .. }
            | Part::Text { .. }
            | Part::Refusal { .. }
            | Part::Unknown { .. } => {}
        }
    }
    let Some(first) = details.iter().copied().flatten().next() else {
        return Ok(());
    };
    let is_uniform = details.iter().all(|detail| *detail == Some(first));
    let word = match first {
        "low" => "MEDIA_RESOLUTION_LOW",
        "high" => "MEDIA_RESOLUTION_HIGH",
        _ => "",
    };
    if !is_uniform || word.is_empty() {
        return notes.drop("messages[].content[].image_url.detail", NO_EQUIVALENT);
    }
    out.insert("mediaResolution".into(), word.into());
    Ok(())
}

fn modalities(
    request: &ChatRequest,
    notes: &mut Notes,
    out: &mut Map<String, Value>,
) -> Result<(), EncodeError> {
    if let Some(asked) = request.carried.get("modalities") {
        let words: Vec<String> = asked
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_ascii_uppercase)
            .collect();
        if words.iter().any(|word| word != "TEXT") {
            out.insert("responseModalities".into(), words.into());
        }
    }
    let Some(audio) = request.carried.get("audio").and_then(Value::as_object) else {
        return Ok(());
    };
    for (key, value) in audio {
        match (key.as_str(), value.as_str()) {
            ("voice", Some(voice)) => {
                out.insert(
                    "speechConfig".into(),
                    json!({"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}),
                );
            }
            // What the API sends anyway.
            ("format", Some("pcm16")) => {}
            (key, _) => notes.drop(&format!("audio.{key}"), NO_EQUIVALENT)?,
        }
    }
    Ok(())
}

/// Where Vertex AI reads the tier; it refuses the body's `serviceTier`.
const VERTEX_TIER: &str = "x-vertex-ai-llm-shared-request-type";

/// What stands beside `generationConfig`, and what goes as a header.
pub(super) fn top_level(
    request: &ChatRequest,
    target: &Target,
    headers: &mut Vec<(&'static str, String)>,
    notes: &mut Notes,
) -> Result<Map<String, Value>, EncodeError> {
    let mut out = Map::new();
    match service_tier(request, notes)? {
        Some("STANDARD") if target.endpoint.is_vertex() => {}
        Some(tier) if target.endpoint.is_vertex() => {
            headers.push((VERTEX_TIER, tier.to_ascii_lowercase()));
        }
        Some(tier) => {
            out.insert("serviceTier".into(), tier.into());
        }
        None => {}
    }
    let labels = labels(request, target, notes)?;
    if !labels.is_empty() {
        out.insert("labels".into(), labels.into());
    }
    Ok(out)
}

/// `service_tier` in the wire's words.
fn service_tier(
    request: &ChatRequest,
    notes: &mut Notes,
) -> Result<Option<&'static str>, EncodeError> {
    let Some(tier) = request.carried.get("service_tier") else {
        return Ok(None);
    };
    Ok(match tier.as_str().unwrap_or_default() {
        "auto" => None,
        "default" | "standard" => Some("STANDARD"),
        "flex" => Some("FLEX"),
        "priority" => Some("PRIORITY"),
        "fast" => {
            notes.change("service_tier", "priority");
            Some("PRIORITY")
        }
        _ => {
            notes.drop("service_tier", NO_EQUIVALENT)?;
            None
        }
    })
}

/// `metadata` as the labels by which Vertex AI splits its bill (wire-protocols §4). What is no label
/// there, and all of it on the Gemini API, is left out and named.
fn labels(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Map<String, Value>, EncodeError> {
    const WHY: &str = "a label has at most 63 lower-case letters, digits, `_` and `-`";
    let mut labels = Map::new();
    let Some(metadata) = &request.metadata else {
        return Ok(labels);
    };
    if !target.endpoint.is_vertex() {
        notes.drop("metadata", NO_EQUIVALENT)?;
        return Ok(labels);
    }
    for (key, value) in metadata {
        match value.as_str() {
            Some(value) if is_label(key) && starts_with_letter(key) && is_label(value) => {
                labels.insert(key.clone(), value.into());
            }
            _ => notes.drop(&format!("metadata.{key}"), WHY)?,
        }
    }
    Ok(labels)
}

fn is_label(text: &str) -> bool {
    text.chars().count() <= 63
        && text.chars().all(|character| {
            character.is_lowercase() || character.is_numeric() || matches!(character, '_' | '-')
        })
}

fn starts_with_letter(text: &str) -> bool {
    text.chars().next().is_some_and(char::is_lowercase)
}

/// Names everything that is set and has no place on this wire.
pub(super) fn leave_out(request: &ChatRequest, notes: &mut Notes) -> Result<(), EncodeError> {
    let set = [
        ("logit_bias", request.logit_bias.is_some()),
        ("user", request.user.is_some()),
        ("safety_identifier", request.safety_identifier.is_some()),
        ("cache_control", request.cache_control.is_some()),
        (
            "stream_options.include_obfuscation",
            request.stream_options.include_obfuscation == Some(true),
        ),
        (
            "top_logprobs",
            request.top_logprobs.is_some() && request.logprobs != Some(true),
        ),
    ];
    for (name, is_set) in set {
        if is_set {
            notes.drop(name, NO_EQUIVALENT)?;
        }
    }
    for (name, value) in &request.carried {
        let is_taken = matches!(
            name.as_str(),
            "service_tier" | "web_search_options" | "modalities" | "audio"
        );
        // `store: false` is what happens anyway.
        let is_moot = value.is_null() || value == &Value::Bool(false);
        if !is_taken && !is_moot {
            notes.drop(name, NO_EQUIVALENT)?;
        }
    }
    for name in &request.unread {
        notes.drop(name, NO_EQUIVALENT)?;
    }
    Ok(())
}
