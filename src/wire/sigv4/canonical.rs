//! The canonical request: one spelling for every way in which proxies and
//! clients may write the same request (IAM User Guide, "Create a canonical
//! request").

use std::borrow::Cow;

use super::Request;

/// The canonical request, or `None` if `signed_headers` (names joined with
/// `;`) names a header that the request does not have. `path` and `query` are
/// already canonical.
///
/// The headers stand in the order of `signed_headers`. AWS asks clients to
/// sort them; any order is bound by the signature, because the list itself is
/// part of the text, and curl 7 sorts `a-b` before `a`.
pub(super) fn canonical_request(
    request: &Request<'_>,
    path: &str,
    query: &str,
    signed_headers: &str,
    body_sha256: &str,
) -> Option<Vec<u8>> {
    let header_bytes: usize =
        request.headers.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
    let line_bytes: usize =
        [path, query, signed_headers, body_sha256].iter().map(|line| line.len()).sum();
    let mut text = Vec::with_capacity(header_bytes.saturating_add(line_bytes).saturating_add(128));
    for line in [request.method, path, query] {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    for name in signed_headers.split(';') {
        push_header(&mut text, request.headers, name)?;
    }
    text.push(b'\n');
    text.extend_from_slice(signed_headers.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(body_sha256.as_bytes());
    Some(text)
}

/// The path, normalised and encoded. Every service but S3 encodes what was
/// sent a second time: a `%` becomes `%25`.
pub(super) fn canonical_path(path: &str) -> Cow<'_, str> {
    let normal = normal_path(path);
    if normal.bytes().all(|byte| byte == b'/' || is_unreserved(byte)) {
        return normal;
    }
    let mut encoded = String::with_capacity(normal.len().saturating_mul(2));
    for byte in normal.bytes() {
        match byte {
            b'/' => encoded.push('/'),
            other => push_encoded(&mut encoded, other),
        }
    }
    Cow::Owned(encoded)
}

/// The query with its pairs sorted by name, then by value, after encoding.
pub(super) fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (re_encoded(name), re_encoded(value)))
        .collect();
    pairs.sort_unstable();
    let mut sorted = String::with_capacity(query.len());
    for (name, value) in &pairs {
        if !sorted.is_empty() {
            sorted.push('&');
        }
        sorted.push_str(name);
        sorted.push('=');
        sorted.push_str(value);
    }
    sorted
}

/// The path without `.`, `..` and empty segments: what the signature covers,
/// and therefore what a request must be routed by. Nothing is decoded.
#[must_use]
pub fn normal_path(path: &str) -> Cow<'_, str> {
    if path.starts_with('/') && !path.contains("//") && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    let mut normal = String::with_capacity(path.len().saturating_add(1));
    for segment in &segments {
        normal.push('/');
        normal.push_str(segment);
    }
    if normal.is_empty() || path.ends_with('/') {
        normal.push('/');
    }
    Cow::Owned(normal)
}

/// Decodes a part of a query as a form does (`+` is a blank, a `%` without two
/// hex digits is itself) and encodes it as RFC 3986 wants.
fn re_encoded(part: &str) -> String {
    let mut encoded = String::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let byte = match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    (high << 4) | low
                }
                _ => b'%',
            },
            (other, _) => other,
        };
        push_encoded(&mut encoded, byte);
    }
    encoded
}

/// `name:value\n`; the values of a repeated header are joined by commas, and
/// runs of blanks become one.
fn push_header(text: &mut Vec<u8>, headers: &[(&str, &[u8])], name: &str) -> Option<()> {
    let mut found = false;
    for (_, value) in headers.iter().filter(|(header, _)| *header == name) {
        if found {
            text.push(b',');
        } else {
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            found = true;
        }
        let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            if index > 0 {
                text.push(b' ');
            }
            text.extend_from_slice(word);
        }
    }
    text.push(b'\n');
    found.then_some(())
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn push_encoded(text: &mut String, byte: u8) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    if is_unreserved(byte) {
        text.push(char::from(byte));
    } else {
        text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_path(path: &str, normal: &str, canonical: &str) {
        assert_eq!(normal_path(path), normal);
        assert_eq!(canonical_path(path), canonical);
    }

    #[test]
    fn paths_are_normalised_and_encoded_twice() {
        check_path("", "/", "/");
        check_path("/", "/", "/");
        check_path("//", "/", "/");
        check_path("a", "/a", "/a");
        check_path("/a//b/", "/a/b/", "/a/b/");
        check_path("/a/./b/../c", "/a/c", "/a/c");
        check_path("/../..", "/", "/");
        check_path("/.hidden", "/.hidden", "/.hidden");
        check_path("/a%2Fb:c", "/a%2Fb:c", "/a%252Fb%3Ac");
        check_path("/%2e%2e/b", "/%2e%2e/b", "/%252e%252e/b");
        check_path("/é", "/é", "/%C3%A9");
    }

    #[track_caller]
    fn check_query(query: &str, canonical: &str) {
        assert_eq!(canonical_query(query), canonical);
    }

    #[test]
    fn queries_are_sorted_by_name_then_value() {
        check_query("", "");
        check_query("b=2&a=3&a=1", "a=1&a=3&b=2");
        check_query("a-b=1&a=2", "a=2&a-b=1");
        check_query("flag&&x=", "flag=&x=");
        check_query("=v", "=v");
        check_query("a=b=c", "a=b%3Dc");
        check_query("b=1&B=1&%62=0", "B=1&b=0&b=1");
    }

    #[test]
    fn queries_have_one_encoding() {
        check_query("q=a+b", "q=a%20b");
        check_query("q=a%20b", "q=a%20b");
        check_query("q=%7e%e1%88%b4ሴ", "q=~%E1%88%B4%E1%88%B4");
        check_query("q=100%&r=%zz&s=%4", "q=100%25&r=%25zz&s=%254");
        check_query("q=%+1", "q=%25%201");
    }

    #[test]
    fn a_signed_header_must_be_there() {
        let mut text = Vec::new();
        assert_eq!(push_header(&mut text, &[("host", b"h")], "x"), None);
        assert_eq!(push_header(&mut text, &[("x", b"")], "x"), Some(()));
    }

    #[test]
    fn header_values_are_trimmed_and_joined() {
        let mut text = Vec::new();
        let headers: [(&str, &[u8]); 3] =
            [("x", b"  a \t b  "), ("y", b"other"), ("x", b"\xff\r\n c")];
        push_header(&mut text, &headers, "x").unwrap();
        assert_eq!(text, b"x:a b,\xff c\n");
    }
}
