import type { Clock } from '../../src/common/clock.js';
import type { Connection } from '../../src/remoting/server.js';
import { type ClientChannel, GroupsByConnection } from './client-channels.js';
import type { Beat } from './consumer-manager.js';

/** Connections that are looked at for one that takes requests. */
const PROBES = 3;

/** Producers that are online, by group. */
export class ProducerManager {
  readonly #clock: Clock;
  readonly #groups = new Map<string, Map<Connection, ClientChannel>>();
  readonly #byConnection = new GroupsByConnection();
  /** The connection of a client's last heartbeat, by client id. */
  readonly #byClientId = new Map<string, ClientChannel>();
  /** Whose turn it is to be asked. */
  #turn = 0;

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  channels(group: string): ReadonlyMap<Connection, ClientChannel> | undefined {
    return this.#groups.get(group);
  }

  groups(): Iterable<[string, ReadonlyMap<Connection, ClientChannel>]> {
    return this.#groups.entries();
  }

  /** The next connection in turn of a group's producers: of three the first that can be written to, or else the last that is open. */
  availableConnection(group: string): Connection | undefined {
    const connections = [...(this.#groups.get(group)?.keys() ?? [])];
    let open: Connection | undefined;
    for (let probe = 0; probe < Math.min(PROBES, connections.length); probe++) {
      this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
      const connection = connections[this.#turn % connections.length]!;
      if (connection.writable) return connection;
      if (!connection.closed) open = connection;
    }
    return open;
  }

  /** The channel of a client that has a producer, whatever its group. */
  findClient(clientId: string): ClientChannel | undefined {
    return this.#byClientId.get(clientId);
  }

  register(group: string, beat: Beat): void {
    let channels = this.#groups.get(group);
    if (channels === undefined) {
      channels = new Map();
      this.#groups.set(group, channels);
    }
    const channel = { ...beat, lastUpdateMs: this.#clock.nowMs(), lastBeatMs: this.#clock.monotonicMs() };
    channels.set(beat.connection, channel);
    this.#byClientId.set(beat.clientId, channel);
    this.#byConnection.add(beat.connection, group);
  }

  unregister(group: string, connection: Connection): void {
    this.#byConnection.remove(connection, group);
    this.#leave(group, connection, !this.#byConnection.has(connection));
  }

  onConnectionClosed(connection: Connection): void {
    for (const group of this.#byConnection.take(connection)) this.#leave(group, connection, true);
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

  #leave(group: string, connection: Connection, isLastGroup: boolean): void {
    const channels = this.#groups.get(group);
    const clientId = channels?.get(connection)?.clientId;
    if (isLastGroup && clientId !== undefined && this.#byClientId.get(clientId)?.connection === connection) {
      this.#byClientId.delete(clientId);
    }
    channels?.delete(connection);
    if (channels?.size === 0) this.#groups.delete(group);
  }
}
