import { createServer, type Server, type Socket } from 'node:net';
import { type Clock, systemClock, systemTimers, type TimerHandle, type Timers } from '../common/clock.js';
import { BrokerError, ConfigError, DeniedError, MQError } from '../common/errors.js';
import { EARLY_FLUSH_BYTES, IDLE_TIMEOUT_MS, MAX_CONNECTIONS, MAX_SERVER_UNSENT_BYTES } from '../common/limits.js';
import { type Logger, noopLogger } from '../common/logger.js';
import { ResponseCode, requestCodeName } from './codes.js';
import type { RemotingCommand } from './command.js';
import { DeadlineTimer } from './deadline-timer.js';
import { SlabPool } from './out-queue.js';
import { type Connection, type ConnectionHost, SERVER_SERIALIZE_TYPE, ServerConnection } from './server-connection.js';
import { connectionsWithin, openFilesLimit } from './server-limits.js';
import type { TlsSeam } from './tls-seam.js';

export type { Connection } from './server-connection.js';

/**
 * Answers one kind of request. A hot one returns nothing, and may answer later through `conn.respond`. What it throws (or rejects
 * with) is answered: BrokerError with its response code, DeniedError with 16, everything else with 1 and the message as remark.
 */
export type RequestProcessor = (conn: Connection, request: RemotingCommand) => void | Promise<void>;

export interface RemotingServerOptions {
  bindAddress: string;
  /** 0 takes a free port. */
  listenPort: number;
  /** A second port with the same processors but those registered with `vip: false`; null or absent for none. */
  vipPort?: number | null;
  idleMs?: number;
  /** When left out, as many as the process has descriptors for, up to 16,384. */
  maxConnections?: number;
  /** Files and sockets that the process may have open at once; the system's limit when left out. */
  openFiles?: number;
  /** Unsent bytes of all connections, 512 MiB when left out. */
  maxUnsentBytes?: number;
  clock?: Clock;
  timers?: Timers;
  logger?: Logger;
  tls?: TlsSeam;
  /**
   * Runs once in a turn of the event loop in which requests arrived, after all of them were processed and before anything is
   * written to a socket.
   */
  onTurnEnd?: () => void;
  /**
   * A turn that has so many requests ends early, without limit when left out: the peer works on the first answers while this side
   * works on the rest. Otherwise a client with N in flight on one connection and its server take turns, each idle half of the time.
   */
  maxTurnRequests?: number;
  onConnect?: (connection: Connection) => void;
  onClose?: (connection: Connection, reason: string) => void;
}

/** Counters of a server, from its start. */
export interface RemotingServerStats {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Connections closed because of bytes that are no frame. */
  decodeErrors: number;
  /** Responses nobody waited for. */
  unmatchedResponses: number;
  unknownCodes: number;
  processorErrors: number;
  accepted: number;
  /** Connections closed at accept because there were too many. */
  refused: number;
  idleClosed: number;
}

interface Registration {
  processor: RequestProcessor;
  vip: boolean;
}

/** Of a large request each 2 KiB count as one more towards the end of a turn: a batch of messages is the work of many sends. */
const TURN_WEIGHT_SHIFT = 11;

/** Listens, cuts frames, calls processors, and writes answers once a turn. */
export class RemotingServer {
  readonly stats: RemotingServerStats = {
    framesIn: 0,
    framesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    decodeErrors: 0,
    unmatchedResponses: 0,
    unknownCodes: 0,
    processorErrors: 0,
    accepted: 0,
    refused: 0,
    idleClosed: 0,
  };
  readonly #options: RemotingServerOptions;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #processors = new Map<number, Registration>();
  readonly #connections = new Map<number, ServerConnection>();
  readonly #host: ConnectionHost;
  readonly #deadlines: DeadlineTimer;
  readonly #servers: Server[] = [];
  #dirty: ServerConnection[] = [];
  #nextConnectionId = 1;
  /** Unsent bytes of all connections that have many. */
  #backlogBytes = 0;
  #turnScheduled = false;
  /** Requests since the last `#endTurn`. */
  #turnRequests = 0;
  #turnMs = -1;
  readonly #maxTurnRequests: number;
  readonly #maxUnsentBytes: number;
  readonly #openFiles: number;
  readonly #maxConnections: number;
  #idleTimer: TimerHandle | null = null;
  #closing = false;

  constructor(options: RemotingServerOptions) {
    this.#options = options;
    this.#maxTurnRequests = options.maxTurnRequests ?? Number.POSITIVE_INFINITY;
    this.#maxUnsentBytes = options.maxUnsentBytes ?? MAX_SERVER_UNSENT_BYTES;
    this.#openFiles = options.openFiles ?? openFilesLimit();
    this.#maxConnections = options.maxConnections ?? connectionsWithin(this.#openFiles);
    this.#clock = options.clock ?? systemClock;
    this.#timers = options.timers ?? systemTimers;
    this.#logger = options.logger ?? noopLogger;
    this.#deadlines = new DeadlineTimer(this.#clock, this.#timers, () => this.#expire());
    this.#host = this.#createHost();
  }

