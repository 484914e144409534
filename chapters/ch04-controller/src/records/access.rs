//! Records about who may do what, and how much: access control, quotas, passwords, tokens. This broker acts on none of
//! them, but keeps them, so that a cluster's log can come here and go back without loss.

use bytes::Bytes;
use ch00_wire::structs;
use ch00_wire::uuid::Uuid;

structs! {
    /// Somebody may, or may not, do something.
    AccessControlEntryRecord {
        /// The entry's id.
        0+        id: Uuid,
        /// Kind of the resource: 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation token, 7 user.
        0+        resource_type: i8,
        /// Its name, or the beginning of it.
        0+        resource_name: String,
        /// 3: the whole name; 4: its beginning.
        0+        pattern_type: i8,
        /// Who, such as `User:alice`.
        0+        principal: String,
        /// From where; `*` for anywhere.
        0+        host: String,
        /// What: 2 all, 3 read, 4 write, 5 create, 6 delete, 7 alter, 8 describe, …
        0+        operation: i8,
        /// 2: may not; 3: may.
        0+        permission_type: i8,
    }

    /// An entry is gone.
    RemoveAccessControlEntryRecord {
        /// The entry's id.
        0+        id: Uuid,
    }

    /// A client's quota.
    ClientQuotaRecord {
        /// Whose: a user, a client id, an address, or two of these.
        0+        entity: Vec<QuotaEntity>,
        /// What is bounded, such as `producer_byte_rate`.
        0+        key: String,
        /// The bound.
        0+        value: f64,
        /// Whether the quota is gone instead.
        0+        remove: bool,
    }

    /// A part of whose quota it is. Kafka's schema calls this `EntityData`.
    QuotaEntity {
        /// `user`, `client-id` or `ip`.
        0+        entity_type: String,
        /// Its name; null: the default of all.
        0+        entity_name: Option<String>,
    }

    /// What a user's password is checked against.
    UserScramCredentialRecord {
        /// The user's name.
        0+        name: String,
        /// 1: SCRAM-SHA-256; 2: SCRAM-SHA-512.
        0+        mechanism: i8,
        /// The salt.
        0+        salt: Bytes,
        /// What the client is checked by.
        0+        stored_key: Bytes,
        /// What the client checks the broker by.
        0+        server_key: Bytes,
        /// How many times the password was hashed.
        0+        iterations: i32,
    }

    /// A password is gone.
    RemoveUserScramCredentialRecord {
        /// The user's name.
        0+        name: String,
        /// The mechanism, as above.
        0+        mechanism: i8,
    }

    /// A token with which a client proves who it is.
    DelegationTokenRecord {
        /// On whose behalf.
        0+        owner: String,
        /// Who has asked for it.
        0+        requester: String,
        /// Who may prolong it.
        0+        renewers: Vec<String>,
        /// Since when, in milliseconds since 1970.
        0+        issue_timestamp: i64,
        /// When it ends at the latest.
        0+        max_timestamp: i64,
        /// When it ends, if it is not prolonged.
        0+        expiration_timestamp: i64,
        /// Its id.
        0+        token_id: String,
    }

    /// A token is gone.
    RemoveDelegationTokenRecord {
        /// Its id.
        0+        token_id: String,
    }
}
