//! The router: one table from API key to handler. A chapter's whole difference from the last is the list of routes that
//! it adds or replaces.
//!
//! The answer to ApiVersions is computed from the same table, so what is advertised is what is served.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::codec::{Chunk, DecodeError, Reader, Wire, Writer};
use crate::error_code::ErrorCode;
use crate::header::{RequestHeader, ResponseHeader, decode_client_id, decode_request_header, response_header_version};
use crate::messages::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey};
use crate::table::{Message, Request};
use crate::trace;

// ANCHOR: reply
/// What a handler returns: by then its request has taken effect, or has begun to wait for something.
pub enum Reply<R> {
    /// The response.
    Now(R),
    /// The response comes when this future ends. The connection's next request starts meanwhile; the response still
    /// leaves in its turn.
    Later(BoxFuture<R>),
    /// There is no response to this request (a producer with `acks=0` wants none).
    None,
    /// There is none, and the connection is closed: the only way to report an error where no response is awaited.
    Close,
}
// ANCHOR_END: reply

/// A future that can be moved between threads.
pub type BoxFuture<R> = Pin<Box<dyn Future<Output = R> + Send>>;

impl<R> From<R> for Reply<R> {
    fn from(response: R) -> Reply<R> {
        Reply::Now(response)
    }
}

/// Where and from whom a connection's requests come.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The client's address.
    pub address: SocketAddr,
    /// The name of the listener it connected to.
    pub listener: Arc<str>,
    /// A number that no other connection of this process has.
    pub connection: u64,
    /// Cancelled when the connection has ended: whoever has to know that the client is gone waits for it.
    pub closed: CancellationToken,
}

/// What a handler knows about a request besides its body.
#[derive(Debug, Clone)]
pub struct Context {
    /// The connection.
    pub peer: Peer,
    /// The version the request is in, and the response has to be in.
    pub version: i16,
    /// What the client calls itself.
    pub client_id: Option<Arc<str>>,
}

/// A response ready to be sent: a frame with its length and header.
pub type Response = Vec<Chunk>;

/// Why a request got no response. Each of these closes the connection.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// An API that is not served here.
    #[error("no API with key {0} is served here")]
    UnknownApi(i16),
    /// A version that is not served here.
    #[error("{api} version {version} is not served here: legal are {} to {}", versions.start(), versions.end())]
    UnknownVersion {
        /// The API's name.
        api: &'static str,
        /// The request's version.
        version: i16,
        /// The versions served.
        versions: RangeInclusive<i16>,
    },
    /// A request that could not be read.
    #[error("{api}: {error}")]
    Malformed {
        /// The API's name, or what was being read.
        api: &'static str,
        /// What was wrong with it.
        error: DecodeError,
    },
}

type Handler =
    Box<dyn Fn(Context, RequestHeader, Reader) -> BoxFuture<Result<Reply<Response>, DecodeError>> + Send + Sync>;

struct Route {
    name: &'static str,
    /// What is announced; wider than `served` where clients insist on seeing a version that is then refused.
    advertised: RangeInclusive<i16>,
    served: RangeInclusive<i16>,
    flexible_from: i16,
    handler: Handler,
}

/// Told of every answer: the API's name, and how long its request took.
pub type Observer = Arc<dyn Fn(&'static str, Duration) + Send + Sync>;

/// What a broker and its cluster say of features in the answer to ApiVersions.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// What this broker could run.
    pub supported: Vec<SupportedFeatureKey>,
    /// What the cluster has agreed on.
    pub finalized: Vec<FinalizedFeatureKey>,
    /// Which agreement that is: the greater, the later.
    pub epoch: i64,
}

/// Says which features there are now.
pub type FeaturesNow = Arc<dyn Fn() -> Features + Send + Sync>;

/// The table.
#[derive(Default)]
pub struct Router {
    routes: BTreeMap<i16, Route>,
    observer: Option<Observer>,
    features: Option<FeaturesNow>,
}