  /** Sets the processor of a request code; with `vip: false` the VIP port answers that the code is not supported. */
  register(code: number, processor: RequestProcessor, options: { vip?: boolean } = {}): void {
    this.#processors.set(code, { processor, vip: options.vip ?? true });
  }

  /**
   * Starts to listen.
   * @throws ConfigError when a port is taken or may not be used.
   */
  async listen(): Promise<{ listenPort: number; vipPort: number | null }> {
    const { bindAddress, vipPort } = this.#options;
    const listenPort = await this.#listenOn(bindAddress, this.#options.listenPort, false);
    let actualVipPort: number | null = null;
    if (vipPort !== undefined && vipPort !== null) {
      try {
        actualVipPort = await this.#listenOn(bindAddress, vipPort, true);
      } catch (error) {
        await this.close(0);
        throw error;
      }
    }
    if (this.#options.maxConnections === undefined && this.#maxConnections < MAX_CONNECTIONS) {
      this.#logger.warn(
        `takes at most ${this.#maxConnections} connections: the process may open ${this.#openFiles} files (ulimit -n), its own among them`,
      );
    }
    const idleMs = this.#options.idleMs ?? IDLE_TIMEOUT_MS;
    this.#idleTimer = this.#timers.setInterval(() => this.#closeIdle(idleMs), Math.max(10, Math.min(5_000, idleMs / 4)));
    return { listenPort, vipPort: actualVipPort };
  }

  connections(): Iterable<Connection> {
    return this.#connections.values();
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Stops listening, waits up to `graceMs` for open requests to be answered, and closes all connections. */
  async close(graceMs = 0): Promise<void> {
    this.#closing = true;
    if (this.#idleTimer !== null) {
      this.#timers.clearInterval(this.#idleTimer);
      this.#idleTimer = null;
    }
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    const untilMs = this.#clock.monotonicMs() + graceMs;
    while (graceMs > 0 && this.#clock.monotonicMs() < untilMs && this.#hasOpenWork()) {
      await new Promise<void>((resolve) => this.#timers.setTimeout(resolve, 10));
    }
    this.#turnEnd();
    for (const connection of [...this.#connections.values()]) {
      connection.close('the server stops');
    }
    this.#deadlines.stop();
    await Promise.all(closed);
    this.#servers.length = 0;
  }

  #hasOpenWork(): boolean {
    for (const connection of this.#connections.values()) {
      if (connection.inFlight > 0 || connection.unsentBytes > 0) {
        return true;
      }
    }
    return false;
  }

  #listenOn(host: string, port: number, isVip: boolean): Promise<number> {
    const server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => this.#accept(socket, isVip));
    return new Promise((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const reason = cause.code === 'EADDRINUSE' ? 'the port is taken' : cause.message;
        reject(
          new ConfigError(`cannot listen on ${host}:${port}: ${reason}`, {
            code: cause.code ?? 'CONFIG',
            hint: 'choose another listenPort or bindAddress, or stop what uses it',
            context: { bindAddress: host, port },
            cause,
          }),
        );
      });
      server.listen({ host, port, backlog: 1024 }, () => {
        this.#servers.push(server);
        server.removeAllListeners('error');
        server.on('error', (error) => this.#logger.warn(`listening on ${host}:${port}: ${error.message}`));
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  #accept(accepted: Socket, isVip: boolean): void {
    const most = this.#maxConnections;
    if (this.#closing || this.#connections.size >= most) {
      this.stats.refused++;
      this.#logger.warn(`refused a connection from ${accepted.remoteAddress}: ${most} connections are open`);
      accepted.destroy();
      return;
    }
    const socket = this.#options.tls?.wrapAccepted?.(accepted) ?? accepted;
    const connection = new ServerConnection({ id: this.#nextConnectionId++, socket, isVip, host: this.#host });
    this.#connections.set(connection.id, connection);
    this.stats.accepted++;
    this.#options.onConnect?.(connection);
  }

  #createHost(): ConnectionHost {
    const stats = this.stats;
    return {
      slabs: new SlabPool(),
      serializeType: SERVER_SERIALIZE_TYPE,
      turnMs: () => this.#nowThisTurn(),
      markDirty: (connection) => {
        this.#dirty.push(connection);
        this.#scheduleTurnEnd();
      },
      onRequest: (connection, request) => this.#onRequest(connection, request),
      onUnmatchedResponse: () => {
        stats.unmatchedResponses++;
      },
      onBadFrame: (connection, error) => {
        stats.decodeErrors++;
        const message = `closed the connection of ${connection.remoteAddr}: ${error.message}`;
        if (error instanceof MQError) {
          this.#logger.warn(message);
        } else {
          this.#logger.error(message, { error });
        }
      },
      onGone: (connection, reason) => this.#onGone(connection, reason),
      armDeadlines: (deadlineMs) => this.#deadlines.arm(deadlineMs),
      onBytesIn: (bytes) => {
        stats.bytesIn += bytes;
      },
      onBytesOut: (bytes) => {
        stats.bytesOut += bytes;
      },
      onBacklog: (bytes) => {
        this.#backlogBytes += bytes;
        if (bytes > 0 && this.#backlogBytes > this.#maxUnsentBytes) {
          this.#closeSlowest();
        }
      },
      onFrameOut: () => {
        stats.framesOut++;
      },
    };
  }

  /** Monotonic ms, read once a turn. */
  #nowThisTurn(): number {
    if (this.#turnMs < 0) {
      this.#turnMs = this.#clock.monotonicMs();
      this.#scheduleTurnEnd();
    }
    return this.#turnMs;
  }

  #scheduleTurnEnd(): void {
    if (!this.#turnScheduled) {
      this.#turnScheduled = true;
      this.#timers.setImmediate(this.#turnEnd);
    }
  }

  readonly #turnEnd = (): void => {
    this.#turnScheduled = false;
    this.#endTurn();
  };

  #endTurn(): void {
    if (this.#turnRequests > 0) {
      this.#turnRequests = 0;
      try {
        this.#options.onTurnEnd?.();
      } catch (error) {
        this.#logger.error(`the end of a turn failed: ${(error as Error).message}`, { error });
      }
    }
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) {
      connection.endTurn();
    }
    this.#turnMs = -1;
  }

  #onRequest(connection: ServerConnection, request: RemotingCommand): void {
    this.stats.framesIn++;
    this.#turnRequests += 1 + ((request.body?.length ?? 0) >> TURN_WEIGHT_SHIFT);
    this.#scheduleTurnEnd();
    this.#process(connection, request);
    if (connection.queuedBytes >= EARLY_FLUSH_BYTES) {
      connection.flush();
    }
    if (this.#turnRequests >= this.#maxTurnRequests) {
      this.#endTurn();
    }
  }

  #process(connection: ServerConnection, request: RemotingCommand): void {
    const registration = this.#processors.get(request.code);
    if (registration === undefined || (connection.isVip && !registration.vip)) {
      this.stats.unknownCodes++;
      connection.respond(request, ResponseCode.REQUEST_CODE_NOT_SUPPORTED, ` request type ${request.code} not supported`);
      return;
    }
    try {
      const result = registration.processor(connection, request);
      if (result !== undefined) {
        result.catch((error: unknown) => this.#answerError(connection, request, error));
      }
    } catch (error) {
      this.#answerError(connection, request, error);
    }
  }

  #answerError(connection: ServerConnection, request: RemotingCommand, error: unknown): void {
    this.stats.processorErrors++;
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof MQError) {
      this.#logger.debug(`${requestCodeName(request.code)} from ${connection.remoteAddr}: ${message}`);
    } else {
      this.#logger.error(`${requestCodeName(request.code)} from ${connection.remoteAddr} failed: ${message}`, { error });
    }
    if (error instanceof BrokerError) {
      connection.respond(request, error.responseCode, error.remark ?? message);
    } else {
      connection.respond(request, error instanceof DeniedError ? ResponseCode.NO_PERMISSION : ResponseCode.SYSTEM_ERROR, message);
    }
  }

  #onGone(connection: ServerConnection, reason: string): void {
    if (this.#connections.delete(connection.id)) {
      this.#options.onClose?.(connection, reason);
    }
  }

  #closeSlowest(): void {
    const reason = `the peers have not read ${this.#backlogBytes} bytes, this one for the longest time`;
    while (this.#backlogBytes > this.#maxUnsentBytes) {
      let slowest: ServerConnection | null = null;
      for (const connection of this.#connections.values()) {
        if (connection.backlogSinceMs < (slowest?.backlogSinceMs ?? Number.POSITIVE_INFINITY)) {
          slowest = connection;
        }
      }
      if (slowest === null) {
        return;
      }
      this.#logger.warn(`closed the connection of ${slowest.remoteAddr}: ${reason}`);
      slowest.close(reason);
    }
  }

  #closeIdle(idleMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    for (const connection of this.#connections.values()) {
      if (nowMs - connection.lastActiveMs >= idleMs) {
        this.stats.idleClosed++;
        connection.close(`idle for ${idleMs} ms`);
      }
    }
  }

  #expire(): number {
    const nowMs = this.#clock.monotonicMs();
    let earliest = Number.POSITIVE_INFINITY;
    for (const connection of this.#connections.values()) {
      connection.pending.expire(nowMs);
      earliest = Math.min(earliest, connection.pending.earliestDeadlineMs);
    }
    return earliest;
  }
}
