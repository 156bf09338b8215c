//! Enums whose values are names on the wire: one list gives the variants, the
//! texts, and the order in which AWS lists them in its own messages.

/// Declares such an enum with `ALL`, `NAMES`, `as_str`, `parse` and `Display`.
macro_rules! wire_names {
    (
        $(#[$about:meta])*
        pub enum $Name:ident { $($(#[$doc:meta])* $Value:ident = $text:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $Name { $($(#[$doc])* $Value,)+ }

        impl $Name {
            /// Every value, in AWS's order.
            pub const ALL: &'static [Self] = &[$(Self::$Value),+];
            /// Every name, in AWS's order: what validation texts list.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$Value => $text,)+ }
            }

            /// The value with this name on the wire; case matters.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(from)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a known name"))
            }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}

pub(super) use wire_names;
