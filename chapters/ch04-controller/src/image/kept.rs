//! What is kept and not acted on: access control, quotas, passwords, tokens. Each under the key by which its removal names
//! it.

use std::collections::BTreeMap;

use ch00_wire::uuid::Uuid;

use crate::records::{
    AccessControlEntryRecord, ClientQuotaRecord, DelegationTokenRecord, MetadataRecord, UserScramCredentialRecord,
};

/// Whose quota, and what it bounds.
type QuotaKey = (Vec<(String, Option<String>)>, String);

/// The records themselves: a snapshot writes them again as they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    acls: BTreeMap<Uuid, AccessControlEntryRecord>,
    quotas: BTreeMap<QuotaKey, ClientQuotaRecord>,
    /// By the user's name and the mechanism.
    scram: BTreeMap<(String, i8), UserScramCredentialRecord>,
    /// By the token's id.
    tokens: BTreeMap<String, DelegationTokenRecord>,
}

impl Kept {
    pub(super) fn replay(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::AccessControlEntry(r) => drop(self.acls.insert(r.id, r.clone())),
            MetadataRecord::RemoveAccessControlEntry(r) => drop(self.acls.remove(&r.id)),
            MetadataRecord::ClientQuota(r) if r.remove => drop(self.quotas.remove(&quota_key(r))),
            MetadataRecord::ClientQuota(r) => drop(self.quotas.insert(quota_key(r), r.clone())),
            MetadataRecord::UserScramCredential(r) => {
                drop(self.scram.insert((r.name.clone(), r.mechanism), r.clone()));
            }
            MetadataRecord::RemoveUserScramCredential(r) => drop(self.scram.remove(&(r.name.clone(), r.mechanism))),
            MetadataRecord::DelegationToken(r) => drop(self.tokens.insert(r.token_id.clone(), r.clone())),
            MetadataRecord::RemoveDelegationToken(r) => drop(self.tokens.remove(&r.token_id)),
            _ => unreachable!("records of other kinds change other parts of the image"),
        }
    }

    pub(super) fn to_records(&self) -> impl Iterator<Item = MetadataRecord> {
        let quotas = self.quotas.values().cloned().map(MetadataRecord::from);
        let acls = self.acls.values().cloned().map(MetadataRecord::from);
        let scram = self.scram.values().cloned().map(MetadataRecord::from);
        let tokens = self.tokens.values().cloned().map(MetadataRecord::from);
        quotas.chain(acls).chain(scram).chain(tokens)
    }
}

/// A quota of a user and a client id is the same, in whichever order the two are named.
fn quota_key(record: &ClientQuotaRecord) -> QuotaKey {
    let mut entity: Vec<_> = record.entity.iter().map(|e| (e.entity_type.clone(), e.entity_name.clone())).collect();
    entity.sort();
    (entity, record.key.clone())
}
