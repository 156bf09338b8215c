//! Numbers in the one spelling that is signed and encrypted: what DynamoDB
//! itself makes of a number when it stores it. No exponent, no plus sign, no
//! needless zeros, so `1E+2`, `+100` and `100.0` are one number with one spelling.

use super::error::{ItemError, ItemErrorCode};

/// Significant digits of a DynamoDB number.
const DIGITS_MAX: usize = 38;
/// Where the point may stand, counted from the first significant digit: from
/// 1E-130 up to 9.9...E+125.
const POINT_MIN: i64 = -129;
const POINT_MAX: i64 = 126;

/// The normal form of `text`.
///
/// A number outside DynamoDB's range is refused however it is written. (The
/// SDK lets one through whose zeros after the point are cancelled only in part
/// by its exponent; DynamoDB refuses that too.)
///
/// # Errors
/// `MalformedAttribute` if `text` is no number, `NumberOutOfRange` if it has more
/// than 38 significant digits or lies outside 1E-130 to 9.99...E+125.
pub fn normalize(text: &str) -> Result<String, ItemError> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, parse_exponent(exponent).ok_or_else(not_a_number)?)
        }
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !all_digits || (whole.is_empty() && fraction.is_empty()) {
        return Err(not_a_number());
    }

    let digits: String = [whole, fraction].concat();
    let without_lead = digits.trim_start_matches('0');
    let significant = without_lead.trim_end_matches('0');
    if significant.is_empty() {
        return Ok("0".to_owned());
    }
    if significant.len() > DIGITS_MAX {
        return Err(ItemError::new(
            ItemErrorCode::NumberOutOfRange,
            "a DynamoDB number has at most 38 significant digits: round it, or store it as a string",
        ));
    }
    let lead = wide(digits.len()).saturating_sub(wide(without_lead.len()));
    let point = wide(whole.len()).saturating_sub(lead).saturating_add(exponent);
    if !(POINT_MIN..=POINT_MAX).contains(&point) {
        return Err(ItemError::new(
            ItemErrorCode::NumberOutOfRange,
            "a DynamoDB number lies between 1E-130 and 9.99E+125 in size: store it as a string",
        ));
    }
    Ok(place_point(negative, significant, point))
}

/// `significant` with the point after its first `point` digits, padded with
/// zeros where the point lies outside of the digits.
fn place_point(negative: bool, significant: &str, point: i64) -> String {
    let sign = if negative { "-" } else { "" };
    // The range check bounds both distances by 129.
    let after = usize::try_from(point).unwrap_or(0);
    let before = usize::try_from(point.saturating_neg()).unwrap_or(0);
    if after == 0 {
        return [sign, "0.", &"0".repeat(before), significant].concat();
    }
    match significant.split_at_checked(after) {
        Some((whole, "")) => [sign, whole].concat(),
        Some((whole, fraction)) => [sign, whole, ".", fraction].concat(),
        None => {
            let zeros = "0".repeat(after.saturating_sub(significant.len()));
            [sign, significant, &zeros].concat()
        }
    }
}

/// The exponent, saturated: beyond a few hundred only its sign matters, and
/// not even that for a zero.
fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for byte in digits.bytes() {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value = value.saturating_mul(10).saturating_add(i64::from(digit));
    }
    Some(if negative { value.saturating_neg() } else { value })
}

fn wide(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

fn not_a_number() -> ItemError {
    ItemError::new(
        ItemErrorCode::MalformedAttribute,
        "a number is written in decimal digits, with an optional sign, point and exponent",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::normalize;
    use crate::items::error::ItemErrorCode;

    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(normalize(text).unwrap(), want, "{text}");
    }

    #[track_caller]
    fn check_refused(text: &str, want: ItemErrorCode) {
        assert_eq!(normalize(text).unwrap_err().code, want, "{text}");
    }

    #[test]
    fn one_spelling() {
        check("1E+2", "100");
        check("-0", "0");
        check("+5", "5");
        check("00100.00", "100");
        check(".5", "0.5");
        check("-.5e1", "-5");
        check("1.10", "1.1");
        check("5.", "5");
        check("0e99999999999999999999", "0");
        check("0.001e5", "100");
        check("123.456e1", "1234.56");
        check("-12.30e-3", "-0.0123");
        check("1e-130", &format!("0.{}1", "0".repeat(129)));
        check("1e125", &format!("1{}", "0".repeat(125)));
        check(
            "9.9999999999999999999999999999999999999E+125",
            &format!("{}{}", "9".repeat(38), "0".repeat(88)),
        );
        check(&"1".repeat(38), &"1".repeat(38));
        check(&format!("{}00", "1".repeat(38)), &format!("{}00", "1".repeat(38)));
    }

    #[test]
    fn out_of_range() {
        check_refused("1e126", ItemErrorCode::NumberOutOfRange);
        check_refused("1e-131", ItemErrorCode::NumberOutOfRange);
        check_refused("1e99999999999999999999", ItemErrorCode::NumberOutOfRange);
        check_refused("-1e-99999999999999999999", ItemErrorCode::NumberOutOfRange);
        check_refused(&"1".repeat(39), ItemErrorCode::NumberOutOfRange);
        check_refused(&format!("0.{}1e100", "0".repeat(300)), ItemErrorCode::NumberOutOfRange);
    }

    #[test]
    fn no_number() {
        for text in [
            "", ".", "-", "+", "e5", "1e", "1e+", "--1", "1.2.3", " 1", "0x1", "1_0", "NaN", "é",
            "1e5e5",
        ] {
            check_refused(text, ItemErrorCode::MalformedAttribute);
        }
    }

    proptest! {
        #[test]
        fn idempotent_and_equal_in_value(mantissa in -1_000_000_000_i64..1_000_000_000, scale in 0_u32..9, exponent in -20_i32..20) {
            let text = format!("{}.{:03}e{exponent}", mantissa, scale);
            let normal = normalize(&text).unwrap();
            prop_assert_eq!(&normalize(&normal).unwrap(), &normal);
            let (want, found): (f64, f64) = (text.parse().unwrap(), normal.parse().unwrap());
            // Both texts denote one decimal number, so they round to one float.
            prop_assert!(want == found, "{} {}", text, normal);
        }

        #[test]
        fn any_text_is_answered(text in "[-+0-9.eE]{0,60}|.{0,20}") {
            if let Ok(normal) = normalize(&text) {
                prop_assert_eq!(normalize(&normal).unwrap(), normal);
            }
        }
    }
}
