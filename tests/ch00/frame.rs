//! Frames from a stream: whole or in pieces, refused by their length, torn, slow.

use std::time::Duration;

use ch00_wire::frame::{FrameError, FrameReader};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use crate::support::memory::peak;
use crate::support::net::frame;
use crate::support::within;

const LIMIT: usize = 100 << 20;
const LONG: Duration = Duration::from_secs(20);

/// A stream on which these bytes have arrived; the other end is open as long as the second value lives.
async fn arrived(bytes: &[u8]) -> (DuplexStream, DuplexStream) {
    let (mut far, near) = duplex(bytes.len().max(1));
    far.write_all(bytes).await.unwrap();
    (near, far)
}

#[tokio::test]
async fn frames_that_come_together_are_told_apart() {
    let bytes = [frame(b"one"), frame(b""), frame(b"three")].concat();
    let (mut near, far) = arrived(&bytes).await;
    let mut frames = FrameReader::new(LIMIT, LONG);
    for expected in [&b"one"[..], b"", b"three"] {
        assert!(frames.begin(&mut near).await.unwrap());
        assert_eq!(frames.frame(&mut near).await.unwrap(), expected);
    }
    drop(far);
    assert!(!frames.begin(&mut near).await.unwrap(), "the end between two frames is no error");
}

#[tokio::test]
async fn a_frame_may_come_byte_by_byte() {
    let (mut far, mut near) = duplex(1);
    let payload: Vec<u8> = (0..10_000).map(|i| i as u8).collect();
    let bytes = frame(&payload);
    let sending = tokio::spawn(async move {
        for byte in bytes {
            far.write_all(&[byte]).await.unwrap();
        }
    });
    let mut frames = FrameReader::new(LIMIT, LONG);
    let received = async {
        assert!(frames.begin(&mut near).await.unwrap());
        frames.frame(&mut near).await.unwrap()
    };
    assert_eq!(within("a frame in single bytes", received).await, payload);
    sending.await.unwrap();
}

#[tokio::test]
async fn lengths_that_no_frame_may_have_are_refused() {
    for length in [-1, i32::MIN, LIMIT as i32 + 1, i32::MAX] {
        let (mut near, _far) = arrived(&length.to_be_bytes()).await;
        let mut frames = FrameReader::new(LIMIT, LONG);
        frames.begin(&mut near).await.unwrap();
        let error = frames.frame(&mut near).await.unwrap_err();
        assert!(matches!(error, FrameError::Length { .. }), "{error}");
        let text = format!("frame of {length} bytes: legal are 0 to 104857600 (socket.request.max.bytes)");
        assert_eq!(error.to_string(), text);
    }
    let (mut near, _far) = arrived(&frame(&[1; 50])).await;
    let mut frames = FrameReader::new(50, LONG);
    frames.begin(&mut near).await.unwrap();
    assert_eq!(frames.frame(&mut near).await.unwrap().len(), 50, "the limit itself is legal");
}

#[test]
fn memory_grows_with_what_has_come_not_with_what_was_announced() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (error, most) = peak(|| {
        runtime.block_on(async {
            let (mut near, far) = arrived(&[&(LIMIT as i32).to_be_bytes()[..], &[0; 1000]].concat()).await;
            let mut frames = FrameReader::new(LIMIT, LONG);
            frames.begin(&mut near).await.unwrap();
            let (error, ()) = tokio::join!(frames.frame(&mut near), async { drop(far) });
            error.unwrap_err().to_string()
        })
    });
    assert_eq!(error, "connection closed inside a frame: 1004 of 104857604 bytes came");
    assert!(most < 3 << 20, "{most} bytes for 1 KB of a frame of 100 MB");
}

#[tokio::test]
async fn a_stream_may_not_end_inside_a_frame() {
    for (bytes, text) in [
        (&[0, 0][..], "connection closed inside a frame: 2 of 4 bytes came"),
        (&[0, 0, 0, 9, 1], "connection closed inside a frame: 5 of 13 bytes came"),
    ] {
        let (mut near, far) = arrived(bytes).await;
        drop(far);
        let mut frames = FrameReader::new(LIMIT, LONG);
        assert!(frames.begin(&mut near).await.unwrap());
        assert_eq!(frames.frame(&mut near).await.unwrap_err().to_string(), text);
    }
}

#[tokio::test]
async fn a_frame_that_stops_half_way_is_given_up() {
    for bytes in [&[0][..], &[0, 0, 0, 9, 1]] {
        let (mut near, _far) = arrived(bytes).await;
        let mut frames = FrameReader::new(LIMIT, Duration::from_millis(20));
        frames.begin(&mut near).await.unwrap();
        let error = within("the frame to be given up", frames.frame(&mut near)).await.unwrap_err();
        // For a small frame the two deadlines are the same.
        assert!(matches!(error, FrameError::Stopped(_) | FrameError::Slow(_)), "{error}");
    }
}

