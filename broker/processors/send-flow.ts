import { ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';

/*
 * Flow control, for one event loop. Apache keeps sends in the queue of a thread pool, cleans it every 10 ms, and calls the page cache busy
 * while a put holds the append lock for osPageCacheBusyTimeOutMills. Here a send waits in three places only:
 *
 * | where                                     | bound                       | answer                                         |
 * | for the device (SYNC_FLUSH)               | sendThreadPoolQueueCapacity | [OVERLOAD]                                     |
 * | read, behind a write of its turn          | waitTimeMillsInSendQueue    | [TIMEOUT_CLEAN_QUEUE]; [PCBUSY_CLEAN_QUEUE] when |
 * |                                           |                             | the write was a busy one                       |
 * | in its socket, while a busy write went on | osPageCacheBusyTimeOutMills | [REJECTREQUEST]                                |
 *
 * What waited in a socket for another reason is served: nobody can tell how long it lay there. Nothing is refused once it is appended.
 */
const BUSY = 'broker busy, start flow control for a while';

/** Turns sends away before anything of them is looked at. */
export class SendFlow {
  readonly #parts: BrokerParts;
  /** Infinity without brokerFastFailureEnable. */
  #waitLimitMs = 0;
  #capacity = 0;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.configure();
  }

  /** Takes over changed configuration. */
  configure(): void {
    const { brokerFastFailureEnable, waitTimeMillsInSendQueue, sendThreadPoolQueueCapacity } = this.#parts.config.broker;
    this.#waitLimitMs = brokerFastFailureEnable ? waitTimeMillsInSendQueue : Number.POSITIVE_INFINITY;
    this.#capacity = sendThreadPoolQueueCapacity;
  }

  /** Whether the broker keeps up with what this connection sends; `refuse` answers when it does not. */
  isOpen(connection: Connection): boolean {
    const { store, sends } = this.#parts;
    return !store.isOsPageCacheBusy && store.lastWriteEndMs - connection.receivedMs < this.#waitLimitMs && sends.inFlight < this.#capacity;
  }

  /** Answers a send that found the gate closed. False when it may pass all the same, for the store to say. */
  refuse(connection: Connection, request: RemotingCommand): boolean {
    const { store, sends, config } = this.#parts;
    const waitedMs = store.lastWriteEndMs - connection.receivedMs;
    const period = `period in queue: ${Math.round(waitedMs)}ms, size of queue: ${sends.inFlight}`;
    if (store.isOsPageCacheBusy && waitedMs <= 0) {
      this.#answer(connection, request, 'REJECTREQUEST', 'system busy, start flow control for a while');
    } else if (store.isOsPageCacheBusy) {
      // Without the cleaning of queues it reaches the store, which says [PC_SYNCHRONIZED].
      if (!config.broker.brokerFastFailureEnable) return false;
      this.#answer(connection, request, 'PCBUSY_CLEAN_QUEUE', `${BUSY}, ${period}`);
    } else if (waitedMs >= this.#waitLimitMs) {
      this.#answer(connection, request, 'TIMEOUT_CLEAN_QUEUE', `${BUSY}, ${period}`);
    } else {
      const limit = `${sends.inFlight} messages wait for the disk, sendThreadPoolQueueCapacity is ${this.#capacity}`;
      this.#answer(connection, request, 'OVERLOAD', `system busy, start flow control for a while: ${limit}`);
    }
    return true;
  }

  #answer(connection: Connection, request: RemotingCommand, gate: string, remark: string): void {
    this.#parts.sends.count(gate);
    connection.respond(request, ResponseCode.SYSTEM_BUSY, `[${gate}]${remark}`);
  }
}
