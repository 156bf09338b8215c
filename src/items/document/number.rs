//! The value of a JSON number in one spelling: what is signed of a number that
//! is not encrypted. Stores spell numbers anew (`1e2` becomes `100`, `-0.0`
//! becomes `0`), so the spelling cannot be signed.
//!
//! Unlike DynamoDB's normal form this has no bound on digits and no padding with
//! zeros, so `1e400` is as short as it was written.

use crate::items::error::{ItemError, ItemErrorCode};

/// Digits of the exponent of a signed number, leading zeros not counted.
const EXPONENT_DIGITS: usize = 15;

/// Sign, significant digits, `e`, exponent: `1.50` and `15E-1` are `15e-1`. Zero
/// is `0`. `text` is a number of JSON.
///
/// # Errors
/// `NumberOutOfRange` if the exponent has more than 15 digits.
pub(super) fn by_value(text: &str) -> Result<String, ItemError> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Ok("0".to_owned());
    }
    let zeros = digits.len().saturating_sub(significant.len());
    // Lengths are those of a text in memory, and the exponent is below 10^15.
    let exponent = parse_exponent(exponent)?
        .saturating_sub(wide(fraction))
        .saturating_add(i64::try_from(zeros).unwrap_or(i64::MAX));
    Ok(format!("{sign}{significant}e{exponent}"))
}

fn parse_exponent(text: &str) -> Result<i64, ItemError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.trim_start_matches('0');
    if digits.len() > EXPONENT_DIGITS {
        return Err(ItemError::new(
            ItemErrorCode::NumberOutOfRange,
            "a signed number has an exponent of at most 15 digits: encrypt it, or store it as a string",
        ));
    }
    let value = if digits.is_empty() { 0 } else { digits.parse::<i64>().unwrap_or(0) };
    Ok(if negative { value.saturating_neg() } else { value })
}

fn wide(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::by_value;
    use crate::items::error::ItemErrorCode;

    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(by_value(text).unwrap(), want, "{text}");
    }

    #[test]
    fn one_spelling() {
        check("0", "0");
        check("-0.00e5", "0");
        check("0e99999999999999999999", "0");
        check("1", "1e0");
        check("1.0", "1e0");
        check("100", "1e2");
        check("1E+2", "1e2");
        check("0.50", "5e-1");
        check("-12.50e-3", "-125e-4");
        check("1e400", "1e400");
        check(&format!("1{}", "0".repeat(400)), "1e400");
        check("1e-000000000000000000000007", "1e-7");
        check("123456789012345678901234567890.1", "1234567890123456789012345678901e-1");
        check("1e999999999999999", "1e999999999999999");
    }

    #[test]
    fn the_exponent_is_bounded() {
        for text in ["1e1000000000000000", "-3.5e-1000000000000000"] {
            assert_eq!(by_value(text).unwrap_err().code, ItemErrorCode::NumberOutOfRange, "{text}");
        }
    }

    proptest! {
        #[test]
        fn equal_values_and_no_others(sign in "-?", whole in "[0-9]{1,4}", fraction in "[0-9]{1,3}", exponent in -9_i32..9, other in -50_i64..50, one in -50_i64..50) {
            let spelled = format!("{sign}{whole}.{fraction}e{exponent}");
            let lower = exponent.saturating_sub(i32::try_from(fraction.len()).unwrap());
            let plain = format!("{sign}{whole}{fraction}e{lower}");
            prop_assert_eq!(by_value(&spelled).unwrap(), by_value(&plain).unwrap(), "{} {}", spelled, plain);
            let equal = by_value(&format!("{one}e3")).unwrap() == by_value(&format!("{other}000")).unwrap();
            prop_assert_eq!(equal, one == other);
        }
    }
}
