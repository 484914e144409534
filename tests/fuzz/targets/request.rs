//! Bytes from anywhere, taken for a request.

#![no_main]

libfuzzer_sys::fuzz_target!(|frame: &[u8]| mini_kafka_fuzz::request(frame));
