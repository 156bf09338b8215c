//! Session policies, compiled when a session first calls and kept for its next
//! calls. What is inside a session token was compiled when it was made.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::limits::{SESSION_POLICIES_CACHED, SESSION_POLICY_RULES_CACHED};
use crate::policy::document::Document;
use crate::policy::engine::Engine;

/// Compiled session policies.
#[derive(Debug, Default)]
pub(super) struct SessionPolicies {
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    /// By their text.
    documents: BTreeMap<String, Arc<Document>>,
    /// Rules of all of them: what their memory goes by.
    rules: usize,
}

impl SessionPolicies {
    /// The document with this text. One that does not compile, perhaps because
    /// this version of the program reads it otherwise than the one that made the
    /// session, forbids everything: its limits are not known.
    pub(super) fn find(&self, text: &str, engine: &Engine) -> Arc<Document> {
        if let Some(document) = self.cache().documents.get(text) {
            return Arc::clone(document);
        }
        let document = engine.compile_identity_policy(text).unwrap_or_else(|error| {
            tracing::warn!(%error, "a session policy does not compile and forbids everything");
            engine.deny_all()
        });
        let mut cache = self.cache();
        let rules = cache.rules.saturating_add(document.size());
        if cache.documents.len() >= SESSION_POLICIES_CACHED || rules > SESSION_POLICY_RULES_CACHED {
            // Rare, and everything is found again by compiling it.
            *cache = Cache::default();
        }
        if cache.documents.insert(text.to_owned(), Arc::clone(&document)).is_none() {
            cache.rules = cache.rules.saturating_add(document.size());
        }
        document
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
