//! Tokens of pictures, by each family's rule of tiles or patches.
//!
//! The rules are the providers' published ones, held against the recordings with inline pictures
//! (`recordings.rs`).

use super::family::Family;

pub use polyroute_wire::media::ImageSize;

/// The size that a picture is taken to have where nobody says: a large photo costs about as much
/// as this after the providers have scaled it.
const UNKNOWN: ImageSize = ImageSize {
    width: 1_024,
    height: 1_024,
};

/// The pictures of one request, counted by every rule at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pictures {
    count: u64,
    /// Tiles of 512 after OpenAI's scaling.
    tiles: u64,
    /// Patches of 32, at most 1,536 a picture.
    patches_32: u64,
    /// Patches of 28 after Claude's scaling to 1,568 a side.
    patches_28: u64,
    /// Tiles of 768, one for pictures up to 384.
    tiles_768: u64,
    /// Patches of 16 with one mark a row, at most 1,024 a side.
    patches_16: u64,
}

impl Pictures {
    /// One more picture.
    pub(super) fn add(&mut self, size: Option<ImageSize>, low_detail: bool) {
        let size = size.unwrap_or(UNKNOWN);
        let (width, height) = (u64::from(size.width), u64::from(size.height));
        self.count += 1;
        if !low_detail {
            self.tiles += tiles(width, height);
        }
        let patches = width.div_ceil(32) * height.div_ceil(32);
        self.patches_32 += if low_detail { 64 } else { patches.min(1_536) };
        let (claude_width, claude_height) = within(width, height, 1_568);
        let patches = claude_width.div_ceil(28) * claude_height.div_ceil(28);
        self.patches_28 += patches.min(1_600);
        self.tiles_768 += if width <= 384 && height <= 384 {
            1
        } else {
            width.div_ceil(768) * height.div_ceil(768)
        };
        let (width, height) = within(width, height, 1_024);
        self.patches_16 += width.div_ceil(16) * height.div_ceil(16) + height.div_ceil(16);
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Their tokens.
    pub(super) const fn tokens(&self, family: Family) -> u64 {
        match family {
            Family::Claude3
            | Family::Claude3Opus
            | Family::Claude3Sonnet
            | Family::Claude3Haiku
            | Family::Claude4
            | Family::Claude
            | Family::ClaudeNew => self.patches_28 + self.count * 5,
            Family::Gpt4 | Family::Gpt4o => self.count * 85 + self.tiles * 170,
            // OpenAI's vision guide: 2.46 tokens a patch at the nano models, 1.62 at the mini ones.
            Family::Gpt41Nano => self.patches_32 * 246 / 100,
            // The larger models take tiles or 1.2 tokens a patch: this is between.
            Family::Gpt41Mini | Family::Gpt5 | Family::Gpt5Responses | Family::GptOss => {
                self.patches_32 * 162 / 100
            }
            Family::Gemini2 | Family::Gemini | Family::Vertex => self.tiles_768 * 258,
            // Google's guide to media resolution: 1,120 a picture where the request asks for none.
            Family::Gemini3 | Family::Vertex3 => self.count * 1_120,
            Family::Mistral => self.patches_16,
            Family::Qwen
            | Family::QwenGpustack
            | Family::QwenOllama
            | Family::DeepSeek
            | Family::DeepSeekV4 => self.patches_28,
            Family::Command
            | Family::CommandR
            | Family::CommandR08
            | Family::CommandPlus
            | Family::CommandReasoning
            | Family::Grok
            | Family::Grok43 => self.tiles * 256,
            Family::Llama3
            | Family::Llama
            | Family::Llama4
            | Family::Llama4Bedrock
            | Family::Nova
            | Family::Nova2
            | Family::Other => self.count * 1_500,
        }
    }
}

/// Scaled down so that no side is longer than `side`.
fn within(width: u64, height: u64, side: u64) -> (u64, u64) {
    let longest = width.max(height).max(1);
    if longest <= side {
        return (width, height);
    }
    (width * side / longest, height * side / longest)
}

/// OpenAI: into a square of 2,048, then the shorter side to 768, then tiles of 512.
fn tiles(width: u64, height: u64) -> u64 {
    let (width, height) = within(width, height, 2_048);
    let shortest = width.min(height).max(1);
    let (width, height) = if shortest > 768 {
        (width * 768 / shortest, height * 768 / shortest)
    } else {
        (width, height)
    };
    width.div_ceil(512).max(1) * height.div_ceil(512).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(family: Family, width: u32, height: u32) -> u64 {
        let mut pictures = Pictures::default();
        pictures.add(Some(ImageSize { width, height }), false);
        pictures.tokens(family)
    }

    #[test]
    fn published_examples_of_each_rule() {
        // OpenAI's vision guide: 1024 × 1024 is 765, 2048 × 4096 is 1105.
        assert_eq!(tokens(Family::Gpt4o, 1_024, 1_024), 765);
        assert_eq!(tokens(Family::Gpt4o, 2_048, 4_096), 1_105);
        // As recorded: anthropic/multimodal-020 and -007, mistral/multimodal-002, gemini/multimodal-004.
        assert_eq!(tokens(Family::Claude, 1_001, 1_001), 1_301);
        assert_eq!(tokens(Family::Claude, 128, 128), 30);
        assert_eq!(tokens(Family::Mistral, 128, 128), 72);
        assert_eq!(tokens(Family::Gemini, 128, 128), 258);
        assert_eq!(tokens(Family::Gemini, 1_536, 700), 516);
    }

    #[test]
    fn low_detail_and_unknown_sizes() {
        let mut low = Pictures::default();
        low.add(None, true);
        assert_eq!(low.tokens(Family::Gpt4o), 85);
        let mut unknown = Pictures::default();
        unknown.add(None, false);
        assert_eq!(unknown.tokens(Family::Gpt4o), 765);
        assert_eq!(tokens(Family::Gpt4o, u32::MAX, u32::MAX), 765);
    }
}
