//! The records of the metadata log, as Kafka encodes them.
