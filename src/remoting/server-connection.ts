import type { Socket } from 'node:net';
import { ConnectError } from '../common/errors.js';
import { formatHostAddress, type HostAddress, socketHostAddress } from '../common/host.js';
import {
  CONNECTION_HIGH_WATER_BYTES,
  CONNECTION_MAX_QUEUED_BYTES,
  COUNTED_UNSENT_BYTES,
  MAX_SERVER_IN_FLIGHT,
  MAX_SERVER_IN_FLIGHT_BYTES,
} from '../common/limits.js';
import {
  FLAG_ONEWAY,
  isOneway,
  isResponse,
  type RemotingCommand,
  type RequestInit,
  requestCommand,
  responseCommand,
  SERIALIZE_JSON,
  type SerializeType,
} from './command.js';
import { encodeHeaderInto, FrameDecoder, type OutSlot } from './frame.js';
import { OutQueue, type SlabPool } from './out-queue.js';
import { PendingRequests, promiseHandler } from './pending.js';

/** A connection as processors see it. */
export interface Connection {
  readonly id: number;
  /** `ip:port` of the peer. */
  readonly remoteAddr: string;
  readonly remoteHost: HostAddress;
  readonly localPort: number;
  readonly isVip: boolean;
  /** False once closed, and while more unsent bytes wait than the high-water mark. */
  readonly writable: boolean;
  readonly closed: boolean;
  /** Monotonic ms at which the bytes of the request in work were read, as exact as a turn of the event loop. */
  readonly receivedMs: number;
  attributes: Map<string, unknown>;
  /**
   * Queues a response in the request's serialize type; nothing happens for a one-way request. A body of 8 KiB or more is not copied:
   * its buffer must not change afterwards. All responses of a turn leave in one write.
   */
  respond(
    request: RemotingCommand,
    code: number,
    remark?: string | null,
    extFields?: Record<string, string> | null,
    body?: Buffer | readonly Buffer[] | null,
  ): void;
  /** Room for the response frame of `request`, of exactly `bytes`; the caller encodes it before anything else is queued. */
  reserve(bytes: number, request: RemotingCommand): OutSlot;
  /** Sends a request to the peer. */
  invoke(request: RequestInit, timeoutMs: number): Promise<RemotingCommand>;
  invokeOneway(request: RequestInit): void;
  close(reason: string): void;
}

/** What a connection needs from its server. */
export interface ConnectionHost {
  readonly slabs: SlabPool;
  readonly serializeType: SerializeType;
  /** Time of this turn, monotonic ms. */
  turnMs(): number;
  markDirty(connection: ServerConnection): void;
  onRequest(connection: ServerConnection, request: RemotingCommand): void;
  onUnmatchedResponse(): void;
  onBadFrame(connection: ServerConnection, error: Error): void;
  onGone(connection: ServerConnection, reason: string): void;
  armDeadlines(deadlineMs: number): void;
  onFrameOut(): void;
  onBytesIn(bytes: number): void;
  onBytesOut(bytes: number): void;
  /** The backlog of a connection grew or shrank by so many bytes. */
  onBacklog(bytes: number): void;
}

/** Bytes a waiting request is counted with: its body, and a flat estimate of its header. */
function requestBytes(request: RemotingCommand): number {
  return 512 + (request.body === null ? 0 : request.body.length);
}

export class ServerConnection implements Connection {
  readonly id: number;
  readonly remoteAddr: string;
  readonly remoteHost: HostAddress;
  readonly localPort: number;
  readonly isVip: boolean;
  readonly attributes = new Map<string, unknown>();
  readonly pending: PendingRequests;
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #out: OutQueue;
  #closed = false;
  #paused = false;
  #dirty = false;
  #inFlight = 0;
  #inFlightBytes = 0;
  #lastActiveMs: number;
  #receivedMs: number;
  #backlogBytes = 0;
  #backlogSinceMs = 0;

