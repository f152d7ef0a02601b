const KiB = 1024;
const MiB = 1024 * 1024;

/** Open files of one store; the least recently used is closed beyond it. Most queues are idle. */
export const MAX_OPEN_FILES = 512;
/** Bytes of one piece of the commit log's tail in memory; a record never crosses a piece. */
export const TAIL_CHUNK_BYTES = 1 * MiB;
/** Pieces of the tail kept in memory, so that readers of new messages make no system call. */
export const TAIL_CHUNKS = 16;
/** Bytes of one cached piece of the commit log for readers of a backlog: 32 messages of 8 interleaved queues fit many times. */
export const READ_CHUNK_BYTES = 256 * KiB;
/** Bytes of such a piece that the first read takes. */
export const READ_FIRST_BYTES = 16 * KiB;
/** Cached pieces. */
export const READ_CHUNKS = 48;
/** Encoded bytes after which a turn is written before it ends. */
export const TURN_WRITE_BYTES = 4 * MiB;
/** Units of a consume queue in its in-memory tail; half of them stay when the tail is written. */
export const QUEUE_TAIL_UNITS = 1024;
/** First size of that tail: most queues get few messages. */
export const QUEUE_TAIL_FIRST_UNITS = 16;
/** Units read at once from a consume queue file. */
export const QUEUE_PAGE_UNITS = 1024;
/** Queues that keep a page that was read; about 20 KiB each. */
export const QUEUE_PAGES = 512;
/** Queue ids the store takes. */
export const MAX_QUEUE_ID = 65_535;
/** Bytes of index entries kept in memory before they are written. */
export const INDEX_WRITE_BYTES = 256 * KiB;
/** Bytes of one read while recovery walks the commit log. */
export const WALK_BYTES = 4 * MiB;
/** Bytes of messages one getMessage returns at most, Apache's MAX_PULL_MSG_SIZE. */
export const MAX_PULL_MESSAGE_BYTES = 128 * MiB;
/** Pause between two checkpoints: recovery after a kill walks what came since, and a little more. */
export const CHECKPOINT_INTERVAL_MS = 3_000;
/** The pause grows to this many times what the last checkpoint's flushes took, so that they never keep the disk busy. */
export const CHECKPOINT_PAUSE_FACTOR = 2;
/** Queue files that a checkpoint flushes at a time: the thread pool has room left for the commit log. */
export const QUEUE_FLUSHES = 3;
/** Bytes of one queue or index file that are known by checksums from one flush to the next, and of one checksum. */
export const UNSYNCED_BYTES = 32 * MiB;
export const UNSYNCED_PIECE_BYTES = 1 * MiB;
/** Pause before a store that could not write tries again. */
export const WRITE_RETRY_MS = 1_000;
/** Rounds of retention that one request for the deletion of expired files lasts, as Apache's. */
export const MANUAL_DELETE_ROUNDS = 20;
/** Zeros written at once over a commit log file that is warmed up, and how often in one tick at most. */
export const WARM_PIECE_BYTES = 1 * MiB;
export const WARM_PIECES = 8;
/** Longest time that an orderly stop goes on with what such passes have left, ms. */
export const CLEAN_CLOSE_MS = 2_000;
/** Longest piece of work of one tick that passes over all queues, ms. */
export const CLEAN_SLICE_MS = 5;
/** How often the free space is looked at. */
export const DISK_CHECK_MS = 5_000;
