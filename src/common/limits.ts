const KiB = 1024;
const MiB = 1024 * 1024;

/** Largest whole frame, length field included: what Apache's decoder accepts. */
export const MAX_FRAME_BYTES = 16 * MiB;
/** Largest value of a frame's length field. */
export const MAX_FRAME_LENGTH_FIELD = MAX_FRAME_BYTES - 4;
/** Largest header we decode: a header has 32767 bytes of properties and a few names; topic lists of 208 may be long. */
export const MAX_HEADER_BYTES = 4 * MiB;
/** Largest message body by default (maxMessageSize); 4 MiB as Apache's. */
export const MAX_MESSAGE_BODY_BYTES = 4 * MiB;
/** Largest body after inflating: a peer's small body must not become all our memory. */
export const MAX_INFLATED_BODY_BYTES = 64 * MiB;
/** Largest encoded properties: the record has a signed 16-bit length. */
export const MAX_PROPERTIES_BYTES = 32767;
/** Largest topic name in characters, and of retry topics in a record of version 2. */
export const MAX_TOPIC_LENGTH = 127;
export const MAX_RETRY_TOPIC_LENGTH = 255;
/** Largest group name in characters. */
export const MAX_GROUP_LENGTH = 255;

/** Connections a server accepts at once; further ones are closed at accept. Each costs about 10 KiB idle. */
export const MAX_CONNECTIONS = 16_384;
/** Descriptors that connections leave to the rest of a node: the 512 files of a store, its tables, logs, and what the node itself connects to. */
export const KEPT_DESCRIPTORS = 640;
/** Both sides close a connection without read and write for so long, as Apache's do. */
export const IDLE_TIMEOUT_MS = 120_000;
/** Above this many unsent bytes a server stops reading from the connection; it reads again below half. */
export const CONNECTION_HIGH_WATER_BYTES = 1 * MiB;
/** Unsent bytes at which a server gives a connection up: held answers that arrive faster than the peer reads them. */
export const CONNECTION_MAX_QUEUED_BYTES = 256 * MiB;
/** Unsent bytes of all connections of a server; beyond, it closes those that have not read all of theirs for the longest time. */
export const MAX_SERVER_UNSENT_BYTES = 512 * MiB;
/** Fewer unsent bytes of a connection are not counted there: they are gone in a moment, as a rule. */
export const COUNTED_UNSENT_BYTES = 64 * KiB;
/** Requests of one connection that wait for an answer (held pulls count); a server closes a connection that goes beyond. */
export const MAX_SERVER_IN_FLIGHT = 65_536;
/** Request bytes of one connection that wait for an asynchronous processor; above it the server stops reading. */
export const MAX_SERVER_IN_FLIGHT_BYTES = 64 * MiB;
/** Requests without answer on one client connection; `send` refuses more. */
export const MAX_CLIENT_IN_FLIGHT = 65_536;
/** Sends that wait for a permit of a producer's back-pressure; further ones are refused. */
export const MAX_WAITING_SENDS = 50_000;
/** Requests of one client that wait for a reply; each holds a message and its caller. */
export const MAX_WAITING_REPLIES = 65_536;
/** Calls of one producer or consumer whose trace waits to be sent; those of further ones are dropped. As many as in Apache's client. */
export const MAX_WAITING_TRACES = 2_048;
/** Size at which a message of trace records is full, as in Apache's client. */
export const MAX_TRACE_BODY_BYTES = 128_000;
/** Bytes of KEYS at which a message of trace records is full: with its other properties it stays below MAX_PROPERTIES_BYTES. */
export const MAX_TRACE_KEYS_BYTES = 16 * KiB;
/** Brokers whose latency one producer remembers; many times the brokers of a large cluster. */
export const MAX_FAULT_ITEMS = 1_024;
/** Unsent bytes on one client connection; `send` refuses more. */
export const MAX_CLIENT_QUEUED_BYTES = 64 * MiB;
/**
 * Answers of so many bytes leave before their turn ends: the peer reads them while the rest is made. Measured with 8 pulls in flight on
 * one connection.
 */
export const EARLY_FLUSH_BYTES = 24 * KiB;
/** First size of the buffer that collects one turn's output of a connection. */
export const OUT_SLAB_BYTES = 64 * KiB;

export const CONNECT_TIMEOUT_MS = 3_000;
export const REQUEST_TIMEOUT_MS = 5_000;
/** How finely request deadlines are checked; a time-out is late by at most this. */
export const DEADLINE_TICK_MS = 50;
/** After a failed connection attempt the client answers from memory for so long, growing to the maximum, instead of dialling again. */
export const RECONNECT_BACKOFF_MIN_MS = 50;
export const RECONNECT_BACKOFF_MAX_MS = 1_000;

/** Nesting depth of JSON bodies; no real body is deeper than 8. */
export const MAX_JSON_DEPTH = 128;
/** Messages in one batch body. */
export const MAX_BATCH_MESSAGES = 65_536;

/** Broker addresses one name server keeps; each entry is small, the limit only stops a runaway peer. */
export const MAX_NAMESRV_BROKERS = 10_000;
/** Topics one name server keeps, over all brokers. */
export const MAX_NAMESRV_TOPICS = 500_000;
/** Pairs in a name server's key-value configuration, which is saved whole at each change. */
export const MAX_KV_CONFIG_ENTRIES = 100_000;

/** Bodies of the messages that a benchmark has on their way at once unless it is told how many: more wait for one another until their time-out. */
export const MAX_BENCH_IN_FLIGHT_BYTES = 64 * MiB;
/** Different bodies that a benchmark keeps to choose from. */
export const MAX_PAYLOAD_POOL_BYTES = 256 * MiB;
/** Processes that one benchmark divides its load among, local and remote. */
export const MAX_BENCH_WORKERS = 256;
/** Largest request that a benchmark worker reads: a job of a few hundred bytes, with the keys and names of a large test. */
export const MAX_WORKER_REQUEST_BYTES = 1 * MiB;
/** Largest line that a worker's answer may have: a result with the series of days and its histograms. */
export const MAX_WORKER_LINE_BYTES = 64 * MiB;
/** Connections one worker keeps: a coordinator needs two. */
export const MAX_WORKER_CONNECTIONS = 32;
