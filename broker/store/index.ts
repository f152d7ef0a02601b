export { nodeDisk } from './disk.js';
export { IncomingBatch } from './incoming-batch.js';
export { MAX_INNER_MESSAGES } from './inner-batch.js';
export { ConfigFile } from './json-file.js';
export { MessageStore } from './message-store.js';
export type { MessageStoreOptions } from './store-open.js';
export type * from './types.js';
export type { QueueType } from './unit-queue.js';
