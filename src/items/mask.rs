//! Masks: what is left of a value for somebody who may not see all of it.
//!
//! Pure: the key behind `hash` is brought by the caller. A masked value is always a
//! text. Where a rule would show more than it says, or does not apply, there is no
//! masked value, and the attribute is left out of the answer.

use super::attribute::AttributeValue;
use super::number::normalize;
use super::protection::Mask;

/// Stands for what is taken away. Of fixed length: how long a value is stays hidden.
const HIDDEN: &str = "****";

/// What `rule` leaves of `value`; `None` where it does not apply. `hash` gives the
/// name that stands for a value, `None` if it cannot.
pub(super) fn mask(
    rule: &Mask,
    value: &AttributeValue,
    hash: impl FnOnce(&AttributeValue) -> Option<String>,
) -> Option<AttributeValue> {
    let masked = match (rule, value) {
        (Mask::Constant(text), _) => Some(text.clone()),
        (Mask::KeepLast(kept), AttributeValue::S(text)) => keep_last(*kept, text),
        (Mask::KeepLast(kept), AttributeValue::N(text)) => keep_last_digits(*kept, text),
        (Mask::Email, AttributeValue::S(text)) => email(text),
        (Mask::Year, AttributeValue::S(text)) => year(text),
        (Mask::Hash, AttributeValue::S(_) | AttributeValue::N(_)) => hash(value),
        _ => None,
    };
    masked.map(AttributeValue::S)
}

/// The last characters of a text of at least twice as many.
fn keep_last(kept: usize, text: &str) -> Option<String> {
    let chars = text.chars().count();
    if chars < kept.checked_mul(2)? {
        return None;
    }
    let last: String = text.chars().skip(chars.checked_sub(kept)?).collect();
    Some([HIDDEN, &last].concat())
}

/// The last digits of a whole number that is not negative, as DynamoDB writes it.
fn keep_last_digits(kept: usize, text: &str) -> Option<String> {
    let digits = normalize(text).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| keep_last(kept, &digits)).flatten()
}

/// First letter and domain. What does not look like an address is none: a text of
/// another kind would be shown from its `@` on.
fn email(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let mut letters = local.chars();
    let (first, more) = (letters.next()?, letters.next().is_some());
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control();
    let is_name = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let is_domain =
        domain.len() <= DOMAIN_BYTES && domain.contains('.') && domain.split('.').all(is_name);
    let fits = more && is_domain && local.chars().all(is_plain);
    fits.then(|| format!("{first}{HIDDEN}@{domain}"))
}

/// A domain name is not longer (RFC 1035, section 2.3.4).
const DOMAIN_BYTES: usize = 253;

