//! DeleteTopics (20): delete topics and all their records, by name, or from version 6 on by id too.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    DeleteTopics = 20: DeleteTopicsRequest -> DeleteTopicsResponse, versions 1-6, flexible 4+;

    /// Topics to delete.
    DeleteTopicsRequest {
        /// The topics, by name or id.
        6+        topics: Vec<DeleteTopicState>,
        /// The topics, by name.
        0-5       topic_names: Vec<String>,
        /// Milliseconds to wait for the topics to be gone.
        0+        timeout_ms: i32,
    }

    /// A topic to delete.
    DeleteTopicState {
        /// Its name, or null if it goes by id.
        6+        name: Option<String>,
        /// Its id, or zero if it goes by name.
        6+        topic_id: Uuid,
    }

    /// What became of the topics.
    DeleteTopicsResponse {
        /// Milliseconds that the client is asked to pause.
        1+        throttle_time_ms: i32,
        /// One entry for each topic of the request.
        0+        responses: Vec<DeletableTopicResult>,
    }

    /// What became of one topic.
    DeletableTopicResult {
        /// Its name; null if the client asked for an id that nothing has.
        0+   ?6   name: Option<String> = String::new(),
        /// Its id; zero if the client asked for a name that nothing has.
        6+        topic_id: Uuid,
        /// Why it was not deleted, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        5+        error_message: Option<String>,
    }
}
