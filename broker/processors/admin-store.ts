import { RequestCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import { respondOk } from './respond.js';

/** Queues of light topics live without a topic of their own. */
const LMQ_PREFIX = '%LMQ%';

/** Clean-up that an administrator wants at once: 306, 316, 329. */
export class AdminStoreProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE, (connection, request) => this.#cleanQueues(connection, request));
    server.register(RequestCode.CLEAN_UNUSED_TOPIC, (connection, request) => this.#cleanTopics(connection, request));
    server.register(RequestCode.DELETE_EXPIRED_COMMITLOG, (connection, request) => this.#deleteFiles(connection, request));
  }

  /**
   * A queue that is removed begins at offset 0 again. Where a group has an offset, or the broker counts itself, that would pass over new
   * messages, so these queues stay: their old files are gone all the same.
   */
  #cleanQueues(connection: Connection, request: RemotingCommand): void {
    const { store, topics, offsets } = this.#parts;
    const count = store.cleanExpiredQueues((topic) => topics.isSystem(topic) || offsets.groupsOf(topic).length > 0);
    this.#log(connection, `had ${count} queues removed whose messages are gone`);
    respondOk(connection, request);
  }

  /** Removes the queues of topics that this broker does not have; their records stay in the commit log until they expire. */
  #cleanTopics(connection: Connection, request: RemotingCommand): void {
    const { store, topics } = this.#parts;
    const unused = store.cleanUnusedTopics(
      (topic) => topics.entry(topic) !== undefined || topics.isSystem(topic) || topic.startsWith(LMQ_PREFIX),
    );
    this.#log(connection, `had the queues of ${unused.length} topics removed that do not exist`);
    respondOk(connection, request);
  }

  /** The answer says that it begins: files go in the rounds that follow. */
  #deleteFiles(connection: Connection, request: RemotingCommand): void {
    this.#log(connection, 'asked for the deletion of expired commit log files');
    this.#parts.store.deleteExpiredFiles();
    respondOk(connection, request);
  }

  #log(connection: Connection, what: string): void {
    this.#parts.logger.info(`${connection.remoteAddr} ${what}`);
  }
}
