//! Gemini generateContent and batchEmbedContents.
