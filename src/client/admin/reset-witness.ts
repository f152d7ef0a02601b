import { MQError } from '../../common/errors.js';
import { type MessageQueue, queueKey } from '../message-queue.js';
import type { AdminClient } from './admin-client.js';
import { consumersAt } from './connections.js';
import { mapLimited } from './map-limited.js';
import { askRunningInfo } from './running-info.js';

/**
 * Watches the consumers that a broker told to reset. One that takes a reset lets go of its queues, stands still for 10 s, and begins anew: its
 * running info says `droped` meanwhile. Whoever looks at the offsets alone can miss that, where few messages are consumed again at once.
 */
export class ResetWitness {
  readonly #admin: AdminClient;
  readonly #brokerAddr: string;
  readonly #group: string;
  readonly #seen = new Set<string>();
  #now = new Set<string>();

  constructor(admin: AdminClient, brokerAddr: string, group: string) {
    this.#admin = admin;
    this.#brokerAddr = brokerAddr;
    this.#group = group;
  }

  /** Asks all members. One that does not answer witnesses nothing. */
  async look(): Promise<void> {
    const members = (await consumersAt(this.#admin, this.#brokerAddr, this.#group))?.connectionSet ?? [];
    const dropped = await mapLimited(members, ({ clientId }) => this.#droppedBy(clientId));
    this.#now = new Set(dropped.flat());
    for (const queue of this.#now) {
      this.#seen.add(queue);
    }
  }

  /** Whether a consumer let go of the queue and has begun anew since. */
  hasTaken(queue: MessageQueue): boolean {
    const key = queueKey(queue);
    return this.#seen.has(key) && !this.#now.has(key);
  }

  async #droppedBy(clientId: string): Promise<string[]> {
    try {
      const { mqTable } = await askRunningInfo(this.#admin, this.#brokerAddr, { consumerGroup: this.#group, clientId });
      return mqTable.filter(([, { droped }]) => droped).map(([queue]) => queueKey(queue));
    } catch (error) {
      if (error instanceof MQError) {
        return [];
      }
      throw error;
    }
  }
}
