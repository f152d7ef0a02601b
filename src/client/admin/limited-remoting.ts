import { REQUEST_TIMEOUT_MS } from '../../common/limits.js';
import { RemotingClient } from '../../remoting/client.js';
import type { RemotingCommand, RequestInit } from '../../remoting/command.js';

/**
 * Requests of one command that a node may have to answer at once. Questions about hundreds of groups or topics are asked side by side; a
 * broker with a few threads for administration must not find them all in its queue.
 */
export const MAX_IN_FLIGHT_PER_NODE = 16;

interface Room {
  inFlight: number;
  /** Requests that wait for room, the first in line first. */
  readonly line: (() => void)[];
}

/** A transport whose `invoke` keeps the number of requests in flight to each address within a bound; a request's time-out begins when it is sent. */
export class LimitedRemotingClient extends RemotingClient {
  readonly #rooms = new Map<string, Room>();

  override async invoke(addr: string, request: RequestInit, timeoutMs: number = REQUEST_TIMEOUT_MS): Promise<RemotingCommand> {
    const room = this.#roomOf(addr);
    if (room.inFlight >= MAX_IN_FLIGHT_PER_NODE) {
      await new Promise<void>((resolve) => room.line.push(resolve));
    } else {
      room.inFlight++;
    }
    try {
      return await super.invoke(addr, request, timeoutMs);
    } finally {
      const next = room.line.shift();
      if (next === undefined) {
        room.inFlight--;
      } else {
        // The place goes on to the next one in line.
        next();
      }
    }
  }

  #roomOf(addr: string): Room {
    const existing = this.#rooms.get(addr);
    if (existing !== undefined) {
      return existing;
    }
    const room: Room = { inFlight: 0, line: [] };
    this.#rooms.set(addr, room);
    return room;
  }
}
