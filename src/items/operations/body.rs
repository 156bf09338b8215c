//! The body of a call on a batch of items. One that cannot be read fails the whole call,
//! and the error tells in which item it breaks, and where.

use serde::Deserialize;
use serde_json::error::Category;

use crate::items::error::{ItemError, ItemErrorCode};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// Reads a body; `members` shows what may be in it.
///
/// # Errors
/// `ValidationException` with `MalformedBatch`. serde's own text could quote a value, and
/// the name of an attribute could be one, where a quotation mark is missing: neither is told.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8], members: &str) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let what = match error.classify() {
            Category::Data => format!("the body must be {members}, and is not"),
            Category::Syntax | Category::Eof | Category::Io => "the body is not JSON".to_owned(),
        };
        let (line, column) = (error.line(), error.column());
        let at = offset(body, line, column);
        let item = match item_at(body.get(..at).unwrap_or(body)) {
            Some(index) => format!(", in items[{index}]"),
            None => String::new(),
        };
        refused(
            ItemErrorCode::MalformedBatch,
            &format!("{what} at line {line} column {column} (byte {at}){item}: mend it and send all again"),
        )
    })
}

/// A refusal of a whole batch.
pub(super) fn refused(code: ItemErrorCode, text: &str) -> ApiError {
    let error = ItemError::new(code, format!("{text}; see {}", code.docs()));
    super::refusal(Code::ValidationException, &error)
}

/// How many bytes stand before this column of this line, both counted from 1.
fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let before = line.saturating_sub(1);
    let lines = body.split_inclusive(|byte| *byte == b'\n').take(before);
    lines.map(<[u8]>::len).fold(column.saturating_sub(1), usize::saturating_add)
}

/// The item, counted from 0, that has begun when `text` ends, which is the beginning of
/// good JSON.
fn item_at(text: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    // The last string of the top level, and the item.
    let (mut start, mut name, mut index) = (0, &b""[..], None);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => {
                in_string = !in_string;
                match in_string {
                    true if depth == 1 => start = at.saturating_add(1),
                    false if depth == 1 => name = text.get(start..at).unwrap_or_default(),
                    _ => {}
                }
            }
            _ if in_string => {}
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                if depth == 2 {
                    index = (*byte == b'[' && name == b"items").then_some(0);
                }
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    index = None;
                }
            }
            b',' if depth == 2 => index = index.map(|index: usize| index.saturating_add(1)),
            _ => {}
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::read;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "it is only read")]
        items: Vec<Box<RawValue>>,
        #[expect(dead_code, reason = "the same")]
        format: Option<String>,
    }

    #[track_caller]
    fn check(body: impl AsRef<[u8]>, want: &str) {
        let body = body.as_ref();
        let error = read::<Body>(body, "{\"items\":[...]}").unwrap_err();
        let text = error.message().unwrap();
        let want = format!(
            "MalformedBatch: {want}: mend it and send all again; see \
             docs/item-errors.md#malformedbatch."
        );
        assert_eq!(text, want, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn the_item_that_breaks_a_body_is_named() {
        let good = r#"{"a":{"S":"],[{,\"\\"}},"#;
        for broken in ["{hunter2", r#"{"a" "hunter2""#, r#"{"a":{"S":"x"},{"#] {
            let before = format!(r#"{{"format":"items","items":[{}"#, good.repeat(57));
            let body = format!("{before}{broken}");
            let error = read::<Body>(body.as_bytes(), "").unwrap_err();
            let text = error.message().unwrap();
            assert!(text.contains("), in items[57]: "), "{broken}: {text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        check(
            "{\"items\":[\n{},\n{\"a\":hunter2}]}",
            "the body is not JSON at line 3 column 6 (byte 20), in items[1]",
        );
        check(
            r#"{"items":[{}}]}"#,
            "the body is not JSON at line 1 column 13 (byte 12), in items[0]",
        );
        check(
            r#"{"items":[{},"#,
            "the body is not JSON at line 1 column 13 (byte 12), in items[0]",
        );
        check(
            b"{\"items\":[{\"\xff\":0}]}",
            "the body is not JSON at line 1 column 13 (byte 12), in items[0]",
        );
    }

    #[test]
    fn what_is_broken_elsewhere_is_in_no_item() {
        check("hunter2", "the body is not JSON at line 1 column 1 (byte 0)");
        check("", "the body is not JSON at line 1 column 0 (byte 0)");
        check(r#"{"items":[{},[1]] "x"}"#, "the body is not JSON at line 1 column 19 (byte 18)");
        check(
            r#"{"items":[],"format":["a",x]}"#,
            "the body must be {\"items\":[...]}, and is not at line 1 column 21 (byte 20)",
        );
        check(
            r#"{"item":[]}"#,
            "the body must be {\"items\":[...]}, and is not at line 1 column 7 (byte 6)",
        );
        check("[]", "the body must be {\"items\":[...]}, and is not at line 1 column 2 (byte 1)");
    }
}
