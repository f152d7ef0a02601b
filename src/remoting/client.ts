import { type Clock, systemClock, systemTimers, type TimerHandle, type Timers } from '../common/clock.js';
import { ConnectError, MQError, UsageError } from '../common/errors.js';
import {
  CONNECT_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  RECONNECT_BACKOFF_MAX_MS,
  RECONNECT_BACKOFF_MIN_MS,
  REQUEST_TIMEOUT_MS,
} from '../common/limits.js';
import { type Logger, noopLogger } from '../common/logger.js';
import { type Credentials, signRequest } from './acl.js';
import { ClientConnection, type ClientHost, type FrameTrace } from './client-connection.js';
import { ResponseCode, requestCodeName } from './codes.js';
import { isOneway, type RemotingCommand, type RequestInit, SERIALIZE_JSON, type SerializeType } from './command.js';
import { DeadlineTimer } from './deadline-timer.js';
import { SlabPool } from './out-queue.js';
import { promiseHandler, type RequestHeaderWriter, type ResponseHandler } from './pending.js';
import type { TlsSeam } from './tls-seam.js';

export type { Credentials } from './acl.js';
export type { FrameTrace } from './client-connection.js';
export type { RequestHeaderWriter, ResponseHandler } from './pending.js';
export { responseError } from './response-error.js';

/** Answers a request of the server; null sends no answer. */
export type ServerRequestProcessor = (addr: string, request: RemotingCommand) => RequestInit | Promise<RequestInit | null> | null;

export interface RemotingClientOptions {
  serializeType?: SerializeType;
  connectTimeoutMs?: number;
  /** When given, every request is signed. */
  credentials?: Credentials;
  /** Header fields that every request gets. */
  extFields?: Readonly<Record<string, string>>;
  /** A connection without read and write for so long is closed. */
  idleMs?: number;
  clock?: Clock;
  timers?: Timers;
  logger?: Logger;
  tls?: TlsSeam;
  /** Sees the code of every request before it is sent, and throws an MQError when it must not be. */
  guard?: ((requestCode: number) => void) | undefined;
  /** Sees every request that goes out, and how it ends. */
  observe?: RequestObserver | undefined;
  /** Sees the frames and the connections. */
  trace?: FrameTrace | undefined;
  /** Where an address is reached from here; without it, at itself. */
  reachedAt?: ((addr: string) => string) | undefined;
}

/** How a request ended: with an answer of any code, or with what kept it from coming; null where none is asked for. */
export type RequestEnd = RemotingCommand | MQError | null;

/** Sees a request before it goes out; what it gives back is told of its end. */
export type RequestObserver = (addr: string, request: RequestInit) => ((end: RequestEnd) => void) | undefined;

interface FailedAttempt {
  untilMs: number;
  backoffMs: number;
  error: ConnectError;
}

interface OpenWaiter {
  connection: ClientConnection;
  resolve(): void;
  reject(error: MQError): void;
}

/** Sends requests over one connection an address, which is opened when needed and again after it broke. */
export class RemotingClient {
  /** Called when an open connection ends. */
  onConnectionClosed?: (addr: string) => void;
  /** Header fields that every request gets; a caller that writes headers itself adds them. */
  readonly extFields: Readonly<Record<string, string>> | null;
  readonly #connectTimeoutMs: number;
  readonly #credentials: Credentials | undefined;
  readonly #guard: RemotingClientOptions['guard'];
  readonly #observe: RemotingClientOptions['observe'];
  readonly #reachedAt: RemotingClientOptions['reachedAt'];
  readonly #idleMs: number;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #connections = new Map<string, ClientConnection>();
  readonly #failed = new Map<string, FailedAttempt>();
  readonly #processors = new Map<number, ServerRequestProcessor>();
  readonly #deadlines: DeadlineTimer;
  readonly #host: ClientHost;
  readonly #openWaiters: OpenWaiter[] = [];
  #dirty: ClientConnection[] = [];
  #flushScheduled = false;
  #idleTimer: TimerHandle | null = null;
  #closed = false;

