/** Configuration of the message store, as the table of MessageStoreConfig types it. */
export type { MessageStoreConfigValues as StoreConfig } from './tables/message-store-config.js';
