//! The settings under `[quotas]`. As flags and in the environment their names
//! begin with `quota-`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Error;
use super::environment::Environment;
use super::flags::QuotaFlags;
use super::layer::parsed;
use crate::base::limits::POLICY_BYTES;
use crate::base::quotas::Quotas;
use crate::base::rates::{Rate, RateGroup, RequestRates};

/// The quotas of one source. AWS's where nothing is set.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct QuotaLayer {
    keys_per_region: Option<u32>,
    aliases_per_key: Option<u32>,
    grants_per_key: Option<u32>,
    tags_per_key: Option<u32>,
    key_policy_bytes: Option<u32>,
    rotations_per_key: Option<u32>,
    request_rates: Option<RateSetting>,
}

/// `request-rates`: text in all three spellings, or a table of the file.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum RateSetting {
    Text(String),
    Table(BTreeMap<String, RateValue>),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum RateValue {
    Number(f64),
    Text(String),
}

impl QuotaLayer {
    /// The quotas of the environment.
    pub(super) fn of_environment(from: &Environment) -> Result<Self, Error> {
        let number = |name| parsed(from, name, "a number");
        Ok(Self {
            keys_per_region: number("WARDBOOK_QUOTA_KEYS_PER_REGION")?,
            aliases_per_key: number("WARDBOOK_QUOTA_ALIASES_PER_KEY")?,
            grants_per_key: number("WARDBOOK_QUOTA_GRANTS_PER_KEY")?,
            tags_per_key: number("WARDBOOK_QUOTA_TAGS_PER_KEY")?,
            key_policy_bytes: number("WARDBOOK_QUOTA_KEY_POLICY_BYTES")?,
            rotations_per_key: number("WARDBOOK_QUOTA_ROTATIONS_PER_KEY")?,
            request_rates: from.text("WARDBOOK_QUOTA_REQUEST_RATES")?.map(RateSetting::Text),
        })
    }

    /// These quotas, and those of `below` where there is none.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            keys_per_region: self.keys_per_region.or(below.keys_per_region),
            aliases_per_key: self.aliases_per_key.or(below.aliases_per_key),
            grants_per_key: self.grants_per_key.or(below.grants_per_key),
            tags_per_key: self.tags_per_key.or(below.tags_per_key),
            key_policy_bytes: self.key_policy_bytes.or(below.key_policy_bytes),
            rotations_per_key: self.rotations_per_key.or(below.rotations_per_key),
            request_rates: self.request_rates.or(below.request_rates),
        }
    }

    /// The quotas, checked.
    pub(super) fn quotas(self) -> Result<Quotas, Error> {
        let aws = Quotas::default();
        let or = |set: Option<u32>, aws: usize| {
            set.map_or(aws, |number| usize::try_from(number).unwrap_or(usize::MAX))
        };
        let key_policy_bytes = or(self.key_policy_bytes, aws.key_policy_bytes);
        if key_policy_bytes > POLICY_BYTES {
            return Err(Error::Value {
                name: "quota-key-policy-bytes",
                value: key_policy_bytes.to_string(),
                expected: "a number up to 32768",
            });
        }
        Ok(Quotas {
            keys_per_region: or(self.keys_per_region, aws.keys_per_region),
            aliases_per_key: or(self.aliases_per_key, aws.aliases_per_key),
            grants_per_key: or(self.grants_per_key, aws.grants_per_key),
            tags_per_key: or(self.tags_per_key, aws.tags_per_key),
            key_policy_bytes,
            on_demand_rotations_per_key: or(
                self.rotations_per_key,
                aws.on_demand_rotations_per_key,
            ),
            request_rates: match self.request_rates {
                None => aws.request_rates,
                Some(setting) => setting.rates()?,
            },
        })
    }
}

impl From<QuotaFlags> for QuotaLayer {
    fn from(flags: QuotaFlags) -> Self {
        Self {
            keys_per_region: flags.quota_keys_per_region,
            aliases_per_key: flags.quota_aliases_per_key,
            grants_per_key: flags.quota_grants_per_key,
            tags_per_key: flags.quota_tags_per_key,
            key_policy_bytes: flags.quota_key_policy_bytes,
            rotations_per_key: flags.quota_rotations_per_key,
            request_rates: flags.quota_request_rates.map(RateSetting::Text),
        }
    }
}

/// The entry for all groups that have none of their own.
const OTHERS: &str = "others";

impl RateSetting {
    fn rates(self) -> Result<RequestRates, Error> {
        let mut table = match self {
            Self::Table(table) => table,
            Self::Text(text) => table_of(&text)?,
        };
        let mut rates = match table.remove(OTHERS) {
            None => RequestRates::default(),
            Some(RateValue::Text(text)) if text == "off" => RequestRates::default(),
            Some(RateValue::Text(text)) if text == "aws" => RequestRates::aws(),
            Some(other) => return Err(bad(format!("{OTHERS}={}", other.text()))),
        };
        for (name, value) in table {
            let Some(group) = RateGroup::parse(&name) else { return Err(bad(name)) };
            rates.set(group, value.rate(group)?);
        }
        Ok(rates)
    }
}

/// The table that a text means: one word for all groups, or `NAME=RATE,...`.
fn table_of(text: &str) -> Result<BTreeMap<String, RateValue>, Error> {
    let mut table = BTreeMap::new();
    let all = matches!(text, "aws" | "off").then(|| format!("{OTHERS}={text}"));
    for entry in all.as_deref().unwrap_or(text).split(',').map(str::trim) {
        let Some((name, value)) = entry.split_once('=') else { return Err(bad(entry)) };
        let value = match value.parse() {
            Ok(number) => RateValue::Number(number),
            Err(_word) => RateValue::Text(value.to_owned()),
        };
        if table.insert(name.to_owned(), value).is_some() {
            return Err(bad(entry));
        }
    }
    Ok(table)
}

impl RateValue {
    fn rate(&self, group: RateGroup) -> Result<Option<Rate>, Error> {
        let rate = match self {
            Self::Number(number) => Rate::parse(*number),
            Self::Text(text) if text == "aws" => Some(group.aws()),
            Self::Text(text) if text == "off" => return Ok(None),
            Self::Text(_) => None,
        };
        rate.map(Some).ok_or_else(|| bad(format!("{group}={}", self.text())))
    }

    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

fn bad(value: impl Into<String>) -> Error {
    Error::Value {
        name: "quota-request-rates",
        value: value.into(),
        expected: "aws, off, or a list such as symmetric=100,CreateKey=0.5,others=aws with up to \
                   1000000 calls a second",
    }
}