/// The year of `YYYY-MM-DD`, with or without a time behind it.
fn year(text: &str) -> Option<String> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_date = parts.next().is_none()
        && is_number(year, 4)
        && is_number(month, 2)
        && is_number(day, 2)
        && ("01"..="12").contains(&month)
        && ("01"..="31").contains(&day)
        && (rest.is_empty() || rest.starts_with(['T', 't', ' ']));
    is_date.then(|| year.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(rule: &Mask, value: &AttributeValue) -> Option<String> {
        match mask(rule, value, |_| Some("name".to_owned())) {
            Some(AttributeValue::S(text)) => Some(text),
            None => None,
            Some(other) => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn check(rule: &Mask, value: &str, want: Option<&str>) {
        let got = masked(rule, &AttributeValue::S(value.to_owned()));
        assert_eq!(got.as_deref(), want, "{rule:?} {value:?}");
    }

    #[test]
    fn texts() {
        check(&Mask::KeepLast(4), "078-05-1120", Some("****1120"));
        check(&Mask::KeepLast(4), "12345678", Some("****5678"));
        check(&Mask::KeepLast(4), "1234567", None);
        check(&Mask::KeepLast(4), "", None);
        check(&Mask::KeepLast(2), "\u{e4}\u{f6}\u{fc}\u{df}", Some("****\u{fc}\u{df}"));
        check(&Mask::KeepLast(usize::MAX), "1", None);
        check(&Mask::Email, "ada@example.com", Some("a****@example.com"));
        check(&Mask::Email, "\u{e4}da@b\u{fc}cher.example", Some("\u{e4}****@b\u{fc}cher.example"));
        for none in [
            "a@example.com",
            "@example.com",
            "ada@",
            "ada",
            "ada@localhost",
            "ada@example..com",
            "ada@b@example.com",
            "mail ada@example.com",
            "ada@example.com, or 555-0101",
            "ada@exam ple.com",
            "ada@.com",
            "ada@example.com.",
        ] {
            check(&Mask::Email, none, None);
        }
        check(&Mask::Year, "1984-02-29", Some("1984"));
        check(&Mask::Year, "1984-02-29T01:02:03Z", Some("1984"));
        for none in [
            "1984",
            "1984-02",
            "1984-2-29",
            "84-02-29",
            "1984-13-01",
            "1984-01-32",
            "1984-00-01",
            "1984-02-29x",
            "12345-2-29",
            "1984-0229-",
            "\u{ff11}984-02-29",
            "4111-1111-1111-1111",
        ] {
            check(&Mask::Year, none, None);
        }
        check(&Mask::Hash, "", Some("name"));
        check(&Mask::Constant("***".into()), "anything", Some("***"));
    }

    #[test]
    fn other_types() {
        let number = |text: &str| AttributeValue::N(text.to_owned());
        let cards = Mask::KeepLast(4);
        assert_eq!(masked(&cards, &number("4111111111111111")).as_deref(), Some("****1111"));
        assert_eq!(masked(&cards, &number("4.1111111E7")).as_deref(), Some("****1111"));
        for none in ["1234567", "-12345678", "1234.5678", "0.12345678", "x"] {
            assert_eq!(masked(&cards, &number(none)), None, "{none}");
        }
        assert_eq!(masked(&Mask::Hash, &number("7")).as_deref(), Some("name"));
        assert_eq!(masked(&Mask::Year, &number("1984")), None);
        let others = [
            AttributeValue::Bool(true),
            AttributeValue::Null,
            AttributeValue::B(b"ada@example.com".to_vec()),
            AttributeValue::Ss(vec!["1984-02-29".into()]),
            AttributeValue::L(vec![AttributeValue::S("ada@example.com".into())]),
        ];
        for value in &others {
            for rule in [Mask::KeepLast(1), Mask::Email, Mask::Year, Mask::Hash] {
                assert_eq!(masked(&rule, value), None, "{rule:?} {value:?}");
            }
            assert_eq!(masked(&Mask::Constant("x".into()), value).as_deref(), Some("x"));
        }
    }

    #[test]
    fn a_hash_that_cannot_be_made_is_no_mask() {
        let value = AttributeValue::S("x".into());
        assert!(mask(&Mask::Hash, &value, |_| None).is_none());
    }

    proptest! {
        /// Two values that agree in what a rule shows look the same: nothing else
        /// of a value shows.
        #[test]
        fn shows_no_more_than_the_rule_says(
            kept in 1_usize..=16, one in ".{16,40}", other in ".{16,40}", last in ".{16}",
        ) {
            let shown: String = last.chars().take(kept).collect();
            let (one, other) = (format!("{one}{shown}"), format!("{other}{shown}"));
            let text = |text: String| AttributeValue::S(text);
            let rule = Mask::KeepLast(kept);
            let masked_one = masked(&rule, &text(one));
            prop_assert_eq!(&masked_one, &masked(&rule, &text(other)));
            let want = format!("****{shown}");
            prop_assert_eq!(masked_one.as_deref(), Some(want.as_str()));
        }

        #[test]
        fn any_text_shows_half_at_most(kept in 1_usize..=16, value in "\\PC{0,40}") {
            if let Some(shown) = masked(&Mask::KeepLast(kept), &AttributeValue::S(value.clone())) {
                let shown = shown.strip_prefix(HIDDEN).unwrap();
                prop_assert!(shown.chars().count() <= value.chars().count() / 2);
                prop_assert!(value.ends_with(shown));
            }
        }

        #[test]
        fn an_address_shows_one_letter_of_its_name(value in "\\PC{0,12}@[a-z.]{0,12}") {
            if let Some(shown) = masked(&Mask::Email, &AttributeValue::S(value.clone())) {
                let (local, domain) = value.split_once('@').unwrap();
                let want = format!("{}****@{domain}", local.chars().next().unwrap());
                prop_assert_eq!(shown, want);
                prop_assert!(local.chars().count() > 1);
            }
        }

        #[test]
        fn a_date_shows_four_digits(value in "[0-9T:-]{0,20}") {
            if let Some(shown) = masked(&Mask::Year, &AttributeValue::S(value.clone())) {
                prop_assert!(shown.len() == 4 && value.starts_with(&shown));
            }
        }
    }
}
