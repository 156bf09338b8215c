//! The operator's guardrails that are in force, and what the operator calls each.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::document::Document;
use super::engine::Engine;

/// Those in force. They change while the server runs.
#[derive(Default)]
pub(super) struct Guardrails(RwLock<InForce>);

#[derive(Default)]
struct InForce {
    documents: Arc<[Arc<Document>]>,
    /// By id of the document: several files may hold the same.
    names: BTreeMap<String, Vec<String>>,
}

impl Guardrails {
    pub(super) fn set(&self, guardrails: Vec<(String, Arc<Document>)>) {
        let mut in_force = InForce::default();
        for (name, document) in &guardrails {
            in_force.names.entry(document.id().to_owned()).or_default().push(name.clone());
        }
        in_force.documents = guardrails.into_iter().map(|(_, document)| document).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = in_force;
    }

    pub(super) fn documents(&self) -> Arc<[Arc<Document>]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).documents)
    }

    /// The name of the file that holds a document, or the document's id.
    pub(super) fn name_of(&self, id: &str) -> String {
        let in_force = self.0.read().unwrap_or_else(PoisonError::into_inner);
        in_force.names.get(id).map_or_else(|| id.to_owned(), |names| names.join(" and "))
    }
}

impl Engine {
    /// The texts of the guardrails in force, by the names that their operator has
    /// for them.
    #[must_use]
    pub fn guardrail_texts(&self) -> BTreeMap<String, String> {
        let in_force = self.guardrails.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut texts = BTreeMap::new();
        for document in in_force.documents.iter() {
            for name in in_force.names.get(document.id()).into_iter().flatten() {
                texts.insert(name.clone(), document.text().to_owned());
            }
        }
        texts
    }
}
