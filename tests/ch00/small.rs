//! The small modules: ids, tasks, traces, file regions.

mod uuid {
    use ch00_wire::uuid::Uuid;

    #[test]
    fn an_id_is_22_characters() {
        let id = Uuid(*b"0123456789abcdef");
        assert_eq!(id.to_string(), "MDEyMzQ1Njc4OWFiY2RlZg");
        assert_eq!("MDEyMzQ1Njc4OWFiY2RlZg".parse::<Uuid>().unwrap(), id);
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert!(Uuid::ZERO.is_zero() && !id.is_zero());
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "MDEyMzQ1Njc4OWFiY2RlZ", "MDEyMzQ1Njc4OWFiY2RlZg==", "MDEyMzQ1Njc4OWFiY2Rl+g", "é"] {
            let error = text.parse::<Uuid>().unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` is not an id: expected 22 characters of URL-safe base64"));
        }
    }

    #[test]
    fn new_ids_differ_and_never_look_like_options() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| Uuid::random()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(
            ids.iter().all(|id| !id.to_string().starts_with('-') && id.to_string().parse::<Uuid>().unwrap() == *id)
        );
    }

    #[test]
    fn ids_are_text_for_people() {
        let id = Uuid(*b"0123456789abcdef");
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"MDEyMzQ1Njc4OWFiY2RlZg\"");
        assert_eq!(serde_json::from_str::<Uuid>(&json).unwrap(), id);
    }
}

mod tasks {
    use ch00_wire::tasks::Tasks;

    use crate::support::within;

    #[tokio::test]
    async fn a_stop_waits_for_every_task() {
        let tasks = Tasks::new();
        let (send, receive) = tokio::sync::oneshot::channel();
        let inner = tasks.clone();
        tasks.spawn(async move {
            inner.stopping().await;
            // What a task starts while the broker stops is waited for, too.
            inner.spawn(async move { send.send(()).unwrap() });
        });
        assert!(!tasks.is_stopping());
        within("the stop", tasks.stop()).await;
        assert!(tasks.is_stopping() && !tasks.has_panicked());
        receive.await.expect("the last task has ended");
    }

    #[tokio::test]
    async fn blocking_work_gives_its_result() {
        assert_eq!(Tasks::new().blocking(|| 6 * 7).await, 42);
    }

    #[tokio::test]
    async fn a_panic_anywhere_is_noticed() {
        let tasks = Tasks::new();
        tasks.spawn(async { panic!("a bug in a task") });
        within("the panic to be noticed", tasks.panicked()).await;

        let tasks = Tasks::new();
        let inner = tasks.clone();
        tasks.spawn(async move { inner.blocking(|| panic!("a bug in blocking work")).await });
        within("the panic to be noticed", tasks.panicked()).await;
    }
}

mod trace {
    use ch00_wire::trace::brief;
    use serde_json::json;

    #[test]
    fn only_fields_that_say_something_are_shown() {
        let message = json!({
            "nothing": null, "zero": 0, "none": -1, "no": false, "empty": "", "list": [],
            "number": 5, "yes": true, "text": "x", "many": [1, 2, 3, 4, 5], "inner": {"zero": 0}, "deep": {"a": 1},
        });
        let text = "{deep: {a: 1}, many: [1, 2, 3, and 2 more], number: 5, text: x, yes: yes}";
        assert_eq!(brief(&message), text);
        assert_eq!(brief(&json!({"a": 0})), "{}");
        assert_eq!(brief(&json!({"bytes": vec![7; 100]})), "{bytes: [100 bytes]}");
    }
}

mod transfer {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;
    use ch00_wire::codec::Chunk;
    use ch00_wire::transfer::{FileRegion, send};
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use crate::support::within;

    /// A file with these bytes; its name is gone already.
    fn file(bytes: &[u8]) -> Arc<std::fs::File> {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("region-{}-{number}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        Arc::new(file)
    }

    /// Two ends of a connection.
    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (near, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn bytes_and_regions_arrive_in_order() {
        let bytes: Vec<u8> = (0..3 << 20).map(|i| (i / 251) as u8).collect();
        let file = file(&bytes);
        let region = |offset, len| Chunk::File(FileRegion { file: file.clone(), offset, len });
        let chunks = vec![
            Chunk::Bytes(Bytes::from_static(b"before")),
            region(1 << 20, 2 << 20),
            region(7, 0),
            Chunk::Bytes(Bytes::from_static(b"between")),
            region(0, 5),
            Chunk::Bytes(Bytes::from_static(b"after")),
        ];
        let expected = [b"before", &bytes[1 << 20..], b"between", &bytes[..5], b"after"].concat();
        let (near, mut far) = pair().await;
        let sending = async {
            send(&near, chunks, Duration::from_secs(10)).await.unwrap().expect("the client reads");
            drop(near);
        };
        let mut received = Vec::new();
        within("three megabytes", async { tokio::join!(sending, far.read_to_end(&mut received)) }).await.1.unwrap();
        assert!(received == expected, "{} bytes came, {} were sent", received.len(), expected.len());
    }

    #[tokio::test]
    async fn a_file_that_has_become_shorter_is_an_error() {
        let region = FileRegion { file: file(&[1; 100]), offset: 60, len: 50 };
        assert_eq!(region.read().unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
        let (near, _far) = pair().await;
        let error = send(&near, vec![Chunk::File(region)], Duration::from_secs(10)).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_region_can_be_read_into_memory() {
        let file = file(b"0123456789");
        assert_eq!(FileRegion { file: file.clone(), offset: 3, len: 4 }.read().unwrap(), b"3456");
        let two = FileRegion { file: file.clone(), offset: 3, len: 4 };
        assert_eq!(two, two.clone());
        assert_ne!(two, FileRegion { len: 5, ..two.clone() });
        assert_eq!(format!("{two:?}"), "4 bytes of a file from 3");
        // Nobody moves the file's cursor.
        assert_eq!(std::io::Seek::stream_position(&mut &*file).unwrap(), 0);
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (near, _far) = pair().await;
        let chunks = vec![Chunk::Bytes(Bytes::from(vec![0; 64 << 20]))];
        let sent = within("the peer to be given up", send(&near, chunks, Duration::from_millis(20))).await;
        assert!(sent.unwrap().is_none());
    }
}
