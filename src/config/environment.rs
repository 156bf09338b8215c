//! The process environment, as an argument.

use std::ffi::OsString;

use super::Error;
use crate::base::secret::SecretBytes;

/// Environment variables by name. A variable that is empty counts as unset, as
/// it does for the AWS command line and SDKs.
pub struct Environment(Box<Find>);

type Find = dyn Fn(&str) -> Option<OsString>;

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(Box::new(|name| std::env::var_os(name)))
    }

    /// An environment that holds exactly these variables.
    #[cfg(test)]
    pub(super) fn of(variables: &'static [(&'static str, &'static str)]) -> Self {
        Self(Box::new(move |wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| OsString::from(value))
        }))
    }

    /// The text of a variable.
    ///
    /// # Errors
    /// [`Error::NotUtf8`].
    pub fn text(&self, name: &'static str) -> Result<Option<String>, Error> {
        match (self.0)(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => value.into_string().map(Some).map_err(|_bytes| Error::NotUtf8(name)),
        }
    }

    /// The text of the first of several variables that is set.
    ///
    /// # Errors
    /// [`Error::NotUtf8`].
    pub fn first(&self, names: &[&'static str]) -> Result<Option<String>, Error> {
        names.iter().find_map(|name| self.text(name).transpose()).transpose()
    }

    /// A variable that holds a secret.
    ///
    /// # Errors
    /// [`Error::NotUtf8`].
    pub fn secret(&self, name: &'static str) -> Result<Option<SecretBytes>, Error> {
        Ok(self.text(name)?.map(|text| SecretBytes::new(text.into_bytes())))
    }
}
