//! ConsumerGroupHeartbeat (68): joining, leaving, being alive, saying what one has and being told what one gets, all in
//! one (KIP-848).
//!
//! What has not changed since the last time is null, in the request as in the response.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    ConsumerGroupHeartbeat = 68: ConsumerGroupHeartbeatRequest -> ConsumerGroupHeartbeatResponse, versions 0-1, flexible 0+;

    /// A member speaks.
    ConsumerGroupHeartbeatRequest {
        /// The group's id.
        0+        group_id: String,
        /// The member's id, which it has chosen itself. In version 0 it may be empty when it joins.
        0+        member_id: String,
        /// The member's epoch; 0 to join, -1 to leave, -2 when a static member leaves and will be back.
        0+        member_epoch: i32,
        /// The id of a static member, or null.
        0+        instance_id: Option<String>,
        /// Where the member is, or null.
        0+        rack_id: Option<String>,
        /// Milliseconds that it may take to give partitions back; -1 if as before.
        0+        rebalance_timeout_ms: i32 = -1,
        /// The topics that it wants.
        0+        subscribed_topic_names: Option<Vec<String>>,
        /// A regular expression for the names of topics that it wants.
        1+        subscribed_topic_regex: Option<String>,
        /// The assignor that it would like.
        0+        server_assignor: Option<String>,
        /// The partitions that it has.
        0+        topic_partitions: Option<Vec<HeartbeatTopicPartitions>>,
    }

    /// Partitions of one topic. Kafka's schema calls this `TopicPartitions`.
    HeartbeatTopicPartitions {
        /// The topic's id.
        0+        topic_id: Uuid,
        /// Their indexes.
        0+        partitions: Vec<i32>,
    }

    /// The coordinator answers.
    ConsumerGroupHeartbeatResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// What is wrong, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
        /// The member's id.
        0+        member_id: Option<String>,
        /// The member's epoch from now on.
        0+        member_epoch: i32,
        /// Milliseconds until the next heartbeat is expected.
        0+        heartbeat_interval_ms: i32,
        /// What the member should have.
        0+        assignment: Option<HeartbeatAssignment>,
    }

    /// What a member should have. Kafka's schema calls this `Assignment`.
    HeartbeatAssignment {
        /// The partitions: all that it may use at once.
        0+        topic_partitions: Vec<HeartbeatTopicPartitions>,
    }
}
