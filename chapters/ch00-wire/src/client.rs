//! The client's half of the wire, small: connect, ask which versions the broker speaks, call.
//!
//! A call is sent in the highest version that both sides know. One call at a time: who wants several under way opens
//! several clients, or uses `send` and `receive`.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::timeout;

use crate::codec::{DecodeError, Reader, Wire, Writer};
use crate::error_code::ErrorCode;
use crate::frame::{FrameError, FrameReader};
use crate::header::{RequestHeader, ResponseHeader, encode_request_header, response_header_version};
use crate::messages::ApiVersionsRequest;
use crate::table::{Message, Request};
use crate::transfer;

/// Responses larger than this are refused.
const LARGEST_RESPONSE: usize = 256 << 20;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The response was no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The response could not be read.
    #[error("the response cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// The broker closed the connection instead of answering: it does that to requests it cannot read.
    #[error("the broker closed the connection instead of answering")]
    Closed,
    /// A response to another request.
    #[error("response {got} where {expected} was expected")]
    Correlation {
        /// The correlation id sent.
        expected: i32,
        /// The correlation id received.
        got: i32,
    },
    /// No version of the API that both sides know.
    #[error("the broker does not serve {api} in any version from {min} to {max}")]
    NoCommonVersion {
        /// The API's name.
        api: &'static str,
        /// The lowest version known here.
        min: i16,
        /// The highest version known here.
        max: i16,
    },
    /// Nothing came in time.
    #[error("no answer to {api} within {after:?}")]
    Timeout {
        /// The API's name.
        api: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The broker refused the connection's first question.
    #[error("ApiVersions failed: {0}")]
    Refused(ErrorCode),
}

/// A connection to one broker.
pub struct Client {
    stream: TcpStream,
    frames: FrameReader,
    client_id: String,
    next_correlation_id: i32,
    /// For each API, the versions the broker serves.
    versions: HashMap<i16, (i16, i16)>,
    timeout: Duration,
}

impl Client {
    /// Connects and learns which versions the broker speaks.
    pub async fn connect(address: impl ToSocketAddrs, client_id: &str) -> Result<Client, ClientError> {
        let limit = Duration::from_secs(30);
        let timed_out = |_| ClientError::Timeout { api: "connect", after: limit };
        let stream = timeout(limit, TcpStream::connect(address)).await.map_err(timed_out)??;
        stream.set_nodelay(true)?;
        let frames = FrameReader::new(LARGEST_RESPONSE, limit);
        let versions = HashMap::from([(ApiVersionsRequest::API_KEY, (0, ApiVersionsRequest::MAX_VERSION))]);
        let mut client = Client {
            stream,
            frames,
            client_id: client_id.to_owned(),
            next_correlation_id: 0,
            versions,
            timeout: limit,
        };
        client.learn_versions().await?;
        Ok(client)
    }

    /// Gives up on calls after this long (30 seconds unless told otherwise).
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    async fn learn_versions(&mut self) -> Result<(), ClientError> {
        let request = ApiVersionsRequest {
            client_software_name: "mini-kafka".to_string(),
            client_software_version: env!("CARGO_PKG_VERSION").to_string(),
        };
        let mut response = self.call_version(ApiVersionsRequest::MAX_VERSION, &request).await?;
        if response.error_code == ErrorCode::UNSUPPORTED_VERSION {
            // An older broker answers in version 0 with the range it knows.
            response = self.call_version(0, &request).await?;
        }
        if response.error_code.is_error() {
            return Err(ClientError::Refused(response.error_code));
        }
        self.versions = response.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect();
        Ok(())
    }

    /// The highest version of an API that both sides know.
    pub fn version_of<R: Request>(&self) -> Result<i16, ClientError> {
        let none = ClientError::NoCommonVersion { api: R::NAME, min: R::MIN_VERSION, max: R::MAX_VERSION };
        let &(min, max) = self.versions.get(&R::API_KEY).ok_or(none)?;
        let version = max.min(R::MAX_VERSION);
        if version < min.max(R::MIN_VERSION) {
            return Err(ClientError::NoCommonVersion { api: R::NAME, min: R::MIN_VERSION, max: R::MAX_VERSION });
        }
        Ok(version)
    }

    /// Calls an API in the highest common version and waits for the answer.
    pub async fn call<R: Request>(&mut self, request: &R) -> Result<R::Response, ClientError> {
        self.call_version(self.version_of::<R>()?, request).await
    }

    /// Calls an API in a given version.
    pub async fn call_version<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response, ClientError> {
        let id = self.send(version, request).await?;
        let after = self.timeout;
        timeout(after, self.receive::<R>(version, id))
            .await
            .map_err(|_| ClientError::Timeout { api: R::NAME, after })?
    }

    /// Sends a request without waiting for its answer, and returns its correlation id.
    pub async fn send<R: Request>(&mut self, version: i16, request: &R) -> Result<i32, ClientError> {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1);
        let mut w = Writer::new();
        let v = R::version(version);
        let header = RequestHeader { request_api_key: R::API_KEY, request_api_version: version, correlation_id };
        encode_request_header(&mut w, &header, Some(&self.client_id), v.flexible);
        request.encode(&mut w, v);
        let after = self.timeout;
        let sent = transfer::send(&self.stream, w.into_frame(), after).await?;
        sent.ok_or(ClientError::Timeout { api: R::NAME, after })?;
        Ok(correlation_id)
    }

    /// Waits for the answer to the request sent as `correlation_id`. Answers come in the order of requests.
    pub async fn receive<R: Request>(&mut self, version: i16, correlation_id: i32) -> Result<R::Response, ClientError> {
        let mut frame = self.receive_frame().await?;
        let v = R::Response::version(version);
        if R::API_KEY == ApiVersionsRequest::API_KEY && frame.len() >= 6 && frame[4..6] == [0, 35] {
            // The one answer that may be in another version than its question.
            let mut r = Reader::new(frame.split_off(4));
            return Ok(R::Response::decode(&mut r, R::Response::version(0))?);
        }
        let mut r = Reader::new(frame);
        let header = ResponseHeader::decode(&mut r, response_header_version(R::API_KEY, v.flexible))?;
        if header.correlation_id != correlation_id {
            return Err(ClientError::Correlation { expected: correlation_id, got: header.correlation_id });
        }
        Ok(R::Response::decode(&mut r, v)?)
    }

    /// Sends bytes as they are: a frame made elsewhere, or something that no client would send.
    pub async fn send_raw(&mut self, mut bytes: &[u8]) -> Result<(), ClientError> {
        while bytes.has_remaining() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(n) => bytes.advance(n),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    /// The next frame, without its length.
    pub async fn receive_frame(&mut self) -> Result<Bytes, ClientError> {
        if !self.frames.begin(&mut self.stream).await? {
            return Err(ClientError::Closed);
        }
        Ok(self.frames.frame(&mut self.stream).await?)
    }
}
