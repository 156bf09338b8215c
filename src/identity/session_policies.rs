//! Session policies, compiled when a session first calls and kept for its next
//! calls. What is inside a session token was compiled when it was made.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::limits::SESSION_POLICIES_CACHED;
use crate::policy::document::Document;
use crate::policy::engine::Engine;

/// Compiled session policies by their text.
#[derive(Debug, Default)]
pub(super) struct SessionPolicies {
    documents: Mutex<BTreeMap<String, Arc<Document>>>,
}

impl SessionPolicies {
    /// The document with this text. One that does not compile, perhaps because
    /// this version of the program reads it otherwise than the one that made the
    /// session, forbids everything: its limits are not known.
    pub(super) fn find(&self, text: &str, engine: &Engine) -> Arc<Document> {
        if let Some(document) = self.documents().get(text) {
            return Arc::clone(document);
        }
        let document = engine.compile_identity_policy(text).unwrap_or_else(|error| {
            tracing::warn!(%error, "a session policy does not compile and forbids everything");
            engine.deny_all()
        });
        let mut documents = self.documents();
        if documents.len() >= SESSION_POLICIES_CACHED {
            // Rare, and everything is found again by compiling it.
            documents.clear();
        }
        documents.insert(text.to_owned(), Arc::clone(&document));
        document
    }

    fn documents(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Document>>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