// ANCHOR: router
impl Router {
    /// A table that serves ApiVersions and nothing else.
    pub fn new() -> Router {
        let mut router = Router::default();
        // The answer is a function of the table, so `dispatch` gives it; the route is here to be advertised.
        router.add(&Arc::new(()), |_, _, _: ApiVersionsRequest| async { Reply::None });
        router
    }

    // ANCHOR: add
    /// Serves an API that nobody serves yet.
    pub fn add<S, R, F>(&mut self, state: &Arc<S>, handler: fn(Arc<S>, Context, R) -> F)
    where
        S: Any + Send + Sync,
        R: Request,
        F: Future<Output = Reply<R::Response>> + Send + 'static,
    {
        let before = self.routes.insert(R::API_KEY, Route::new(state.clone(), handler));
        assert!(before.is_none(), "{} is served already: use replace", R::NAME);
    }
    // ANCHOR_END: add

    /// Serves an API otherwise than an earlier chapter did. What is announced of it stays.
    pub fn replace<S, R, F>(&mut self, state: &Arc<S>, handler: fn(Arc<S>, Context, R) -> F)
    where
        S: Any + Send + Sync,
        R: Request,
        F: Future<Output = Reply<R::Response>> + Send + 'static,
    {
        let route = self.routes.get_mut(&R::API_KEY);
        let route = route.unwrap_or_else(|| panic!("{} is not served yet: use add", R::NAME));
        *route = Route { advertised: route.advertised.clone(), ..Route::new(state.clone(), handler) };
    }

    /// Announces versions of an API from `min` on, although the lower ones are refused.
    pub fn advertise_from<R: Request>(&mut self, min: i16) {
        let route = self.routes.get_mut(&R::API_KEY).expect("only a served API can be advertised");
        route.advertised = min..=*route.served.end();
    }

    /// Has someone told how long requests take.
    pub fn observe(&mut self, observer: Observer) {
        self.observer = Some(observer);
    }

    /// Has ApiVersions name features.
    pub fn name_features(&mut self, features: FeaturesNow) {
        self.features = Some(features);
    }

    // ANCHOR: api_versions
    /// What ApiVersions answers.
    pub fn api_versions(&self) -> Vec<ApiVersion> {
        let version = |(&api_key, route): (&i16, &Route)| ApiVersion {
            api_key,
            min_version: *route.advertised.start(),
            max_version: *route.advertised.end(),
        };
        self.routes.iter().map(version).collect()
    }
    // ANCHOR_END: api_versions

    // ANCHOR: dispatch
    /// Reads a frame's header and hands the rest to the API's handler.
    pub async fn dispatch(&self, peer: &Peer, frame: Bytes) -> Result<Reply<Response>, RouteError> {
        let mut r = Reader::new(frame);
        let header = decode_request_header(&mut r).map_err(|error| RouteError::Malformed { api: "header", error })?;
        let api_key = header.request_api_key;
        let route = self.routes.get(&api_key).ok_or(RouteError::UnknownApi(api_key))?;
        let version = header.request_api_version;
        if !route.served.contains(&version) {
            if api_key == ApiVersionsRequest::API_KEY {
                return Ok(Reply::Now(self.answer_api_versions(&header, 0, ErrorCode::UNSUPPORTED_VERSION)));
            }
            return Err(RouteError::UnknownVersion { api: route.name, version, versions: route.served.clone() });
        }
        let malformed = |error| RouteError::Malformed { api: route.name, error };
        let client_id = decode_client_id(&mut r, version >= route.flexible_from).map_err(malformed)?;
        let context = Context { peer: peer.clone(), version, client_id: client_id.map(Arc::from) };
        if api_key == ApiVersionsRequest::API_KEY {
            let size = r.remaining();
            let request =
                ApiVersionsRequest::decode(&mut r, ApiVersionsRequest::version(version)).map_err(malformed)?;
            trace::request::<ApiVersionsRequest>(&context, &header, &request, size);
            let error = if is_valid_software(&request, version) { ErrorCode::NONE } else { ErrorCode::INVALID_REQUEST };
            return Ok(Reply::Now(self.answer_api_versions(&header, version, error)));
        }
        let started = Instant::now();
        let reply = (route.handler)(context, header, r).await.map_err(malformed)?;
        Ok(self.observed(route.name, started, reply))
    }
    // ANCHOR_END: dispatch

