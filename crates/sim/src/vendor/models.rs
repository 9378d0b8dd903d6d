//! The vendors' models: a few of each, with figures that are the same wherever the simulator
//! states them.

use serde_json::{Value, json};

use super::Vendor;
use crate::models::{Dialect, Known, Model, Purpose, Thinking, is_variant};

const DAY_S: u64 = 86_400;
/// Release day of models whose own is not worth a column (2026-01-01).
const RELEASED_DAY: u64 = 20_454;

/// A chat model: name, window and output limit in tokens, thinking, and the price of an input and
/// an output token in nano-USD. Answers carry the name.
pub(super) const fn chat(
    name: &'static str,
    limits: (u64, u64),
    thinking: Thinking,
    prices: (u64, u64),
) -> Model {
    Model {
        dialect: Dialect::Openai,
        name,
        served_as: name,
        purpose: Purpose::Chat,
        window: limits.0,
        output_max: limits.1,
        thinking,
        hides_thoughts: false,
        input_price_nano_usd: prices.0,
        cached_price_nano_usd: prices.0 / 10,
        output_price_nano_usd: prices.1,
        released_s: RELEASED_DAY * DAY_S,
    }
}

/// The model under the dated name that its answers carry.
pub(super) const fn dated(mut model: Model, served_as: &'static str) -> Model {
    model.served_as = served_as;
    model
}

/// An embeddings model: name, window in tokens, length of a vector, price of a token in nano-USD.
pub(super) const fn embedding(
    name: &'static str,
    window: u64,
    dimensions: u32,
    price: u64,
) -> Model {
    let mut model = chat(name, (window, 1), Thinking::Never, (price, 0));
    model.purpose = Purpose::Embedding { dimensions };
    model
}

pub(super) fn find(vendor: &Vendor, name: &str, embeddings: bool) -> Option<Known> {
    let listed = vendor
        .models
        .iter()
        .find(|model| name == model.name || name == model.served_as);
    match listed {
        Some(model) => Some(Known {
            model: model.clone(),
            served_as: model.served_as.to_owned(),
        }),
        None => variant(vendor, name).or_else(|| {
            name.contains("sim-")
                .then(|| stand_in(vendor, name, embeddings))?
        }),
    }
}

/// A dated name of a listed model (`mistral-large-2512`), which answers carry as it is.
fn variant(vendor: &Vendor, name: &str) -> Option<Known> {
    let variants = vendor.models.iter();
    let variants = variants.filter(|model| is_variant(name, model.name));
    let model = variants.max_by_key(|model| model.name.len())?;
    Some(Known {
        model: model.clone(),
        served_as: name.to_owned(),
    })
}

pub(super) fn stand_in(vendor: &Vendor, name: &str, embeddings: bool) -> Option<Known> {
    let fits = |model: &&Model| matches!(model.purpose, Purpose::Embedding { .. }) == embeddings;
    // `gpt-5-nano-sim-eu` has the figures of `gpt-5-nano`, a name of no model those of the first.
    let of_name = vendor
        .models
        .iter()
        .filter(|model| fits(model) && name.starts_with(model.name));
    let longest = of_name.max_by_key(|model| model.name.len());
    let model = longest.or_else(|| vendor.models.iter().find(fits))?.clone();
    Some(Known {
        model,
        served_as: name.to_owned(),
    })
}

/// The list as OpenAI has it.
pub(super) fn plain_list(models: &[Model]) -> Value {
    let data: Vec<Value> = models.iter().map(|model| plain(model, "system")).collect();
    json!({"object": "list", "data": data})
}

/// One model as OpenAI has it.
pub(super) fn plain(model: &Model, owner: &str) -> Value {
    json!({"id": model.name, "object": "model", "created": model.released_s, "owned_by": owner})
}

/// The list as OpenAI has it, with more members for each model.
pub(super) fn list_with(models: &[Model], owner: &str, more: fn(&Model) -> Value) -> Value {
    let one = |model: &Model| {
        let mut one = plain(model, owner);
        if let (Some(members), Value::Object(more)) = (one.as_object_mut(), more(model)) {
            members.extend(more);
        }
        one
    };
    json!({"object": "list", "data": models.iter().map(one).collect::<Vec<Value>>()})
}
