//! The three spellings of a point in time that AWS uses. Inside, a time is
//! always epoch milliseconds (`i64`, UTC).

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;

const EVENT_TIME: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const ISO_8601: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const RECORD_DATE: &[BorrowedFormatItem<'static>] = format_description!(
    "[month repr:short] [day padding:none], [year], [hour repr:12 padding:none]:[minute]:[second] [period case:upper]"
);
const BASIC: &[BorrowedFormatItem<'static>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");
const BASIC_MINUTE: &[BorrowedFormatItem<'static>] =
    format_description!("[year][month][day]T[hour][minute]Z");
const PATH_DATE: &[BorrowedFormatItem<'static>] = format_description!("[year]/[month]/[day]");

/// `2026-11-02T10:11:12Z`: CloudTrail's `eventTime`, without a fraction.
#[must_use]
pub fn event_time(ms: i64) -> String {
    format(ms, EVENT_TIME)
}

/// `2026-11-02T10:11:12.345Z`.
#[must_use]
pub fn iso_8601(ms: i64) -> String {
    format(ms, ISO_8601)
}

/// `Nov 2, 2026, 10:11:12 AM`: a date inside CloudTrail's request and response
/// members (Java's MEDIUM format, UTC).
#[must_use]
pub fn record_date(ms: i64) -> String {
    format(ms, RECORD_DATE)
}

/// `20261102T101112Z`: the ISO 8601 basic form of SigV4.
#[must_use]
pub fn basic(ms: i64) -> String {
    format(ms, BASIC)
}

/// `20261102T1011Z`: the time in the name of CloudTrail's log files.
#[must_use]
pub fn basic_minute(ms: i64) -> String {
    format(ms, BASIC_MINUTE)
}

/// `2026/11/02`: the day in the path of CloudTrail's files.
#[must_use]
pub fn path_date(ms: i64) -> String {
    format(ms, PATH_DATE)
}

/// Reads SigV4's basic form.
#[must_use]
pub fn parse_basic(text: &str) -> Option<i64> {
    let parsed = PrimitiveDateTime::parse(text, BASIC).ok()?;
    to_ms(parsed.assume_utc())
}

/// Reads RFC 3339 (`2026-11-02T10:11:12Z`, fraction and offset allowed).
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    to_ms(OffsetDateTime::parse(text, &Rfc3339).ok()?)
}

/// Epoch seconds with a millisecond fraction: a timestamp member of AWS JSON.
#[must_use]
#[expect(clippy::as_conversions, reason = "milliseconds of any real date are exact in f64")]
#[expect(clippy::cast_precision_loss, reason = "the same")]
pub fn epoch_seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// Reads epoch seconds. `None` for what no date is: not a number, or beyond the
/// year 9999 on either side.
#[must_use]
#[expect(clippy::as_conversions, reason = "the bounds leave a number that an i64 holds")]
#[expect(clippy::cast_possible_truncation, reason = "rounding to a millisecond is the purpose")]
pub fn from_epoch_seconds(seconds: f64) -> Option<i64> {
    const YEAR_9999_S: f64 = 253_402_300_799.0;
    let is_date = seconds.is_finite() && seconds.abs() <= YEAR_9999_S;
    is_date.then(|| (seconds * 1000.0).round() as i64)
}

fn format(ms: i64, form: &[BorrowedFormatItem<'static>]) -> String {
    let nanos = i128::from(ms).saturating_mul(1_000_000);
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|at| at.format(form).ok())
        .unwrap_or_default()
}

fn to_ms(at: OffsetDateTime) -> Option<i64> {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_793_614_272_000;

    #[test]
    fn prints_all_forms() {
        assert_eq!(event_time(AT), "2026-11-02T10:11:12Z");
        assert_eq!(iso_8601(AT + 5), "2026-11-02T10:11:12.005Z");
        assert_eq!(record_date(AT), "Nov 2, 2026, 10:11:12 AM");
        assert_eq!(record_date(AT + 14 * 3_600_000), "Nov 3, 2026, 12:11:12 AM");
        assert_eq!(basic(AT), "20261102T101112Z");
        assert_eq!(basic_minute(AT), "20261102T1011Z");
        assert_eq!(path_date(AT), "2026/11/02");
    }

    #[test]
    fn seconds_read_back_unless_absurd() {
        assert_eq!(from_epoch_seconds(epoch_seconds(AT + 123)), Some(AT + 123));
        assert_eq!(from_epoch_seconds(-1.5), Some(-1500));
        for absurd in [f64::NAN, f64::INFINITY, 1e18, -1e300] {
            assert_eq!(from_epoch_seconds(absurd), None);
        }
    }

    #[test]
    fn reads_back() {
        assert_eq!(parse_basic("20261102T101112Z"), Some(AT));
        assert_eq!(parse_basic("20261302T101112Z"), None);
        assert_eq!(parse_basic("2026110T101112Z"), None);
        assert_eq!(parse_rfc3339("2026-11-02T11:11:12.5+01:00"), Some(AT + 500));
        assert_eq!(parse_rfc3339("yesterday"), None);
    }
}
