//! What an operator watches: counters, gauges and times, served over HTTP in Prometheus' text format.
//!
//! Apache Kafka has them as MBeans of its virtual machine, and most people read them through the JMX exporter. Here they
//! have the names which that gives them with the rules that come with it, so dashboards fit; the MBean's own name is in
//! the line of help.
//!
//! ```text
//! kafka.server:type=ReplicaManager,name=UnderReplicatedPartitions -> kafka_server_replicamanager_underreplicatedpartitions
//! kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec         -> kafka_server_brokertopicmetrics_bytesin_total
//! ```
//!
//! Caveat: gauges are looked at once a second, not when they are asked for.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ch00_wire::router::Observer;
use ch00_wire::tasks::Tasks;
use metrics::Unit;
pub use metrics::{Counter, Gauge, Histogram, Label};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use tracing::{error, info};

const BYTES_IN: &str = "kafka_server_brokertopicmetrics_bytesin_total";
const BYTES_OUT: &str = "kafka_server_brokertopicmetrics_bytesout_total";
const MESSAGES_IN: &str = "kafka_server_brokertopicmetrics_messagesin_total";
const REPLICATION_BYTES_IN: &str = "kafka_server_brokertopicmetrics_replicationbytesin_total";
const REPLICATION_BYTES_OUT: &str = "kafka_server_brokertopicmetrics_replicationbytesout_total";
const ISR_SHRINKS: &str = "kafka_server_replicamanager_isrshrinks_total";
const ISR_EXPANDS: &str = "kafka_server_replicamanager_isrexpands_total";
const UNDER_REPLICATED: &str = "kafka_server_replicamanager_underreplicatedpartitions";
const UNDER_MIN_ISR: &str = "kafka_server_replicamanager_underminisrpartitioncount";
const PARTITIONS: &str = "kafka_server_replicamanager_partitioncount";
const LEADERS: &str = "kafka_server_replicamanager_leadercount";
const IDLE: &str = "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent";
const TOTAL_TIME: &str = "kafka_network_requestmetrics_totaltimems";

