//! Whom a grant names. What counts is the unique id, fixed when the grant is
//! made: a later user or role of the same name is somebody else.

use std::fmt;

use crate::base::caller::Principal;
use crate::base::ids::AccountId;
use crate::policy::grant::Reach;

/// A principal as a grant knows it. `Display` and [`Self::parse`] are the form
/// in which it is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantPrincipal {
    /// A user, `AIDA…`.
    User(Box<str>),
    /// A role, `AROA…`: each of its sessions.
    Role(Box<str>),
    /// One session of a role.
    Session { role_id: Box<str>, name: Box<str> },
    /// An account: its root user, and whom its identity policies allow.
    Account(AccountId),
    /// A service, such as `rds.amazonaws.com`. None calls this server.
    Service(Box<str>),
}

/// A principal with the text that the caller named it by, which is shown back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedPrincipal {
    pub id: GrantPrincipal,
    /// An ARN, or the name of a service.
    pub name: Box<str>,
}

impl GrantPrincipal {
    /// Every principal that a grant may name to mean this caller, the narrowest
    /// first; none for whoever no grant can name.
    #[must_use]
    pub fn names_of(caller: &Principal) -> Vec<(Self, Reach)> {
        let account = |reach| (Self::Account(caller.account().clone()), reach);
        match caller {
            Principal::Root { .. } => vec![account(Reach::Itself)],
            Principal::User { unique_id, .. } => vec![
                (Self::User(unique_id.as_str().into()), Reach::Itself),
                account(Reach::Account),
            ],
            Principal::RoleSession { role_id, name, .. } => {
                let role_id: Box<str> = role_id.as_str().into();
                let session =
                    Self::Session { role_id: role_id.clone(), name: name.as_str().into() };
                vec![
                    (session, Reach::Itself),
                    (Self::Role(role_id), Reach::Role),
                    account(Reach::Account),
                ]
            }
            Principal::WebIdentity { .. }
            | Principal::System { .. }
            | Principal::Anonymous { .. } => Vec::new(),
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once('/')?;
        Some(match kind {
            "user" => Self::User(id.into()),
            "role" => Self::Role(id.into()),
            "session" => {
                let (role_id, name) = id.split_once('/')?;
                Self::Session { role_id: role_id.into(), name: name.into() }
            }
            "account" => Self::Account(AccountId::parse(id)?),
            "service" => Self::Service(id.into()),
            _ => return None,
        })
    }
}

impl fmt::Display for GrantPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user/{id}"),
            Self::Role(id) => write!(f, "role/{id}"),
            Self::Session { role_id, name } => write!(f, "session/{role_id}/{name}"),
            Self::Account(id) => write!(f, "account/{id}"),
            Self::Service(name) => write!(f, "service/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_forms_are_read_back() {
        for text in [
            "user/AIDAEXAMPLE",
            "role/AROAEXAMPLE",
            "session/AROAEXAMPLE/a@b",
            "account/111122223333",
            "service/rds.amazonaws.com",
        ] {
            assert_eq!(GrantPrincipal::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "user", "group/x", "session/AROAEXAMPLE", "account/1"] {
            assert_eq!(GrantPrincipal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_session_is_reached_by_three_names() {
        let account = AccountId::parse("111122223333").unwrap();
        let session = Principal::RoleSession {
            account: account.clone(),
            role_id: "AROA".to_owned(),
            role_name: "app".to_owned(),
            name: "s".to_owned(),
        };
        let names = GrantPrincipal::names_of(&session);
        let shown: Vec<_> = names.iter().map(|(id, reach)| (id.to_string(), *reach)).collect();
        assert_eq!(
            shown,
            [
                ("session/AROA/s".to_owned(), Reach::Itself),
                ("role/AROA".to_owned(), Reach::Role),
                ("account/111122223333".to_owned(), Reach::Account),
            ]
        );
        assert_eq!(GrantPrincipal::names_of(&Principal::Anonymous { account }), []);
    }
}
