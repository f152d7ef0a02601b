import type { Connection } from '../../src/remoting/server.js';

/** Requests that wait, by the connection that is to get the answer. */
export class ByConnection<Held extends { readonly connection: Connection }> {
  readonly #held = new Map<Connection, Set<Held>>();

  add(held: Held): void {
    const those = this.#held.get(held.connection);
    if (those === undefined) this.#held.set(held.connection, new Set([held]));
    else those.add(held);
  }

  delete(held: Held): void {
    const those = this.#held.get(held.connection);
    those?.delete(held);
    if (those?.size === 0) this.#held.delete(held.connection);
  }

  /** Those of a connection; they may be deleted while the caller goes through them. */
  of(connection: Connection): Iterable<Held> {
    return this.#held.get(connection) ?? [];
  }

  clear(): void {
    this.#held.clear();
  }
}
