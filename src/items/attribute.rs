//! A DynamoDB item and its ten types of attribute value.
//!
//! Numbers and sets are kept as they were written: an attribute that is not
//! encrypted leaves exactly as it came. What a value must fulfil to be signed
//! or encrypted is checked when it is serialized, not here.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroize;

use super::field::Field;
use super::schema::{FOOTER_NAME, HEADER_NAME};

/// One attribute value
/// (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html).
#[derive(Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// A string.
    S(String),
    /// A number in decimal digits, as written.
    N(String),
    /// Binary.
    B(Vec<u8>),
    /// A boolean.
    Bool(bool),
    /// Null.
    Null,
    /// A set of strings.
    Ss(Vec<String>),
    /// A set of numbers.
    Ns(Vec<String>),
    /// A set of binaries.
    Bs(Vec<Vec<u8>>),
    /// A map.
    M(BTreeMap<String, Self>),
    /// A list.
    L(Vec<Self>),
}

impl AttributeValue {
    /// The type's key in DynamoDB JSON.
    #[must_use]
    pub fn type_key(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
            Self::M(_) => "M",
            Self::L(_) => "L",
        }
    }
}

/// Shows the type only: values are what this program exists to keep secret.
impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(..)", self.type_key())
    }
}

/// Wipes every value in place; map keys and lengths stay.
impl Zeroize for AttributeValue {
    fn zeroize(&mut self) {
        match self {
            Self::S(text) | Self::N(text) => text.zeroize(),
            Self::B(bytes) => bytes.zeroize(),
            Self::Bool(flag) => flag.zeroize(),
            Self::Null => {}
            Self::Ss(texts) | Self::Ns(texts) => texts.iter_mut().for_each(Zeroize::zeroize),
            Self::Bs(members) => members.iter_mut().for_each(Zeroize::zeroize),
            Self::M(entries) => entries.values_mut().for_each(Zeroize::zeroize),
            Self::L(values) => values.iter_mut().for_each(Zeroize::zeroize),
        }
    }
}

/// An item: attribute values by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item(pub BTreeMap<String, AttributeValue>);

impl Item {
    /// An encrypted item: `stored` and the ciphertexts among `fields`, with header
    /// and footer.
    pub(super) fn encrypted(
        stored: BTreeMap<String, AttributeValue>,
        fields: Vec<Field>,
        header: Vec<u8>,
        footer: Vec<u8>,
    ) -> Self {
        let mut attributes = stored;
        for mut field in fields {
            if field.encrypted {
                let ciphertext = std::mem::take(&mut *field.value);
                attributes.insert(field.name, AttributeValue::B(ciphertext));
            }
        }
        attributes.insert(HEADER_NAME.to_owned(), AttributeValue::B(header));
        attributes.insert(FOOTER_NAME.to_owned(), AttributeValue::B(footer));
        Self(attributes)
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroize;

    use super::AttributeValue;

    #[test]
    fn debug_does_not_show_values() {
        assert_eq!(format!("{:?}", AttributeValue::S("secret".into())), "S(..)");
    }

    #[test]
    fn zeroize_reaches_nested_values() {
        let mut value = AttributeValue::L(vec![
            AttributeValue::S("secret".into()),
            AttributeValue::M([("k".to_owned(), AttributeValue::Bool(true))].into()),
        ]);
        value.zeroize();
        assert!(
            value
                == AttributeValue::L(vec![
                    AttributeValue::S(String::new()),
                    AttributeValue::M([("k".to_owned(), AttributeValue::Bool(false))].into()),
                ])
        );
    }
}
