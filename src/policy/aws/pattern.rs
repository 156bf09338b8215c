//! Wildcards of AWS policies: `*` is any text, `?` any one character.

use std::convert::Infallible;

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Char(char),
    /// `*`
    Many,
    /// `?`
    One,
}

/// Whether `pattern` matches all of `text`.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let element = |c| match c {
        '*' => Element::Many,
        '?' => Element::One,
        _ => Element::Char(c),
    };
    let pattern: Vec<_> = pattern.chars().map(element).collect();
    fits(&pattern, text, &mut |_steps| Ok::<_, Infallible>(())).unwrap_or_default()
}

/// The same for a pattern in parts. `spend` is told of the steps that it takes,
/// and may stop it.
pub(super) fn fits<E>(
    pattern: &[Element],
    text: &str,
    spend: &mut impl FnMut(usize) -> Result<(), E>,
) -> Result<bool, E> {
    let text: Vec<char> = text.chars().collect();
    spend(text.len())?;
    // After a mismatch the last `*` takes one character more.
    let (mut p, mut t) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some(Element::Many) => {
                star = Some((p, t));
                p = p.saturating_add(1);
            }
            Some(element) if *element == Element::One || *element == Element::Char(*c) => {
                p = p.saturating_add(1);
                t = t.saturating_add(1);
            }
            _ => {
                let Some((at, taken)) = star else { return Ok(false) };
                // Back to the last `*`: only this takes more steps than there are
                // characters.
                spend(t.saturating_sub(taken))?;
                let taken = taken.saturating_add(1);
                star = Some((at, taken));
                p = at.saturating_add(1);
                t = taken;
            }
        }
    }
    Ok(pattern.iter().skip(p).all(|element| *element == Element::Many))
}

/// Whether `text` has a wildcard.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::matches;

    #[track_caller]
    fn check(pattern: &str, text: &str, want: bool) {
        assert_eq!(matches(pattern, text), want, "{pattern} {text}");
    }

    #[test]
    fn wildcards() {
        check("", "", true);
        check("*", "", true);
        check("?", "", false);
        check("Re*T?", "ReEncryptTo", true);
        check("*Key*", "GenerateDataKeyPair", true);
        check("a*b*c", "abcbd", false);
        check("a*b*c", "abcbc", true);
        check("Encrypt", "Encrypts", false);
    }

    /// The definition, by recursion.
    fn obvious(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|n| obvious(rest, &text[n..])),
            Some((c, rest)) => {
                text.first().is_some_and(|t| *c == b'?' || c == t) && obvious(rest, &text[1..])
            }
        }
    }

    proptest! {
        #[test]
        fn as_defined(pattern in "[ab*?]{0,7}", text in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &text), obvious(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
