import { ConnectError, type MQError, TimeoutError } from '../common/errors.js';
import { requestCodeName } from './codes.js';
import type { RemotingCommand } from './command.js';

/** Gets the answer of a request, or what kept it from coming. One object serves any number of requests. */
export interface ResponseHandler {
  onResponse(response: RemotingCommand, context: unknown): void;
  onError(error: MQError, context: unknown): void;
}

/** Makes the JSON header of a request: the whole header, ASCII only. For hot paths that have it as a template. */
export interface RequestHeaderWriter {
  writeHeader(opaque: number, context: unknown): string;
}

interface PendingRequest {
  readonly code: number;
  readonly handler: ResponseHandler;
  readonly context: unknown;
  readonly sentMs: number;
  readonly deadlineMs: number;
}

/** Requests of one connection that wait for their answer, by opaque. */
export class PendingRequests {
  readonly #requests = new Map<number, PendingRequest>();
  readonly #addr: string;
  #nextOpaque = 0;
  #earliestDeadlineMs = Number.POSITIVE_INFINITY;

  constructor(addr: string) {
    this.#addr = addr;
  }

  get size(): number {
    return this.#requests.size;
  }

  /** No request times out before this moment; later it may be early (its request was answered), never late. */
  get earliestDeadlineMs(): number {
    return this.#earliestDeadlineMs;
  }

  /** An opaque that no waiting request has. */
  nextOpaque(): number {
    do {
      this.#nextOpaque = (this.#nextOpaque + 1) & 0x7fffffff;
    } while (this.#requests.has(this.#nextOpaque));
    return this.#nextOpaque;
  }

  add(opaque: number, code: number, handler: ResponseHandler, context: unknown, nowMs: number, timeoutMs: number): void {
    const deadlineMs = nowMs + timeoutMs;
    this.#requests.set(opaque, { code, handler, context, sentMs: nowMs, deadlineMs });
    if (deadlineMs < this.#earliestDeadlineMs) {
      this.#earliestDeadlineMs = deadlineMs;
    }
  }

  /** Hands a response to its request; false when none waits for it (it timed out, or the peer made it up). */
  complete(response: RemotingCommand): boolean {
    const request = this.#requests.get(response.opaque);
    if (request === undefined) {
      return false;
    }
    this.#requests.delete(response.opaque);
    request.handler.onResponse(response, request.context);
    return true;
  }

  /**
   * Fails what is due.
   * @returns the earliest moment a failed request was sent, Infinity when none failed.
   */
  expire(nowMs: number): number {
    if (nowMs < this.#earliestDeadlineMs) {
      return Number.POSITIVE_INFINITY;
    }
    let earliest = Number.POSITIVE_INFINITY;
    let sentMs = Number.POSITIVE_INFINITY;
    const due: PendingRequest[] = [];
    for (const [opaque, request] of this.#requests) {
      if (request.deadlineMs <= nowMs) {
        this.#requests.delete(opaque);
        due.push(request);
        sentMs = Math.min(sentMs, request.sentMs);
      } else if (request.deadlineMs < earliest) {
        earliest = request.deadlineMs;
      }
    }
    this.#earliestDeadlineMs = earliest;
    for (const request of due) {
      const waitedMs = Math.round(request.deadlineMs - request.sentMs);
      const message = `${requestCodeName(request.code)} to ${this.#addr} had no answer after ${waitedMs} ms`;
      request.handler.onError(
        new TimeoutError(message, { context: { addr: this.#addr, code: request.code, timeoutMs: waitedMs } }),
        request.context,
      );
    }
    return sentMs;
  }

  /** Fails everything. */
  fail(reason: string, cause?: unknown, code = 'CONNECTION_CLOSED'): void {
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    this.#earliestDeadlineMs = Number.POSITIVE_INFINITY;
    for (const request of requests) {
      request.handler.onError(
        new ConnectError(reason, { code, context: { addr: this.#addr, code: request.code }, ...(cause === undefined ? {} : { cause }) }),
        request.context,
      );
    }
  }
}

interface Deferred {
  resolve(response: RemotingCommand): void;
  reject(error: MQError): void;
}

/** Handler behind `invoke`: its context is the promise's ends. */
export const promiseHandler: ResponseHandler = {
  onResponse: (response, context) => (context as Deferred).resolve(response),
  onError: (error, context) => (context as Deferred).reject(error),
};
