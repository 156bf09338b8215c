//! What the policies of somebody are called, as their owners called them.

use std::sync::Arc;

use super::subject::Subject;
use crate::identity::directory::Identity;
use crate::ops::ctx::Ctx;
use crate::policy::decision::Source;
use crate::policy::explain::Names;

/// The names of the policies that speak of `subject`.
pub(super) fn of(ctx: &Ctx, subject: &Subject) -> Names {
    let mut names = Names::default();
    let mut note = |owner: &Identity| {
        for (name, document) in &owner.policies {
            let called = format!("policy `{name}` of {} {}", owner.kind.as_str(), owner.name);
            let key = (Source::Identity, document.id().to_owned());
            names.documents.entry(key).or_default().push(called);
        }
    };
    if let Some(identity) = &subject.identity {
        note(identity);
        let groups: Vec<Arc<Identity>> = ctx.directory.groups_of(identity);
        groups.iter().for_each(|group| note(group));
    }
    names
}