#[tokio::test]
async fn a_frame_that_stops_is_given_up_however_long_it_is() {
    let (mut near, _far) = arrived(&[&(100i32 << 20).to_be_bytes()[..], &[0; 1000]].concat()).await;
    let mut frames = FrameReader::new(LIMIT, Duration::from_millis(20));
    frames.begin(&mut near).await.unwrap();
    let error = within("the frame to be given up", frames.frame(&mut near)).await.unwrap_err();
    assert_eq!(error.to_string(), "a frame was begun, and for 20ms nothing more came");
}

#[tokio::test]
async fn a_frame_that_trickles_is_given_up() {
    let (mut far, mut near) = duplex(100);
    let slow_client = tokio::spawn(async move {
        for byte in frame(&[0; 10_000]) {
            if far.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut frames = FrameReader::new(LIMIT, Duration::from_millis(400));
    frames.begin(&mut near).await.unwrap();
    let error = within("the frame to be given up", frames.frame(&mut near)).await.unwrap_err();
    assert_eq!(error.to_string(), "a frame was begun and not completed within 400ms");
    slow_client.abort();
}

/// What is said of a frame of so many bytes, its length included, of which a byte comes now and then.
async fn trickle(whole: usize, deadline: Duration) -> String {
    let (mut far, mut near) = duplex(100);
    let slow_client = tokio::spawn(async move {
        far.write_all(&(whole as i32 - 4).to_be_bytes()).await.unwrap();
        while far.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut frames = FrameReader::new(LIMIT, deadline);
    frames.begin(&mut near).await.unwrap();
    let error = within("the frame to be given up", frames.frame(&mut near)).await.unwrap_err();
    slow_client.abort();
    error.to_string()
}

#[tokio::test]
async fn a_frame_has_a_second_more_for_each_full_16_kib_of_it() {
    let deadline = Duration::from_millis(400);
    let (below, full) = tokio::join!(trickle((16 << 10) - 1, deadline), trickle(16 << 10, deadline));
    assert_eq!(below, "a frame was begun and not completed within 400ms", "16,383 bytes, the length included");
    assert_eq!(full, "a frame was begun and not completed within 1.4s", "16,384 bytes, the length included");
}

#[tokio::test]
async fn the_length_itself_has_the_deadline_and_no_more() {
    let (mut near, _far) = arrived(&[0x06, 0x40, 0]).await;
    let mut frames = FrameReader::new(LIMIT, Duration::from_millis(20));
    frames.begin(&mut near).await.unwrap();
    let error = within("the frame to be given up", frames.frame(&mut near)).await.unwrap_err();
    assert!(error.to_string().contains("20ms"), "three bytes of a length of 100 MB: {error}");
}

#[tokio::test]
async fn what_follows_a_frame_stays_for_the_next() {
    let bytes = [frame(b"abc"), vec![0, 0]].concat();
    let (mut near, mut far) = arrived(&bytes).await;
    let mut frames = FrameReader::new(LIMIT, LONG);
    assert!(frames.begin(&mut near).await.unwrap());
    assert_eq!(frames.frame(&mut near).await.unwrap(), &b"abc"[..]);
    assert!(frames.begin(&mut near).await.unwrap(), "half of the next length is here");
    far.write_all(&[0, 1, b'd']).await.unwrap();
    assert_eq!(frames.frame(&mut near).await.unwrap(), &b"d"[..]);
}

#[tokio::test]
async fn waiting_for_a_frame_can_be_given_up_and_taken_up_again() {
    let (mut far, mut near) = duplex(100);
    let mut frames = FrameReader::new(LIMIT, LONG);
    for _ in 0..3 {
        let waited = tokio::time::timeout(Duration::from_millis(1), frames.begin(&mut near)).await;
        assert!(waited.is_err(), "nothing has come");
        frames.release();
    }
    far.write_all(&frame(b"late")).await.unwrap();
    assert!(frames.begin(&mut near).await.unwrap());
    assert_eq!(frames.frame(&mut near).await.unwrap(), &b"late"[..]);
}

#[test]
fn a_buffer_is_used_again_for_the_next_frame() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let payload = vec![7; 64 << 10];
    let bytes = [frame(&payload), frame(&payload), frame(&payload), frame(&payload)].concat();
    runtime.block_on(async {
        let (mut near, _far) = arrived(&bytes).await;
        let mut frames = FrameReader::new(LIMIT, LONG);
        let mut places = Vec::new();
        for _ in 0..4 {
            frames.begin(&mut near).await.unwrap();
            let frame = frames.frame(&mut near).await.unwrap();
            assert_eq!(frame, payload);
            places.push(frame.as_ptr());
        }
        assert_eq!(places[2], places[3], "frames that were dropped leave their place to the next");
    });
}