/// A metric, its MBean, and what it says.
pub type Help = (&'static str, &'static str, &'static str);

const HELP: &[Help] = &[
    (BYTES_IN, "BrokerTopicMetrics,name=BytesInPerSec", "bytes of batches that producers sent"),
    (BYTES_OUT, "BrokerTopicMetrics,name=BytesOutPerSec", "bytes of batches that consumers were given"),
    (MESSAGES_IN, "BrokerTopicMetrics,name=MessagesInPerSec", "records that producers sent"),
    (REPLICATION_BYTES_IN, "BrokerTopicMetrics,name=ReplicationBytesInPerSec", "bytes copied from leaders"),
    (REPLICATION_BYTES_OUT, "BrokerTopicMetrics,name=ReplicationBytesOutPerSec", "bytes given to followers"),
    (ISR_SHRINKS, "ReplicaManager,name=IsrShrinksPerSec", "replicas were found to lag"),
    (ISR_EXPANDS, "ReplicaManager,name=IsrExpandsPerSec", "a replica had caught up"),
    (
        UNDER_REPLICATED,
        "ReplicaManager,name=UnderReplicatedPartitions",
        "led here, not all replicas in sync; healthy: 0",
    ),
    (
        UNDER_MIN_ISR,
        "ReplicaManager,name=UnderMinIsrPartitionCount",
        "led here, fewer in sync than min.insync.replicas",
    ),
    (PARTITIONS, "ReplicaManager,name=PartitionCount", "partitions with a copy here"),
    (LEADERS, "ReplicaManager,name=LeaderCount", "partitions led here"),
    (
        IDLE,
        "KafkaRequestHandlerPool,name=RequestHandlerAvgIdlePercent",
        "the part of their time, 0 to 1, for which worker threads had nothing to do in the last second",
    ),
];
const NETWORK_HELP: &[Help] =
    &[(TOTAL_TIME, "RequestMetrics,name=TotalTimeMs", "from a request's last byte to its answer")];

/// What is counted for a topic.
#[derive(Clone)]
pub struct TopicMetrics {
    /// Bytes of batches that producers sent.
    pub bytes_in: Counter,
    /// Records that producers sent.
    pub messages_in: Counter,
    /// Bytes that consumers were given.
    pub bytes_out: Counter,
    /// Bytes copied from a leader.
    pub replication_bytes_in: Counter,
    /// Bytes given to followers.
    pub replication_bytes_out: Counter,
}

/// A broker's metrics. Without a listener nothing is kept.
pub struct Metrics {
    recorder: Option<PrometheusRecorder>,
    /// Changes of in-sync replicas that took some out.
    pub isr_shrinks: Counter,
    /// Changes that added one.
    pub isr_expands: Counter,
    /// Times of requests, by API.
    times: Mutex<HashMap<&'static str, Histogram>>,
}

impl Metrics {
    /// Nothing is kept.
    pub fn off() -> Metrics {
        Metrics { recorder: None, isr_shrinks: Counter::noop(), isr_expands: Counter::noop(), times: Mutex::default() }
    }

    /// Serves metrics at an address, `HOST:PORT`, or says why it cannot.
    pub fn serve(address: &str, tasks: &Tasks) -> Result<Metrics, String> {
        let wrong = |why: String| format!("metrics.listener: {address}: {why}");
        let address = free_port(address).map_err(|e| wrong(e.to_string()))?;
        let builder = PrometheusBuilder::new().with_http_listener(address);
        let (recorder, server) = builder.build().map_err(|e| wrong(e.to_string()))?;
        info!("metrics are at http://{address}/metrics");
        let stopping = tasks.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = stopping.stopping() => {}
                ended = server => ended.unwrap_or_else(|e| error!("metrics are served no longer: {e:?}")),
            }
        });
        let metrics = Metrics { recorder: Some(recorder), ..Metrics::off() };
        metrics.describe("kafka.server", HELP);
        metrics.describe("kafka.network", NETWORK_HELP);
        let (isr_shrinks, isr_expands) = (metrics.counter(ISR_SHRINKS, &[]), metrics.counter(ISR_EXPANDS, &[]));
        Ok(Metrics { isr_shrinks, isr_expands, ..metrics })
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.recorder.is_some()
    }

    /// Says what metrics of a domain are.
    pub fn describe(&self, domain: &str, help: &[Help]) {
        let with =
            |work: &dyn Fn()| self.recorder.as_ref().into_iter().for_each(|r| metrics::with_local_recorder(r, work));
        for (name, bean, what) in help {
            let help = format!("{domain}:type={bean} -- {what}");
            with(&|| match name.rsplit('_').next() {
                Some("total") => metrics::describe_counter!(*name, help.clone()),
                Some(word) if word.ends_with("timems") || word == "latency" => {
                    metrics::describe_histogram!(*name, Unit::Milliseconds, help.clone());
                }
                _ => metrics::describe_gauge!(*name, help.clone()),
            });
        }
    }

    /// What only grows.
    pub fn counter(&self, name: &'static str, labels: &[Label]) -> Counter {
        match &self.recorder {
            None => Counter::noop(),
            Some(recorder) => metrics::with_local_recorder(recorder, || metrics::counter!(name, labels.to_vec())),
        }
    }

    /// What goes up and down.
    pub fn gauge(&self, name: &'static str, labels: &[Label]) -> Gauge {
        match &self.recorder {
            None => Gauge::noop(),
            Some(recorder) => metrics::with_local_recorder(recorder, || metrics::gauge!(name, labels.to_vec())),
        }
    }

    /// How long something takes, in milliseconds.
    pub fn histogram(&self, name: &'static str, labels: &[Label]) -> Histogram {
        match &self.recorder {
            None => Histogram::noop(),
            Some(recorder) => metrics::with_local_recorder(recorder, || metrics::histogram!(name, labels.to_vec())),
        }
    }

    /// What is counted for a topic.
    pub fn topic(&self, topic: &str) -> TopicMetrics {
        let counter = |name| self.counter(name, &[Label::new("topic", topic.to_owned())]);
        TopicMetrics {
            bytes_in: counter(BYTES_IN),
            messages_in: counter(MESSAGES_IN),
            bytes_out: counter(BYTES_OUT),
            replication_bytes_in: counter(REPLICATION_BYTES_IN),
            replication_bytes_out: counter(REPLICATION_BYTES_OUT),
        }
    }

    /// Takes note of how long requests take; `None` if nothing is kept.
    pub fn observer(self: &Arc<Metrics>) -> Option<Observer> {
        self.is_on().then_some(())?;
        let metrics = self.clone();
        Some(Arc::new(move |api, time: Duration| {
            let mut times = metrics.times.lock().unwrap();
            let new = || metrics.histogram(TOTAL_TIME, &[Label::new("request", api)]);
            times.entry(api).or_insert_with(new).record(time.as_secs_f64() * 1000.0);
        }))
    }

    // ANCHOR: keep_looking
    /// Looks at what is no counter once a second, for as long as the broker runs.
    /// `census`: partitions here, led here, of those not all in sync, and fewer in sync than the minimum.
    pub async fn keep_looking(self: Arc<Metrics>, census: impl Fn() -> [usize; 4] + Send + 'static, tasks: Tasks) {
        if !self.is_on() {
            return;
        }
        let gauges = [PARTITIONS, LEADERS, UNDER_REPLICATED, UNDER_MIN_ISR].map(|name| self.gauge(name, &[]));
        let idle = self.gauge(IDLE, &[]);
        let workers = tokio::runtime::Handle::current().metrics();
        let busy =
            || (0..workers.num_workers()).map(|worker| workers.worker_total_busy_duration(worker)).sum::<Duration>();
        loop {
            let (before, started) = (busy(), std::time::Instant::now());
            for (gauge, count) in gauges.iter().zip(census()) {
                gauge.set(count as f64);
            }
            tokio::select! {
                () = tasks.stopping() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            let all = started.elapsed().as_secs_f64() * workers.num_workers() as f64;
            let part = busy().saturating_sub(before).as_secs_f64() / all;
            idle.set(1.0 - part.clamp(0.0, 1.0));
        }
    }
    // ANCHOR_END: keep_looking
}

/// An address to listen at; a free port in the place of 0.
fn free_port(address: &str) -> std::io::Result<SocketAddr> {
    let address = address.to_socket_addrs()?.next().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    match address.port() {
        0 => TcpListener::bind(address)?.local_addr(),
        _ => Ok(address),
    }
}
