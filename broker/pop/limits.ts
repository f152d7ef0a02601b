/** Acknowledgements of the last moment reach the revive topic within this time after a check point is due, ms; Apache's broker waits as long. */
export const REVIVE_GRACE_MS = 2_000;
/** The wheel brings a check point to the revive topic at most so long before its messages become visible, ms: a second, and the wheel's step. */
export const MAX_CHECK_POINT_AHEAD_MS = 3_000;
/** Check points of one revive queue in memory; further ones are read when these are done. */
export const MAX_PENDING_CHECK_POINTS = 100_000;
/** Acknowledgements kept for check points that are not there yet, by revive queue. */
export const MAX_EARLY_ACKS = 10_000;
/** How long they are kept, ms. */
export const EARLY_ACK_MS = 60_000;
/** Messages that one step revives before the event loop gets its turn. */
export const REVIVE_BATCH = 256;
/** Pause before a message that the store did not take is tried again, ms. */
export const REVIVE_RETRY_MS = 1_000;
/** Records that one read of the revive topic takes. */
export const REVIVE_READ_MESSAGES = 32;
