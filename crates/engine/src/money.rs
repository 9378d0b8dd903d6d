//! Money as an integer, so that sums are exact: never floating point.
//!
//! Read [`Money`] first. Its unit is the pico-USD (10⁻¹² USD): prices are quoted per million
//! tokens with up to six decimals, so the price of one token is a whole number of it.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Decimals of a USD amount that [`Money`] holds.
const DECIMALS: u32 = 12;

/// An amount of US dollars, zero or more, in pico-USD. Sums saturate far above any real amount.
///
/// Written and read as a decimal string in USD (`"0.0125"`), without rounding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u128);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount in pico-USD.
    #[must_use]
    pub const fn from_pico_usd(pico_usd: u128) -> Self {
        Self(pico_usd)
    }

    /// The amount in pico-USD.
    #[must_use]
    pub const fn pico_usd(self) -> u128 {
        self.0
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left of it; nothing if `other` is more.
    #[must_use]
    pub const fn minus_or_zero(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(formatter, self.0, DECIMALS)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        parse_decimal(text, DECIMALS).map(Self)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_in_place(deserializer)
    }
}

/// The price of one token: pico-USD. Written as providers quote it: USD per million tokens
/// (`"2.50"`), at most six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenPrice(u64);

impl TokenPrice {
    /// What so many tokens cost.
    #[must_use]
    pub fn of(self, tokens: u64) -> Money {
        Money(u128::from(self.0) * u128::from(tokens))
    }
}

impl fmt::Display for TokenPrice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(formatter, u128::from(self.0), 6)
    }
}

impl FromStr for TokenPrice {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let micro_usd_per_million = parse_decimal(text, 6)?;
        // USD per million tokens with six decimals: the millionth of it is pico-USD per token.
        u64::try_from(micro_usd_per_million)
            .map(Self)
            .map_err(|_| MoneyError::TooLarge)
    }
}

impl<'de> Deserialize<'de> for TokenPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_in_place(deserializer)
    }
}

impl Serialize for TokenPrice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The price of one call (a web search). Written as providers quote it: USD per thousand calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallPrice(u64);

impl CallPrice {
    /// What so many calls cost.
    #[must_use]
    pub fn of(self, calls: u64) -> Money {
        Money(u128::from(self.0) * u128::from(calls))
    }
}

impl FromStr for CallPrice {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let nano_usd_per_thousand = parse_decimal(text, 9)?;
        u64::try_from(nano_usd_per_thousand)
            .map(Self)
            .map_err(|_| MoneyError::TooLarge)
    }
}

impl fmt::Display for CallPrice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(formatter, u128::from(self.0), 9)
    }
}

impl<'de> Deserialize<'de> for CallPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_in_place(deserializer)
    }
}

impl Serialize for CallPrice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not of the form `12` or `12.5`: signs, exponents and separators are refused.
    #[error("not a decimal amount: write digits with at most one point, such as `2.50`")]
    NotADecimal,
    /// It would have to be rounded.
    #[error("more decimals than can be held exactly")]
    TooFine,
    /// Beyond what the type holds.
    #[error("amount too large")]
    TooLarge,
}

/// Reads a decimal as a whole number of 10^-`decimals`.
fn parse_decimal(text: &str, decimals: u32) -> Result<u128, MoneyError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(MoneyError::NotADecimal);
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = u32::try_from(fraction.len())
        .ok()
        .and_then(|length| decimals.checked_sub(length))
        .ok_or(MoneyError::TooFine)?;
    let number = |part: &str| match part {
        "" => Ok(0),
        _ => part.parse::<u128>().map_err(|_| MoneyError::TooLarge),
    };
    number(whole)?
        .checked_mul(10_u128.pow(decimals))
        .and_then(|whole| Some((whole, number(fraction).ok()?)))
        .and_then(|(whole, fraction)| whole.checked_add(fraction * 10_u128.pow(missing)))
        .ok_or(MoneyError::TooLarge)
}

/// Writes a whole number of 10^-`decimals` without needless zeros.
fn write_decimal(formatter: &mut fmt::Formatter<'_>, amount: u128, decimals: u32) -> fmt::Result {
    let unit = 10_u128.pow(decimals);
    let fraction = amount % unit;
    write!(formatter, "{}", amount / unit)?;
    if fraction == 0 {
        return Ok(());
    }
    let (mut fraction, mut width) = (fraction, usize::try_from(decimals).unwrap_or(0));
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        width = width.saturating_sub(1);
    }
    write!(formatter, ".{fraction:0width$}")
}

/// Deserialises a string by [`FromStr`]. A JSON number is refused: it passes through floating
/// point in most programs.
fn parse_in_place<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = MoneyError>,
    D: Deserializer<'de>,
{
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PICO_PER_USD: u128 = 1_000_000_000_000;

    #[test]
    fn a_price_per_million_is_a_whole_number_of_pico_usd_per_token() {
        let price: TokenPrice = "0.025".parse().unwrap();
        assert_eq!(price.of(1), Money::from_pico_usd(25_000));
        assert_eq!(price.of(1_000_000).to_string(), "0.025");
        let finest: TokenPrice = "0.000001".parse().unwrap();
        assert_eq!(finest.of(1), Money::from_pico_usd(1));
        assert_eq!(finest.of(3).to_string(), "0.000000000003");
    }

    #[test]
    fn a_price_per_thousand_calls() {
        let price: CallPrice = "10".parse().unwrap();
        assert_eq!(price.of(3).to_string(), "0.03");
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for text in [
            "", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", " 1", "NaN", "0x1", "٣",
        ] {
            assert_eq!(
                text.parse::<Money>(),
                Err(MoneyError::NotADecimal),
                "{text:?}"
            );
        }
        assert_eq!("0.0000001".parse::<TokenPrice>(), Err(MoneyError::TooFine));
        assert_eq!("0.0000000000001".parse::<Money>(), Err(MoneyError::TooFine));
        assert_eq!("1".repeat(60).parse::<Money>(), Err(MoneyError::TooLarge));
        assert_eq!(
            "99999999999999".parse::<TokenPrice>(),
            Err(MoneyError::TooLarge)
        );
        assert!(serde_json::from_str::<Money>("0.5").is_err());
    }

    #[test]
    fn sums_saturate_and_differences_stop_at_nothing() {
        let most = Money::from_pico_usd(u128::MAX);
        assert_eq!(most.plus(most), most);
        assert_eq!(Money::ZERO.minus_or_zero(most), Money::ZERO);
        assert_eq!("1".parse::<Money>(), Ok(Money::from_pico_usd(PICO_PER_USD)));
    }

    proptest! {
        #[test]
        fn money_survives_being_written_and_read(pico in 0..u128::MAX / PICO_PER_USD) {
            let money = Money::from_pico_usd(pico);
            prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
            let json = serde_json::to_string(&money).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = text.parse::<Money>();
            let _ = text.parse::<TokenPrice>();
            let _ = text.parse::<CallPrice>();
        }
    }
}
