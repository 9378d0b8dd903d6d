//! Embeddings: unit vectors, the same for the same text, nearer for texts that share words.

use crate::seed::Dice;

/// Words of a text that shape its vector.
const WORDS_MAX: usize = 64;

/// The vector of a text: the sum of its words' vectors, of length 1.
pub fn vector(model: &str, text: &str, dimensions: u32) -> Vec<f32> {
    let size = usize::try_from(dimensions).unwrap_or(0);
    let mut sum = vec![0.0_f64; size];
    let lower = text.to_lowercase();
    let words = lower
        .split(|sign: char| !sign.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut any = false;
    for word in words.take(WORDS_MAX) {
        any = true;
        add(&mut sum, Dice::new(0, &["word", model, word]));
    }
    if !any {
        add(&mut sum, Dice::new(0, &["text", model, text]));
    }
    let length = sum
        .iter()
        .map(|part| part * part)
        .sum::<f64>()
        .sqrt()
        .max(f64::MIN_POSITIVE);
    // Seven decimals, as the real APIs print them; a float32 holds no more.
    sum.iter()
        .map(|part| ((part / length * 1e7).round() / 1e7) as f32)
        .collect()
}

fn add(sum: &mut [f64], mut dice: Dice) {
    for part in sum {
        *part += dice.unit() - 0.5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(one: &str, two: &str) -> f32 {
        let (one, two) = (vector("m", one, 256), vector("m", two, 256));
        one.iter().zip(&two).map(|(one, two)| one * two).sum()
    }

    #[test]
    fn vectors_have_length_one_and_repeat() {
        assert!((likeness("a text", "a text") - 1.0).abs() < 1e-3);
        assert_eq!(vector("m", "👍", 8).len(), 8);
        assert_eq!(vector("m", "", 8), vector("m", "", 8));
    }

    #[test]
    fn shared_words_bring_texts_together() {
        let near = likeness("the cat sat on the mat", "a cat on a mat");
        let far = likeness("the cat sat on the mat", "quarterly revenue grew");
        assert!(near > far + 0.2, "{near} {far}");
    }
}