  constructor(options: { id: number; socket: Socket; isVip: boolean; host: ConnectionHost }) {
    const { socket, host } = options;
    this.id = options.id;
    this.isVip = options.isVip;
    this.remoteHost = socketHostAddress(socket.remoteAddress, socket.remotePort);
    this.remoteAddr = formatHostAddress(this.remoteHost);
    this.localPort = socket.localPort ?? 0;
    this.pending = new PendingRequests(this.remoteAddr);
    this.#host = host;
    this.#socket = socket;
    this.#out = new OutQueue(host.slabs);
    this.#lastActiveMs = host.turnMs();
    this.#receivedMs = this.#lastActiveMs;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => {
      this.#countBacklog(this.#socket.writableLength);
      this.#resumeIfDrained();
    });
    socket.on('error', (error) => this.#gone(`socket error: ${error.message}`));
    socket.on('end', () => this.#gone('closed by the peer'));
    socket.on('close', () => this.#gone('closed'));
  }

  get closed(): boolean {
    return this.#closed;
  }

  get writable(): boolean {
    return !this.#closed && this.unsentBytes <= CONNECTION_HIGH_WATER_BYTES;
  }

  /** Bytes that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#out.queuedBytes + this.#socket.writableLength;
  }

  /** Bytes of answers that wait for the end of the turn. */
  get queuedBytes(): number {
    return this.#out.queuedBytes;
  }

  /** Since when the peer has not read everything, monotonic ms; infinite while it keeps up. */
  get backlogSinceMs(): number {
    return this.#backlogBytes > 0 ? this.#backlogSinceMs : Number.POSITIVE_INFINITY;
  }

  /** Requests without an answer. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get lastActiveMs(): number {
    return this.#lastActiveMs;
  }

  get receivedMs(): number {
    return this.#receivedMs;
  }

  respond(
    request: RemotingCommand,
    code: number,
    remark: string | null = null,
    extFields: Record<string, string> | null = null,
    body: Buffer | readonly Buffer[] | null = null,
  ): void {
    if (isOneway(request)) {
      return;
    }
    if (this.#closed) {
      return;
    }
    const response = responseCommand(request, code, remark, extFields);
    if (body === null || Buffer.isBuffer(body)) {
      encodeHeaderInto(this.#out, response, body === null ? 0 : (body as Buffer).length);
      if (body !== null) {
        this.#out.append(body as Buffer);
      }
    } else {
      let bodyBytes = 0;
      for (const part of body) {
        bodyBytes += part.length;
      }
      encodeHeaderInto(this.#out, response, bodyBytes);
      for (const part of body) {
        this.#out.append(part);
      }
    }
    this.#answered(requestBytes(request));
    this.#queued();
  }

  reserve(bytes: number, request: RemotingCommand): OutSlot {
    this.#answered(requestBytes(request));
    const slot = this.#out.reserve(bytes);
    this.#queued();
    return slot;
  }

  invoke(request: RequestInit, timeoutMs: number): Promise<RemotingCommand> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new ConnectError(`the connection of ${this.remoteAddr} is closed`, { code: 'CONNECTION_CLOSED' }));
        return;
      }
      const opaque = this.pending.nextOpaque();
      const nowMs = this.#host.turnMs();
      this.pending.add(opaque, request.code, promiseHandler, { resolve, reject }, nowMs, timeoutMs);
      this.#host.armDeadlines(nowMs + timeoutMs);
      this.#send(requestCommand(request, opaque, 0, this.#host.serializeType));
    });
  }

  invokeOneway(request: RequestInit): void {
    if (!this.#closed) {
      this.#send(requestCommand(request, this.pending.nextOpaque(), FLAG_ONEWAY, this.#host.serializeType));
    }
  }

  close(reason: string): void {
    this.#gone(reason);
  }

  /** Sends what waits, and takes the connection off the server's list; called once a turn. */
  endTurn(): void {
    this.#dirty = false;
    this.flush();
  }

  /** Sends what waits. Before the end of a turn the connection stays on the server's list, for what the turn still adds. */
  flush(): void {
    if (this.#closed) {
      return;
    }
    const bytes = this.#out.flush(this.#socket);
    if (bytes > 0) {
      this.#host.onBytesOut(bytes);
      this.#lastActiveMs = this.#host.turnMs();
      this.#countBacklog(this.#socket.writableLength);
    }
    this.#checkPressure();
  }

  #send(command: RemotingCommand): void {
    encodeHeaderInto(this.#out, command, command.body?.length ?? 0);
    if (command.body !== null) {
      this.#out.append(command.body);
    }
    this.#queued();
  }

  #queued(): void {
    this.#host.onFrameOut();
    if (!this.#dirty) {
      this.#dirty = true;
      this.#host.markDirty(this);
    }
    if (this.#out.queuedBytes > CONNECTION_HIGH_WATER_BYTES && this.unsentBytes > CONNECTION_MAX_QUEUED_BYTES) {
      this.close(`more than ${CONNECTION_MAX_QUEUED_BYTES} bytes wait for the peer to read`);
    }
  }

  #answered(bytes: number): void {
    if (this.#inFlight > 0) {
      this.#inFlight--;
      this.#inFlightBytes = this.#inFlight === 0 ? 0 : Math.max(0, this.#inFlightBytes - bytes);
      if (this.#paused) {
        this.#resumeIfDrained();
      }
    }
  }

  #onData(chunk: Buffer): void {
    this.#lastActiveMs = this.#host.turnMs();
    this.#receivedMs = this.#lastActiveMs;
    this.#host.onBytesIn(chunk.length);
    let taken: number;
    try {
      taken = this.#decoder.push(chunk, this);
    } catch (error) {
      // Whatever went wrong with these bytes ends their connection, never the server.
      this.#host.onBadFrame(this, error as Error);
      this.#gone((error as Error).message);
      return;
    }
    this.#checkPressure();
    if (taken < chunk.length && !this.#closed) {
      // The socket is paused: it gives these requests again, first of all, when it is resumed.
      this.#host.onBytesIn(taken - chunk.length);
      this.#socket.unshift(chunk.subarray(taken));
    }
  }

  /** Called by the decoder. */
  onFrame(command: RemotingCommand): void {
    if (this.#closed) {
      this.#decoder.stop();
      return;
    }
    if (isResponse(command)) {
      if (!this.pending.complete(command)) {
        this.#host.onUnmatchedResponse();
      }
      return;
    }
    if (!isOneway(command)) {
      this.#inFlight++;
      this.#inFlightBytes += requestBytes(command);
    }
    this.#host.onRequest(this, command);
    if (this.#paused) {
      // One read may hold hundreds of requests for large answers: those that wait cost their own bytes only.
      this.#decoder.stop();
    }
  }

  #countBacklog(unsentBytes: number): void {
    const before = this.#backlogBytes;
    const now = unsentBytes < COUNTED_UNSENT_BYTES || this.#closed ? 0 : unsentBytes;
    if (now !== before) {
      if (before === 0) {
        this.#backlogSinceMs = this.#host.turnMs();
      }
      this.#backlogBytes = now;
      this.#host.onBacklog(now - before);
    }
  }

  #overloaded(): boolean {
    return (
      this.#socket.writableLength > CONNECTION_HIGH_WATER_BYTES ||
      this.#inFlight > MAX_SERVER_IN_FLIGHT ||
      this.#inFlightBytes > MAX_SERVER_IN_FLIGHT_BYTES
    );
  }

  #checkPressure(): void {
    if (!this.#paused && !this.#closed && this.#overloaded()) {
      this.#paused = true;
      this.#socket.pause();
    }
  }

  #resumeIfDrained(): void {
    const drained =
      this.#socket.writableLength <= CONNECTION_HIGH_WATER_BYTES / 2 &&
      this.#inFlight <= MAX_SERVER_IN_FLIGHT / 2 &&
      this.#inFlightBytes <= MAX_SERVER_IN_FLIGHT_BYTES / 2;
    if (this.#paused && !this.#closed && drained) {
      this.#paused = false;
      this.#socket.resume();
    }
  }

  #gone(reason: string): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    this.#out.clear();
    this.#countBacklog(0);
    this.#socket.destroy();
    this.pending.fail(`the connection of ${this.remoteAddr} was closed: ${reason}`);
    this.#host.onGone(this, reason);
  }
}

/** Serialize type of requests that a server sends on its own. */
export const SERVER_SERIALIZE_TYPE: SerializeType = SERIALIZE_JSON;
