//! Why a target is left out of a plan.

use std::fmt;

use polyroute_wire::adapter::TranslationPolicy;
use polyroute_wire::capability::{Capabilities, ForcedToolChoice};
use polyroute_wire::error::EncodeErrorCode;

use super::NoTarget;
use crate::catalog::Kind;
use crate::needs::RequestNeeds;

/// A target that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// Its name.
    pub target: String,
    /// Why.
    pub reason: ExcludeReason,
}

impl Excluded {
    pub(super) fn new(target: &str, reason: ExcludeReason) -> Self {
        Self {
            target: target.to_owned(),
            reason,
        }
    }
}

impl fmt::Display for Excluded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` ({})", self.target, self.reason)
    }
}

/// Why a target can't take a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExcludeReason {
    /// Its provider is not configured.
    #[error("its provider is not on")]
    ProviderOff,
    /// It is called for something else.
    #[error("it is {}", .0.describe())]
    WrongKind(Kind),
    /// No moderations there.
    #[error("its provider has no `/v1/moderations`")]
    NoModerations,
    /// No client tools.
    #[error("it takes no tools")]
    Tools,
    /// Tools, but none can be forced.
    #[error("it can't be forced to call a tool")]
    ForcedTool,
    /// No pictures.
    #[error("it takes no pictures")]
    Image,
    /// No sound.
    #[error("it takes no sound")]
    Audio,
    /// No PDF documents.
    #[error("it takes no PDF documents")]
    Pdf,
    /// No moving pictures.
    #[error("it takes no video")]
    Video,
    /// A trailing assistant message is refused.
    #[error("it does not continue a trailing assistant message")]
    Prefill,
    /// Not so many choices in one call.
    #[error("it gives at most {max} choices")]
    Choices {
        /// How many at most.
        max: u32,
    },
    /// The window is too small, by our estimate.
    #[error("its window of {window} tokens is less than the estimated {wanted}")]
    Window {
        /// Its window in tokens.
        window: u64,
        /// Estimated input and the caller's limit on output, in tokens.
        wanted: u64,
    },
}

impl ExcludeReason {
    /// The stable name, for records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProviderOff => "provider_off",
            Self::WrongKind(_) => "wrong_kind",
            Self::NoModerations => "no_moderations",
            Self::Tools => "tools",
            Self::ForcedTool => "forced_tool",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Pdf => "pdf",
            Self::Video => "video",
            Self::Prefill => "prefill",
            Self::Choices { .. } => "choices",
            Self::Window { .. } => "window",
        }
    }

    /// The status, code and field of the error that the caller gets if nothing else is left.
    const fn answer(self) -> (u16, &'static str, Option<&'static str>) {
        let parameter = EncodeErrorCode::UnsupportedParameter.as_str();
        let content = EncodeErrorCode::UnsupportedContent.as_str();
        match self {
            Self::ProviderOff => (404, "provider_not_on", Some("model")),
            Self::WrongKind(_) => (400, "wrong_model_kind", Some("model")),
            Self::NoModerations => (400, "endpoint_not_offered", Some("model")),
            Self::Tools => (400, parameter, Some("tools")),
            Self::ForcedTool => (400, parameter, Some("tool_choice")),
            Self::Image | Self::Audio | Self::Pdf | Self::Video | Self::Prefill => {
                (400, content, Some("messages"))
            }
            Self::Choices { .. } => (400, parameter, Some("n")),
            Self::Window { .. } => (400, "context_length_exceeded", Some("messages")),
        }
    }

    /// How much the reason helps the caller; more is better.
    const fn rank(self) -> u8 {
        match self {
            Self::ProviderOff => 0,
            Self::WrongKind(_) | Self::NoModerations => 1,
            Self::Window { .. }
            | Self::Tools
            | Self::ForcedTool
            | Self::Image
            | Self::Audio
            | Self::Pdf
            | Self::Video
            | Self::Prefill
            | Self::Choices { .. } => 2,
        }
    }
}

/// Whether a model takes what the request holds.
pub(super) fn by_capability(
    needs: &RequestNeeds,
    takes: &Capabilities,
    policy: TranslationPolicy,
) -> Result<(), ExcludeReason> {
    let unforced =
        takes.forced_tool_choice == ForcedToolChoice::Never && !policy.downgrade_forced_tool_choice;
    let checks = [
        (needs.tools && !takes.tools, ExcludeReason::Tools),
        (needs.forced_tool && unforced, ExcludeReason::ForcedTool),
        (needs.image && !takes.image_input, ExcludeReason::Image),
        (needs.audio && !takes.audio_input, ExcludeReason::Audio),
        (needs.pdf && !takes.pdf_input, ExcludeReason::Pdf),
        (needs.video && !takes.video_input, ExcludeReason::Video),
        (
            needs.prefill && !takes.prefill && !policy.rewrite_prefill,
            ExcludeReason::Prefill,
        ),
        (
            needs.choices > takes.choices_max,
            ExcludeReason::Choices {
                max: takes.choices_max,
            },
        ),
    ];
    match checks.into_iter().find(|(fails, _)| *fails) {
        Some((_, reason)) => Err(reason),
        None => Ok(()),
    }
}

/// The caller's answer when nothing is left: the first of the most helpful reasons.
pub(super) fn refusal(excluded: Vec<Excluded>) -> NoTarget {
    let best = excluded
        .iter()
        .rev()
        .max_by_key(|excluded| excluded.reason.rank());
    let (status, code, param) = best.map_or((404, "model_not_found", Some("model")), |excluded| {
        excluded.reason.answer()
    });
    let message = match (best, excluded.len()) {
        (None, _) => "the route has no target".to_owned(),
        (Some(only), 1) => format!("`{}` can't take this request: {}", only.target, only.reason),
        (Some(_), _) => {
            let all: Vec<String> = excluded.iter().map(ToString::to_string).collect();
            format!("no target can take this request: {}", all.join(", "))
        }
    };
    NoTarget {
        status,
        code,
        message,
        param,
        excluded,
    }
}
