import type { Clock } from '../../src/common/clock.js';
import type { Connection } from '../../src/remoting/server.js';
import { type ClientChannel, GroupsByConnection } from './client-channels.js';
import type { Beat } from './consumer-manager.js';

/** Producers that are online, by group. */
export class ProducerManager {
  readonly #clock: Clock;
  readonly #groups = new Map<string, Map<Connection, ClientChannel>>();
  readonly #byConnection = new GroupsByConnection();

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  channels(group: string): ReadonlyMap<Connection, ClientChannel> | undefined {
    return this.#groups.get(group);
  }

  groups(): Iterable<[string, ReadonlyMap<Connection, ClientChannel>]> {
    return this.#groups.entries();
  }

  register(group: string, beat: Beat): void {
    let channels = this.#groups.get(group);
    if (channels === undefined) {
      channels = new Map();
      this.#groups.set(group, channels);
    }
    channels.set(beat.connection, { ...beat, lastUpdateMs: this.#clock.nowMs(), lastBeatMs: this.#clock.monotonicMs() });
    this.#byConnection.add(beat.connection, group);
  }

  unregister(group: string, connection: Connection): void {
    this.#byConnection.remove(connection, group);
    this.#leave(group, connection);
  }

  onConnectionClosed(connection: Connection): void {
    for (const group of this.#byConnection.take(connection)) this.#leave(group, connection);
  }

  /** Removes producers without a heartbeat for too long and closes their connections. */
  expire(expiredMs: number): void {
    const now = this.#clock.monotonicMs();
    const silent: [string, ClientChannel][] = [];
    for (const [group, channels] of this.#groups) {
      for (const channel of channels.values()) if (now - channel.lastBeatMs > expiredMs) silent.push([group, channel]);
    }
    for (const [group, channel] of silent) {
      this.unregister(group, channel.connection);
      channel.connection.close(`no heartbeat of producer ${channel.clientId} of group ${group} for ${expiredMs} ms`);
    }
  }

  #leave(group: string, connection: Connection): void {
    const channels = this.#groups.get(group);
    channels?.delete(connection);
    if (channels?.size === 0) this.#groups.delete(group);
  }
}
