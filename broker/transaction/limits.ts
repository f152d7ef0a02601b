/** Pages of 65,536 half messages whose end one queue remembers: 268 million, 32 MiB. */
export const MAX_RESOLVED_PAGES = 4096;
/** Characters of op bodies that wait for a store that takes nothing; beyond it transactions cannot be rolled back, only left to a check. */
export const MAX_UNSAVED_OP_CHARS = 4 * 1024 * 1024;
/** Op messages whose place is remembered one by one; beyond it neighbours are remembered together. */
export const MAX_TRACKED_OPS = 65_536;
/** Half messages that one step of a check round looks at before the event loop gets its turn. */
export const CHECK_STEP_MESSAGES = 256;
/** Op messages that one step reads. */
export const READ_STEP_OPS = 64;
/** A round ends after so long; the next one goes on where it stopped. */
export const MAX_ROUND_MS = 60_000;
/** Pause before op messages that the store refused are written again. */
export const OP_RETRY_MS = 1_000;
/** Copies of one half message, and messages with its id, that a look-up compares. */
export const MAX_LOOKUP_MESSAGES = 64;