  constructor(options: RemotingClientOptions = {}) {
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    this.#credentials = options.credentials;
    this.extFields = options.extFields ?? null;
    this.#guard = options.guard;
    this.#observe = options.observe;
    this.#reachedAt = options.reachedAt;
    this.#idleMs = options.idleMs ?? IDLE_TIMEOUT_MS;
    this.#clock = options.clock ?? systemClock;
    this.#timers = options.timers ?? systemTimers;
    this.#logger = options.logger ?? noopLogger;
    this.#deadlines = new DeadlineTimer(this.#clock, this.#timers, () => this.#expire());
    this.#host = {
      trace: options.trace,
      slabs: new SlabPool(),
      serializeType: options.serializeType ?? SERIALIZE_JSON,
      tls: options.tls,
      nowMs: () => this.#clock.monotonicMs(),
      markDirty: (connection) => this.#markDirty(connection),
      onServerRequest: (connection, request) => this.#onServerRequest(connection, request),
      onOpen: (connection) => {
        this.#failed.delete(connection.addr);
        this.#settleWaiters(connection, null);
      },
      onGone: (connection, error, wasOpen) => this.#onGone(connection, error, wasOpen),
    };
  }

  /**
   * Sends a request and gives its response, whatever its code.
   * @throws ConnectError, TimeoutError
   */
  invoke(addr: string, request: RequestInit, timeoutMs: number = REQUEST_TIMEOUT_MS): Promise<RemotingCommand> {
    return new Promise((resolve, reject) => {
      this.send(addr, request, timeoutMs, promiseHandler, { resolve, reject });
    });
  }

  /**
   * Sends a request without making anything per request but its entry in the table: the hot path of producers and load generators.
   * `handler` gets the response or the error with `context`; it is called before `send` returns when the request is refused.
   */
  send(addr: string, request: RequestInit, timeoutMs: number, handler: ResponseHandler, context: unknown): void {
    let deadlineMs: number;
    let told = handler;
    try {
      const complete = this.#complete(request);
      const onEnd = this.#observe?.(addr, request);
      if (onEnd !== undefined) {
        told = observed(handler, onEnd);
      }
      deadlineMs = this.#connection(addr).send(complete, timeoutMs, told, context);
    } catch (error) {
      told.onError(toMQError(error, addr), context);
      return;
    }
    this.#deadlines.arm(deadlineMs);
  }

  /**
   * `send` for a caller that makes the JSON header from a template. The request is neither signed nor encoded by this client's settings:
   * only for clients without credentials and without a guard; an observer sees its code alone.
   * @param code the request code in the header, for error messages.
   */
  sendWithHeader(
    addr: string,
    code: number,
    writer: RequestHeaderWriter,
    body: Buffer,
    timeoutMs: number,
    handler: ResponseHandler,
    context: unknown,
  ): void {
    let deadlineMs: number;
    const onEnd = this.#observe?.(addr, { code });
    const told = onEnd === undefined ? handler : observed(handler, onEnd);
    try {
      deadlineMs = this.#connection(addr).sendWithHeader(code, writer, body, timeoutMs, told, context);
    } catch (error) {
      told.onError(toMQError(error, addr), context);
      return;
    }
    this.#deadlines.arm(deadlineMs);
  }

  /** Sends a request that gets no answer; resolves when the connection is open and the bytes are queued on it. */
  async invokeOneway(addr: string, request: RequestInit): Promise<void> {
    const connection = this.#connection(addr);
    connection.sendOneway(this.#complete(request));
    this.#observe?.(addr, request)?.(null);
    if (!connection.open) {
      await this.#untilOpen(connection);
    }
  }

  /**
   * `invokeOneway` without a promise: the request is queued on the connection, and leaves when that is open.
   * @throws ConnectError when the address was found dead just now, or too much waits already.
   */
  sendOneway(addr: string, request: RequestInit): void {
    this.#connection(addr).sendOneway(this.#complete(request));
    this.#observe?.(addr, request)?.(null);
  }

  /** Sets who answers a kind of request that servers send; other kinds are answered with code 3. */
  registerProcessor(code: number, processor: ServerRequestProcessor): void {
    this.#processors.set(code, processor);
  }

  /** Bytes for the address that the kernel has not taken yet. */
  pendingBytes(addr: string): number {
    return this.#connections.get(addr)?.unsentBytes ?? 0;
  }

  /** Requests to the address without an answer. */
  pendingRequests(addr: string): number {
    return this.#connections.get(addr)?.pending.size ?? 0;
  }

  /** Addresses with an open connection. */
  openAddresses(): string[] {
    return [...this.#connections.values()].filter((connection) => connection.open).map((connection) => connection.addr);
  }

  /** Closes the connection to one address; the next request opens a new one. */
  closeConnection(addr: string, reason = 'closed by the caller'): void {
    this.#connections.get(addr)?.close(reason);
  }

  /** Sends what is queued and closes all connections; requests that wait fail. */
  async close(): Promise<void> {
    this.#flush();
    this.#closed = true;
    this.#deadlines.stop();
    if (this.#idleTimer !== null) {
      this.#timers.clearInterval(this.#idleTimer);
      this.#idleTimer = null;
    }
    for (const connection of [...this.#connections.values()]) {
      connection.close('the client is closed');
    }
    for (const waiter of this.#openWaiters.splice(0)) {
      waiter.reject(new ConnectError('the client is closed', { code: 'CONNECTION_CLOSED' }));
    }
  }

  /** The request with the fields of every request, signed where requests are. */
  #complete(request: RequestInit): RequestInit {
    this.#guard?.(request.code);
    const full = this.extFields === null ? request : { ...request, extFields: { ...request.extFields, ...this.extFields } };
    return this.#credentials === undefined ? full : signRequest(full, this.#credentials);
  }

  #untilOpen(connection: ClientConnection): Promise<void> {
    this.#deadlines.arm(connection.connectDeadlineMs);
    return new Promise((resolve, reject) => {
      this.#openWaiters.push({ connection, resolve, reject });
    });
  }

  #settleWaiters(connection: ClientConnection, error: MQError | null): void {
    for (let i = this.#openWaiters.length - 1; i >= 0; i--) {
      const waiter = this.#openWaiters[i]!;
      if (waiter.connection === connection) {
        this.#openWaiters.splice(i, 1);
        if (error === null) {
          waiter.resolve();
        } else {
          waiter.reject(error);
        }
      }
    }
  }

  #connection(addr: string): ClientConnection {
    const existing = this.#connections.get(addr);
    if (existing !== undefined) {
      return existing;
    }
    if (this.#closed) {
      throw new ConnectError('the client is closed', { code: 'CONNECTION_CLOSED' });
    }
    const failed = this.#failed.get(addr);
    if (failed !== undefined && this.#clock.monotonicMs() < failed.untilMs) {
      throw failed.error;
    }
    const connection = new ClientConnection(addr, this.#host, {
      timeoutMs: this.#connectTimeoutMs,
      reachedAt: this.#reachedAt?.(addr) ?? addr,
    });
    this.#connections.set(addr, connection);
    this.#deadlines.arm(connection.connectDeadlineMs);
    this.#idleTimer ??= this.#startIdleTimer();
    return connection;
  }

  #startIdleTimer(): TimerHandle {
    const handle = this.#timers.setInterval(() => this.#closeIdle(), Math.max(10, Math.min(5_000, this.#idleMs / 4)));
    if (typeof handle === 'object') {
      handle.unref();
    }
    return handle;
  }

  #markDirty(connection: ClientConnection): void {
    this.#dirty.push(connection);
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      this.#timers.setImmediate(this.#flush);
    }
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) {
      connection.flush();
    }
  };

  #onServerRequest(connection: ClientConnection, request: RemotingCommand): void {
    const processor = this.#processors.get(request.code);
    if (processor === undefined) {
      this.#answer(connection, request, {
        code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
        remark: ` request type ${request.code} not supported`,
      });
      return;
    }
    try {
      const result = processor(connection.addr, request);
      if (result instanceof Promise) {
        result.then(
          (answer) => this.#answer(connection, request, answer),
          (error: unknown) => this.#answerError(connection, request, error),
        );
      } else {
        this.#answer(connection, request, result);
      }
    } catch (error) {
      this.#answerError(connection, request, error);
    }
  }

  #answer(connection: ClientConnection, request: RemotingCommand, answer: RequestInit | null): void {
    if (answer !== null && !isOneway(request)) {
      connection.respond(request, answer);
    }
  }

  #answerError(connection: ClientConnection, request: RemotingCommand, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#logger.warn(`${requestCodeName(request.code)} from ${connection.addr} failed: ${message}`, { error });
    this.#answer(connection, request, { code: ResponseCode.SYSTEM_ERROR, remark: message });
  }

  #onGone(connection: ClientConnection, error: MQError, wasOpen: boolean): void {
    if (this.#connections.get(connection.addr) === connection) {
      this.#connections.delete(connection.addr);
    }
    if (!wasOpen && !this.#closed) {
      const before = this.#failed.get(connection.addr)?.backoffMs ?? RECONNECT_BACKOFF_MIN_MS / 2;
      const backoffMs = Math.min(RECONNECT_BACKOFF_MAX_MS, before * 2);
      this.#failed.set(connection.addr, { untilMs: this.#clock.monotonicMs() + backoffMs, backoffMs, error: error as ConnectError });
    }
    this.#settleWaiters(connection, error);
    if (!this.#closed) {
      this.#host.trace?.gone(connection.addr, error.message);
    }
    if (wasOpen && !this.#closed) {
      this.onConnectionClosed?.(connection.addr);
    }
  }

  #closeIdle(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const connection of [...this.#connections.values()]) {
      if (connection.open && nowMs - connection.lastActiveMs >= this.#idleMs) {
        connection.close(`idle for ${this.#idleMs} ms`);
      }
    }
  }

  #expire(): number {
    const nowMs = this.#clock.monotonicMs();
    let earliest = Number.POSITIVE_INFINITY;
    for (const connection of [...this.#connections.values()]) {
      connection.expireConnect(nowMs);
      const sentMs = connection.pending.expire(nowMs);
      // Nothing at all came since the request left: the peer is gone without a word, and others should not wait on it.
      if (sentMs !== Number.POSITIVE_INFINITY && connection.open && connection.lastReadMs <= sentMs) {
        connection.close(`${connection.addr} has not answered anything since a request timed out`);
      }
      if (!connection.closed) {
        earliest = Math.min(earliest, connection.pending.earliestDeadlineMs, connection.open ? earliest : connection.connectDeadlineMs);
      }
    }
    return earliest;
  }
}

function observed(handler: ResponseHandler, onEnd: (end: RequestEnd) => void): ResponseHandler {
  return {
    onResponse: (response, context) => {
      onEnd(response);
      handler.onResponse(response, context);
    },
    onError: (error, context) => {
      onEnd(error);
      handler.onError(error, context);
    },
  };
}

function toMQError(error: unknown, addr: string): MQError {
  if (error instanceof MQError) {
    return error;
  }
  return new UsageError(`the request to ${addr} cannot be encoded: ${(error as Error).message}`, { cause: error });
}
