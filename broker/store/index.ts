export { nodeDisk } from './disk.js';
export { ConfigFile } from './json-file.js';
export { MessageStore } from './message-store.js';
export type { MessageStoreOptions } from './store-open.js';
export type * from './types.js';
