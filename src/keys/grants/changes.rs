//! Changes of grants: the rows they write inside the transaction, and what memory
//! shows once that has committed.

use std::sync::Arc;

use super::Grant;
use super::index::GrantIndex;
use super::rows::grant_row;
use crate::base::arn::KeyArn;
use crate::base::grant::GrantId;
use crate::store::grants as rows;
use crate::store::{self, Change, Tx};

/// A new grant.
pub struct CreateGrant {
    pub grants: Arc<GrantIndex>,
    pub grant: Grant,
}

impl Change for CreateGrant {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::insert_grant(tx, &grant_row(&self.grant)?)
    }

    fn publish(&self) {
        self.grants.put(&self.grant);
    }
}

/// The end of a grant.
pub struct DeleteGrant {
    pub grants: Arc<GrantIndex>,
    pub key: KeyArn,
    pub id: GrantId,
}

impl Change for DeleteGrant {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        let (region, key_id) = (self.key.region.as_str(), self.key.id.to_string());
        rows::delete_grant(tx, region, &key_id, &self.id.to_string())
    }

    fn publish(&self) {
        self.grants.remove(&self.key, &self.id);
    }
}
