export { MessageStore, type MessageStoreOptions } from './message-store.js';
export type * from './types.js';
