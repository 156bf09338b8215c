//! Numbers, dates, booleans and address ranges as condition values have them.

use std::net::IpAddr;

use crate::base::timestamp;

/// A decimal number as whole numbers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// The largest whole number that is not above it.
    pub(super) floor: i64,
    /// Whether it is itself a whole number.
    pub(super) whole: bool,
}

impl Number {
    /// Reads a decimal number without an exponent.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (digits, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let magnitude: i64 = whole.parse().ok()?;
        let is_whole = fraction.bytes().all(|b| b == b'0');
        let floor = match text.starts_with('-') {
            false => magnitude,
            true if is_whole => magnitude.checked_neg()?,
            true => magnitude.checked_neg()?.checked_sub(1)?,
        };
        Some(Self { floor, whole: is_whole })
    }
}

/// Reads a date in one of the forms of W3C's note on ISO 8601, or in seconds
/// since 1970; epoch milliseconds.
pub(super) fn parse_date(text: &str) -> Option<i64> {
    let ms = match (text.len(), text.contains('T')) {
        // Four digits are a year, as in W3C's note.
        (4, false) => timestamp::parse_rfc3339(&format!("{text}-01-01T00:00:00Z"))?,
        (_, false) if Number::parse(text).is_some() => {
            let number = Number::parse(text).filter(|number| number.whole)?;
            number.floor.checked_mul(1_000)?
        }
        (7, false) => timestamp::parse_rfc3339(&format!("{text}-01T00:00:00Z"))?,
        (_, false) => timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"))?,
        (_, true) => {
            timestamp::parse_rfc3339(text).or_else(|| {
                // Without seconds: `2026-11-02T10:11Z`.
                let (minute, zone) = text.split_at_checked(16)?;
                timestamp::parse_rfc3339(&format!("{minute}:00{zone}"))
            })?
        }
    };
    // Cedar's years have four digits.
    (FIRST_MS..=LAST_MS).contains(&ms).then_some(ms)
}

const FIRST_MS: i64 = -62_167_219_200_000;
const LAST_MS: i64 = 253_402_300_799_999;

pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// An address or a range of them in Cedar's spelling. Ranges of IPv4 addresses
/// in IPv6 clothes become what they are.
pub(super) fn parse_range(text: &str) -> Option<String> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let given: IpAddr = address.parse().ok()?;
    let bits = |ip: &IpAddr| if ip.is_ipv4() { 32_u8 } else { 128 };
    let prefix = match prefix {
        None => bits(&given),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
    };
    if prefix > bits(&given) {
        return None;
    }
    let canonical = given.to_canonical();
    // Cedar knows no other name for such addresses, and no range that is wider.
    let moved = bits(&given).checked_sub(bits(&canonical))?;
    Some(format!("{canonical}/{}", prefix.checked_sub(moved)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let number = |floor, whole| Some(Number { floor, whole });
        assert_eq!(Number::parse("365"), number(365, true));
        assert_eq!(Number::parse("-5.50"), number(-6, false));
        assert_eq!(Number::parse("+7.0"), number(7, true));
        assert_eq!(Number::parse("-0.5"), number(-1, false));
        for bad in ["", "-", "1e3", "1.", ".5", "0x1", "9223372036854775808", " 1", "1 ", "--1"] {
            assert_eq!(Number::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates() {
        let day = 1_793_577_600_000;
        for (text, want) in [
            ("2026-11-02", Some(day)),
            ("2026-11", Some(day - 86_400_000)),
            ("2026", Some(1_767_225_600_000)),
            ("2026-11-02T00:00Z", Some(day)),
            ("2026-11-02T01:30+01:30", Some(day)),
            ("2026-11-02T00:00:00.5Z", Some(day + 500)),
            ("1793577600", Some(day)),
            ("1793577600.0", Some(day)),
            ("1793577600.5", None),
            ("2026-13", None),
            ("2026-11-02T00:00", None),
            ("99999999999999", None),
            ("today", None),
            ("", None),
        ] {
            assert_eq!(parse_date(text), want, "{text}");
        }
    }

    #[test]
    fn ranges() {
        for (text, want) in [
            ("203.0.113.0/24", Some("203.0.113.0/24")),
            ("203.0.113.7", Some("203.0.113.7/32")),
            ("2001:DB8:0::/32", Some("2001:db8::/32")),
            ("::ffff:203.0.113.0/120", Some("203.0.113.0/24")),
            ("::ffff:203.0.113.0/64", None),
            ("::/0", Some("::/0")),
            ("203.0.113.0/33", None),
            ("203.0.113/24", None),
            ("203.0.113.0/+4", None),
            ("203.0.113.0/", None),
            ("", None),
        ] {
            assert_eq!(parse_range(text).as_deref(), want, "{text}");
        }
    }
}
