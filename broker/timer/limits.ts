/** Records of the timer topic that one step puts on the wheel before the event loop gets its turn. */
export const ENQUEUE_BATCH = 256;
/** Records that one step delivers. */
export const DEQUEUE_BATCH = 256;
/** Units and records of the current slot that one step reads ahead. */
export const LOAD_BATCH = 512;
/** Bytes of records that the present slot holds until they are due; what is beyond is read twice. */
export const MAX_HELD_BYTES = 32 * 1024 * 1024;
/** Slots without messages that one step passes. */
export const PASS_SLOTS = 20_000;
/** Shortest wait for the next delivery, ms: what falls due within it is written at once. */
export const MIN_WAIT_MS = 4;
/** Pause after a delivery or a read that failed, ms. */
export const RETRY_MS = 100;
/** Bytes of units that wait for the disk; beyond it no further messages are put on the wheel until the disk takes them. */
export const MAX_UNFLUSHED_BYTES = 32 * 1024 * 1024;
/** Bytes of units read at once: the units of a slot lie far apart when many slots are filled at a time. */
export const LOG_READ_BYTES = 2 * 1024;
/** Open files of the timer: the wheel, and the timer log's newest and oldest in use. */
export const MAX_OPEN_TIMER_FILES = 16;
/** Pause between looks whether old timer log files can go, ms; Apache's. */
export const CLEAN_INTERVAL_MS = 30_000;
/** How often a checkpoint looks whether the commit log is flushed far enough, ms. */
export const CHECKPOINT_POLL_MS = 100;
