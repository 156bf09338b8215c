//! Forms of the query protocol: `Tags.member.1.Key=team` and the like, made into
//! the JSON that operations read.

use actix_web::web::Query;
use serde_json::{Map, Value};

use crate::base::limits;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

/// The parameters of a form, in the order in which they came.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `a=b&c=d`.
    ///
    /// # Errors
    /// `SerializationException` for what is no form, too long, or gives a
    /// parameter twice.
    pub(super) fn parse(text: &[u8]) -> Result<Self, ApiError> {
        let malformed = |text| ApiError::new(Code::SerializationException, text);
        let text =
            std::str::from_utf8(text).map_err(|_bad| malformed("The request is not UTF-8."))?;
        if text.split('&').nth(limits::FORM_PARAMETERS).is_some() {
            return Err(malformed("The request has too many parameters."));
        }
        let pairs = Query::<Vec<(String, String)>>::from_query(text)
            .map_err(|_bad| malformed("The request is no form."))?
            .into_inner();
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|two| two.first() == two.last()) {
            return Err(malformed("A parameter of the request is given twice."));
        }
        Ok(Self(pairs))
    }

    /// The value of one parameter.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The input of an operation with these members. Other parameters are left
    /// out, as AWS does.
    pub(super) fn input(&self, members: &[Member]) -> Map<String, Value> {
        self.structure("", members)
    }

    fn structure(&self, prefix: &str, members: &[Member]) -> Map<String, Value> {
        let read = |member: &Member| {
            let value = self.value(&format!("{prefix}{}", member.name), &member.shape)?;
            Some((member.name.to_owned(), value))
        };
        members.iter().filter_map(read).collect()
    }

    fn value(&self, name: &str, shape: &Shape) -> Option<Value> {
        match shape {
            Shape::Structure(members) => {
                let fields = self.structure(&format!("{name}."), members);
                self.begins(&format!("{name}.")).then_some(Value::Object(fields))
            }
            Shape::List { of, .. } => {
                let prefix = format!("{name}.member.");
                let mut places: Vec<usize> = self
                    .0
                    .iter()
                    .filter_map(|(name, _)| {
                        name.strip_prefix(&prefix)?.split('.').next()?.parse().ok()
                    })
                    .collect();
                places.sort_unstable();
                places.dedup();
                let entry = |at: &usize| self.value(&format!("{prefix}{at}"), of);
                let is_there = !places.is_empty() || self.find(name).is_some();
                is_there.then(|| places.iter().filter_map(entry).collect())
            }
            Shape::Integer { .. } => {
                // What is no number is left as it is, for the check to refuse.
                let text = self.find(name)?;
                Some(text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from))
            }
            Shape::Document => {
                let is_there = self.find(name).is_some() || self.begins(&format!("{name}."));
                is_there.then_some(Value::Bool(true))
            }
            _ => self.find(name).map(Value::from),
        }
    }

    /// Whether a parameter's name begins so.
    fn begins(&self, prefix: &str) -> bool {
        self.0.iter().any(|(name, _)| name.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::wire::shape::text;

    const TAG: Shape = Shape::Structure(&[
        Member::required("Key", text(1, 9)),
        Member::required("Value", text(0, 9)),
    ]);
    const MEMBERS: &[Member] = &[
        Member::required("Name", text(1, 9)),
        Member::optional("Seconds", Shape::Integer { min: 1, max: 9 }),
        Member::optional("Tags", Shape::List { of: &TAG, min: 0, max: 9 }),
        Member::optional("Keys", Shape::List { of: &text(1, 9), min: 0, max: 9 }),
        Member::optional("Mfa", Shape::Document),
    ];

    #[track_caller]
    fn check(form: &str, want: &Value) {
        let form = Form::parse(form.as_bytes()).unwrap();
        assert_eq!(Value::Object(form.input(MEMBERS)), *want);
    }

    #[test]
    fn lists_and_structures_are_put_together() {
        check("Name=a%20b&Action=X&Seconds=7", &json!({ "Name": "a b", "Seconds": 7 }));
        check("Seconds=seven", &json!({ "Seconds": "seven" }));
        check(
            "Tags.member.2.Key=b&Tags.member.1.Value=&Tags.member.1.Key=a&Keys.member.1=k",
            &json!({ "Tags": [{ "Key": "a", "Value": "" }, { "Key": "b" }], "Keys": ["k"] }),
        );
        check("Tags=&Mfa.member.1.arn=x", &json!({ "Tags": [], "Mfa": true }));
        check("", &json!({}));
    }

    #[test]
    fn what_says_two_things_is_refused() {
        for form in ["a=1&a=2", "a=1&%61=2", "a=%ff"] {
            // The last is no text; whatever the decoder makes of it says one thing.
            assert!(Form::parse(form.as_bytes()).is_err() || form.ends_with("ff"), "{form}");
        }
        assert!(Form::parse(b"\xff=1").is_err());
        assert!(Form::parse("a&".repeat(600).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_form_is_read_or_refused(text in "(Tags|Keys|Mfa|Name|[.=&%0-9]|member){0,40}") {
            if let Ok(form) = Form::parse(text.as_bytes()) {
                form.input(MEMBERS);
            }
        }
    }
}
