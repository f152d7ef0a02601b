import type { Connection } from '../../src/remoting/server.js';
import type { SubscriptionData } from './subscription.js';

/** A client as one connection knows it. */
export interface ClientChannel {
  readonly connection: Connection;
  clientId: string;
  language: string;
  version: number;
  /** Wall clock, ms, of the last heartbeat: shown to administrators. */
  lastUpdateMs: number;
  /** Monotonic ms of the last heartbeat: decides expiry. */
  lastBeatMs: number;
}

/** A member of a consumer group. */
export interface ConsumerChannel extends ClientChannel {
  /** What this member subscribes to; the group has one subscription a topic, whoever it came from. */
  subscriptions: readonly SubscriptionData[];
  /** The subscriptions in one text, for a quick comparison. */
  subscriptionText: string;
  /** The log has that another client has the same id. */
  isTwinTold: boolean;
}

/** Which groups each connection is in, so that a closed connection leaves them without a search. */
export class GroupsByConnection {
  readonly #groups = new Map<Connection, Set<string>>();

  add(connection: Connection, group: string): void {
    let groups = this.#groups.get(connection);
    if (groups === undefined) {
      groups = new Set();
      this.#groups.set(connection, groups);
    }
    groups.add(group);
  }

  remove(connection: Connection, group: string): void {
    const groups = this.#groups.get(connection);
    groups?.delete(group);
    if (groups?.size === 0) this.#groups.delete(connection);
  }

  /** Whether the connection is in a group. */
  has(connection: Connection): boolean {
    return this.#groups.has(connection);
  }

  /** Groups of a connection that is gone; forgets them. */
  take(connection: Connection): string[] {
    const groups = this.#groups.get(connection);
    this.#groups.delete(connection);
    return groups === undefined ? [] : [...groups];
  }
}
