import { connect, type Socket } from 'node:net';
import { ConnectError, type MQError } from '../common/errors.js';
import { splitHostPort } from '../common/host.js';
import { CONNECTION_HIGH_WATER_BYTES, MAX_CLIENT_IN_FLIGHT, MAX_CLIENT_QUEUED_BYTES } from '../common/limits.js';
import {
  FLAG_ONEWAY,
  isResponse,
  type RemotingCommand,
  type RequestInit,
  requestCommand,
  responseCommand,
  type SerializeType,
} from './command.js';
import { encodeHeaderInto, encodeHeaderTextInto, FrameDecoder } from './frame.js';
import { OutQueue, type SlabPool } from './out-queue.js';
import { PendingRequests, type RequestHeaderWriter, type ResponseHandler } from './pending.js';
import type { TlsSeam } from './tls-seam.js';

/** What a connection needs from its client. */
export interface ClientHost {
  readonly trace: FrameTrace | undefined;
  readonly slabs: SlabPool;
  readonly serializeType: SerializeType;
  readonly tls: TlsSeam | undefined;
  /** Monotonic ms. */
  nowMs(): number;
  markDirty(connection: ClientConnection): void;
  onServerRequest(connection: ClientConnection, request: RemotingCommand): void;
  onOpen(connection: ClientConnection): void;
  /** `wasOpen` is false for an attempt that failed. */
  onGone(connection: ClientConnection, error: MQError, wasOpen: boolean): void;
}

/** Sees every frame of a client, and its connections: for people who look for a fault. */
export interface FrameTrace {
  /** @param ms from the attempt to the open connection */
  connected(addr: string, ms: number): void;
  /** A connection, or the attempt at one, ended without the client's wish. */
  gone(addr: string, reason: string): void;
  sent(addr: string, command: RemotingCommand, bytes: number): void;
  received(addr: string, command: RemotingCommand, bytes: number): void;
}

/** One connection to an address, from the attempt to its end; a new one is made to reconnect. */
export class ClientConnection {
  readonly addr: string;
  readonly pending: PendingRequests;
  readonly connectDeadlineMs: number;
  readonly #host: ClientHost;
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #out: OutQueue;
  readonly #connectTimeoutMs: number;
  #wire: Socket;
  #open = false;
  #closed = false;
  #dirty = false;
  #lastActiveMs: number;
  #lastReadMs: number;