    fn observed(&self, api: &'static str, started: Instant, reply: Reply<Response>) -> Reply<Response> {
        let Some(observer) = self.observer.clone() else { return reply };
        if let Reply::Later(wait) = reply {
            return Reply::Later(Box::pin(async move {
                let response = wait.await;
                observer(api, started.elapsed());
                response
            }));
        }
        observer(api, started.elapsed());
        reply
    }

    fn answer_api_versions(&self, header: &RequestHeader, version: i16, error_code: ErrorCode) -> Response {
        let mut api_keys = self.api_versions();
        match error_code {
            ErrorCode::NONE => {}
            ErrorCode::UNSUPPORTED_VERSION => api_keys.retain(|api| api.api_key == ApiVersionsRequest::API_KEY),
            _ => api_keys.clear(),
        }
        let mut response = ApiVersionsResponse { error_code, api_keys, ..Default::default() };
        if let Some(features) = self.features.as_ref().filter(|_| error_code == ErrorCode::NONE) {
            let Features { mut supported, finalized, epoch } = features();
            if version < 4 {
                // Clients that do not know version 4 take a lowest level of 0 for damage.
                supported.iter_mut().for_each(|feature| feature.min_version = feature.min_version.max(1));
            }
            response.supported_features = supported;
            (response.finalized_features, response.finalized_features_epoch) = (finalized, epoch);
        }
        encode::<ApiVersionsRequest>(header, version, &response)
    }
}
// ANCHOR_END: router

impl Route {
    fn new<S, R, F>(state: Arc<S>, handler: fn(Arc<S>, Context, R) -> F) -> Route
    where
        S: Any + Send + Sync,
        R: Request,
        F: Future<Output = Reply<R::Response>> + Send + 'static,
    {
        let erased = move |context: Context, header: RequestHeader, mut body: Reader| -> BoxFuture<_> {
            let state = state.clone();
            Box::pin(async move {
                let version = context.version;
                let size = body.remaining();
                let request = R::decode(&mut body, R::version(version))?;
                drop(body);
                let trace = trace::request::<R>(&context, &header, &request, size);
                Ok(match handler(state, context, request).await {
                    Reply::Now(response) => {
                        trace.response(&response, None);
                        Reply::Now(encode::<R>(&header, version, &response))
                    }
                    Reply::Later(wait) => Reply::Later(Box::pin(async move {
                        let waited = Instant::now();
                        let response = wait.await;
                        trace.response(&response, Some(waited.elapsed()));
                        encode::<R>(&header, version, &response)
                    })),
                    Reply::None => Reply::None,
                    Reply::Close => Reply::Close,
                })
            })
        };
        let served = R::MIN_VERSION..=R::MAX_VERSION;
        Route {
            name: R::NAME,
            advertised: served.clone(),
            served,
            flexible_from: R::FLEXIBLE_FROM,
            handler: Box::new(erased),
        }
    }
}

fn encode<R: Request>(header: &RequestHeader, version: i16, response: &R::Response) -> Response {
    let body = R::Response::version(version);
    let mut w = Writer::new();
    let response_header = ResponseHeader { correlation_id: header.correlation_id };
    response_header.encode(&mut w, response_header_version(R::API_KEY, body.flexible));
    response.encode(&mut w, body);
    w.into_frame()
}

/// Kafka refuses names that could garble a log: letters, digits, dots and dashes only (KIP-511).
fn is_valid_software(request: &ApiVersionsRequest, version: i16) -> bool {
    let valid = |text: &str| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    version < 3 || valid(&request.client_software_name) && valid(&request.client_software_version)
}