  /** @param addr what the connection is called; `reachedAt` is where it goes */
  constructor(addr: string, host: ClientHost, { timeoutMs: connectTimeoutMs, reachedAt }: { timeoutMs: number; reachedAt: string }) {
    this.addr = addr;
    this.pending = new PendingRequests(addr);
    this.#host = host;
    this.#out = new OutQueue(host.slabs);
    this.#connectTimeoutMs = connectTimeoutMs;
    const nowMs = host.nowMs();
    this.#lastActiveMs = nowMs;
    this.#lastReadMs = nowMs;
    this.connectDeadlineMs = nowMs + connectTimeoutMs;
    const { host: name, port } = splitHostPort(reachedAt);
    const socket = connect({ host: name, port, noDelay: true });
    this.#socket = socket;
    this.#wire = socket;
    socket.once('connect', () => this.#onConnect());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#gone(this.#describe(error), error));
    socket.on('close', () => this.#gone(`${this.addr} closed the connection`));
  }

  get open(): boolean {
    return this.#open && !this.#closed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get lastActiveMs(): number {
    return this.#lastActiveMs;
  }

  get lastReadMs(): number {
    return this.#lastReadMs;
  }

  /** Bytes that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#out.queuedBytes + this.#wire.writableLength;
  }

  /**
   * Encodes a request; it leaves at the end of the turn, or when the connection opens.
   * @returns its deadline, monotonic ms.
   * @throws ConnectError when too much waits already; ProtocolError when the frame is too long.
   */
  send(request: RequestInit, timeoutMs: number, handler: ResponseHandler, context: unknown): number {
    this.#checkRoom();
    const opaque = this.pending.nextOpaque();
    this.#encode(requestCommand(request, opaque, 0, this.#host.serializeType));
    const nowMs = this.#host.nowMs();
    this.pending.add(opaque, request.code, handler, context, nowMs, timeoutMs);
    return nowMs + timeoutMs;
  }

  /** `send` for a caller that makes the JSON header itself. */
  sendWithHeader(
    code: number,
    writer: RequestHeaderWriter,
    body: Buffer,
    timeoutMs: number,
    handler: ResponseHandler,
    context: unknown,
  ): number {
    this.#checkRoom();
    const opaque = this.pending.nextOpaque();
    encodeHeaderTextInto(this.#out, writer.writeHeader(opaque, context), body.length);
    this.#out.append(body);
    this.#touch();
    const nowMs = this.#host.nowMs();
    this.pending.add(opaque, code, handler, context, nowMs, timeoutMs);
    return nowMs + timeoutMs;
  }

  /** Encodes a request that gets no answer. */
  sendOneway(request: RequestInit): void {
    this.#checkRoom();
    this.#encode(requestCommand(request, this.pending.nextOpaque(), FLAG_ONEWAY, this.#host.serializeType));
  }

  /** Answers a request of the server. */
  respond(request: RemotingCommand, answer: RequestInit): void {
    if (!this.#closed) {
      this.#encode(responseCommand(request, answer.code, answer.remark ?? null, answer.extFields ?? null, answer.body ?? null));
    }
  }

  /** Sends what waits; called once a turn. */
  flush(): void {
    this.#dirty = false;
    if (this.#open && !this.#closed && this.#out.flush(this.#wire) > 0) {
      this.#lastActiveMs = this.#host.nowMs();
    }
  }

  /** Ends the connection; requests that wait fail with `reason`. */
  close(reason: string, code?: string): void {
    this.#gone(reason, undefined, code);
  }

  #checkRoom(): void {
    if (this.pending.size >= MAX_CLIENT_IN_FLIGHT || this.unsentBytes > MAX_CLIENT_QUEUED_BYTES) {
      throw new ConnectError(`${this.pending.size} requests and ${this.unsentBytes} bytes wait for ${this.addr}; no more is taken`, {
        code: 'CONNECTION_OVERLOADED',
        context: { addr: this.addr, requests: this.pending.size, bytes: this.unsentBytes },
      });
    }
  }

  #encode(command: RemotingCommand): void {
    const before = this.#out.queuedBytes;
    encodeHeaderInto(this.#out, command, command.body?.length ?? 0);
    if (command.body !== null) {
      this.#out.append(command.body);
    }
    this.#host.trace?.sent(this.addr, command, this.#out.queuedBytes - before);
    this.#touch();
  }

  #touch(): void {
    if (!this.#dirty) {
      this.#dirty = true;
      this.#host.markDirty(this);
    }
  }

  #onConnect(): void {
    if (this.#closed) {
      return;
    }
    const wrapped = this.#host.tls?.wrapConnected?.(this.#socket, this.addr);
    if (wrapped !== undefined) {
      this.#wire = wrapped;
      wrapped.on('error', (error: NodeJS.ErrnoException) => this.#gone(this.#describe(error), error));
      wrapped.on('close', () => this.#gone(`${this.addr} closed the connection`));
    }
    this.#wire.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#wire.on('drain', () => this.#resume());
    this.#open = true;
    this.#lastActiveMs = this.#host.nowMs();
    this.#host.trace?.connected(this.addr, this.#lastActiveMs - (this.connectDeadlineMs - this.#connectTimeoutMs));
    this.#host.onOpen(this);
    this.flush();
  }

  #onData(chunk: Buffer): void {
    const nowMs = this.#host.nowMs();
    this.#lastActiveMs = nowMs;
    this.#lastReadMs = nowMs;
    try {
      this.#decoder.push(chunk, this);
    } catch (error) {
      this.#gone(`${this.addr} sent bytes that are no frame: ${(error as Error).message}`, error, 'PROTOCOL');
      return;
    }
    // A server that asks faster than it reads our answers is not read either.
    if (this.#wire.writableLength > CONNECTION_HIGH_WATER_BYTES && this.pending.size === 0) {
      this.#wire.pause();
    }
  }

  #resume(): void {
    if (!this.#closed && this.#wire.isPaused()) {
      this.#wire.resume();
    }
  }

  /** Called by the decoder. */
  onFrame(command: RemotingCommand, bytes: number): void {
    if (this.#closed) {
      return;
    }
    this.#host.trace?.received(this.addr, command, bytes);
    if (isResponse(command)) {
      try {
        this.pending.complete(command);
      } catch (error) {
        // A handler's own fault: it surfaces like that of any callback, and the frames behind it still count.
        queueMicrotask(() => {
          throw error;
        });
      }
    } else {
      this.#host.onServerRequest(this, command);
    }
  }

  #describe(error: NodeJS.ErrnoException): string {
    const reason = error.code === 'ECONNREFUSED' ? 'connection refused' : error.code === 'ENOTFOUND' ? 'unknown host name' : error.message;
    return this.#open ? `the connection to ${this.addr} broke: ${reason}` : `cannot connect to ${this.addr}: ${reason}`;
  }

  /** Fails the attempt when it has taken too long. */
  expireConnect(nowMs: number): void {
    if (!this.#open && !this.#closed && nowMs >= this.connectDeadlineMs) {
      this.#gone(`cannot connect to ${this.addr}: no answer in ${this.#connectTimeoutMs} ms`, undefined, 'CONNECT_FAILED');
    }
  }

  #gone(reason: string, cause?: unknown, code?: string): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    const wasOpen = this.#open;
    const errorCode = code ?? (wasOpen ? 'CONNECTION_CLOSED' : 'CONNECT_FAILED');
    this.#out.clear();
    this.#wire.destroy();
    this.#socket.destroy();
    const error = new ConnectError(reason, { code: errorCode, context: { addr: this.addr }, ...(cause === undefined ? {} : { cause }) });
    this.#host.onGone(this, error, wasOpen);
    this.pending.fail(reason, cause, errorCode);
  }
}
