import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import { ConnectError, ProtocolError } from '../../common/errors.js';
import { formatHostPort } from '../../common/host.js';
import { MAX_WORKER_CONNECTIONS, MAX_WORKER_REQUEST_BYTES } from '../../common/limits.js';
import { mqkitVersion } from '../version.js';
import { checkJob } from './check-job.js';
import { ChildWorker } from './child-worker.js';
import {
  BEAT_MS,
  type FromWorker,
  SILENCE_MS,
  toWire,
  WORKER_PROTOCOL,
  type WorkerHello,
  type WorkerJob,
  type WorkerRefusal,
} from './protocol.js';

export interface WorkerServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Who does not know it is refused. */
  readonly token: string;
  /** What happens, for the reader of the worker's output. */
  readonly onEvent?: (text: string) => void;
  /** A coordinator that was not heard of for so long is gone. */
  readonly silenceMs?: number;
}

/** The run that goes on; a worker does one at a time. */
interface ServedRun {
  readonly id: string;
  readonly child: ChildWorker;
  heardMs: number;
}

/**
 * Does parts of loads for coordinators on other machines. Each part has a process of its own.
 *
 * | request | answer |
 * | --- | --- |
 * | GET /v1/hello | {@link WorkerHello} |
 * | GET /v1/clock | `{ nowMs }` |
 * | POST /v1/runs `{ protocol, mqkit, job }` | lines of JSON, the run's id first and then {@link FromWorker}, until the run is over |
 * | POST /v1/runs/ID/start, stop, beat | 204 |
 */
export class WorkerServer {
  readonly #options: WorkerServerOptions;
  readonly #server: http.Server;
  readonly #tokenHash: Buffer;
  /** Also while the process of a run that is over ends. */
  #run: ServedRun | null = null;

  private constructor(options: WorkerServerOptions) {
    this.#options = options;
    this.#tokenHash = hashOf(options.token);
    this.#server = http.createServer(
      {
        headersTimeout: REQUEST_LIMIT_MS,
        requestTimeout: REQUEST_LIMIT_MS,
        keepAliveTimeout: REQUEST_LIMIT_MS,
        maxHeaderSize: MAX_HEAD_BYTES,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = MAX_WORKER_CONNECTIONS;
    this.#server.on('clientError', (_, socket) => {
      if (socket.writable) {
        socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      } else {
        socket.destroy();
      }
    });
  }

  /** @throws ConnectError when the address cannot be listened at */
  static async start(options: WorkerServerOptions): Promise<WorkerServer> {
    const server = new WorkerServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', (error) =>
        reject(new ConnectError(`cannot listen at ${formatHostPort(options.host, options.port)}: ${error.message}`, { cause: error })),
      );
      server.#server.listen(options.port, options.host, resolve);
    });
    return server;
  }

  /** `host:port` that it listens at. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return formatHostPort(address, port);
  }

  /** Ends the run that goes on, and the server. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await this.#run?.child.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    try {
      if (!this.#knowsToken(request)) {
        this.#options.onEvent?.(`refused ${request.socket.remoteAddress}: wrong or missing token`);
        refuse(response, 401, { code: 'WRONG_TOKEN', message: 'the token is wrong or missing' });
        return;
      }
      const route = `${request.method} ${request.url}`;
      const [, id, order] = /^POST \/v1\/runs\/([\w-]+)\/(start|stop|beat)$/.exec(route) ?? [];
      if (route === 'GET /v1/hello') {
        send(response, 200, this.#hello());
      } else if (route === 'GET /v1/clock') {
        send(response, 200, { nowMs: performance.timeOrigin + performance.now() });
      } else if (route === 'POST /v1/runs') {
        await this.#open(request, response);
      } else if (id !== undefined && order !== undefined) {
        this.#order(id, order, response);
      } else {
        refuse(response, 404, { code: 'UNKNOWN_REQUEST', message: `no such request: ${route.slice(0, 100)}` });
      }
    } catch (error) {
      const { code, message } = toWire(error);
      refuse(response, code === TOO_LARGE ? 413 : 400, { code, message });
    }
  }

  #knowsToken(request: http.IncomingMessage): boolean {
    const [scheme, token] = (request.headers.authorization ?? '').split(' ', 2);
    return timingSafeEqual(hashOf(token ?? ''), this.#tokenHash) && scheme === 'Bearer';
  }

  #hello(): WorkerHello {
    return { protocol: WORKER_PROTOCOL, mqkit: mqkitVersion(), host: os.hostname(), cores: os.cpus().length, busy: this.#run !== null };
  }

  async #open(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { protocol, mqkit, job } = (await readJson(request)) as { protocol?: unknown; mqkit?: unknown; job?: unknown };
    const { protocol: ownProtocol, mqkit: ownVersion } = this.#hello();
    if (protocol !== ownProtocol || mqkit !== ownVersion) {
      const message = `the worker is mqkit ${ownVersion} (${ownProtocol}), the coordinator ${String(mqkit)} (${String(protocol)})`;
      refuse(response, 409, { code: 'VERSION_MISMATCH', message });
      return;
    }
    const checked = checkJob(job);
    if (this.#run !== null) {
      refuse(response, 409, { code: 'WORKER_BUSY', message: 'the worker does another run' });
      return;
    }
    this.#serve(checked, { response, from: request.socket.remoteAddress ?? '?' });
  }

  #serve(job: WorkerJob, { response, from }: { response: http.ServerResponse; from: string }): void {
    const say = (message: FromWorker | { type: 'opened'; run: string }): void => {
      if (response.writable) {
        response.write(`${JSON.stringify(message)}\n`);
      }
    };
    const child = new ChildWorker({ name: 'process', job, onProgress: (snapshot) => say({ type: 'progress', snapshot }) });
    const run: ServedRun = { id: randomUUID(), child, heardMs: performance.now() };
    this.#run = run;
    this.#options.onEvent?.(
      `run ${run.id.slice(0, 8)} of ${from}: ${job.kind} on topic ${job.options.topic} at ${job.options.namesrvAddr}`,
    );
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    say({ type: 'opened', run: run.id });
    const beat = setInterval(() => {
      say({ type: 'beat' });
      if (performance.now() - run.heardMs > (this.#options.silenceMs ?? SILENCE_MS)) {
        response.destroy();
      }
    }, BEAT_MS);
    let isOver = false;
    const end = (how: string): void => {
      if (!isOver) {
        isOver = true;
        clearInterval(beat);
        void child.close().then(() => {
          this.#run = null;
          this.#options.onEvent?.(`run ${run.id.slice(0, 8)} ${how}`);
          response.end();
        });
      }
    };
    response.once('close', () => end('was left by its coordinator: its load is ended'));
    child.ready.then(() => say({ type: 'ready' })).catch(() => undefined);
    child.result
      .then((outcome) => {
        say({ type: 'result', ...outcome });
        end('is over');
      })
      .catch((error: unknown) => {
        say({ type: 'failed', error: toWire(error) });
        end(`failed: ${toWire(error).message}`);
      });
  }

  #order(id: string, order: string, response: http.ServerResponse): void {
    const run = this.#run;
    if (run === null || run.id !== id) {
      refuse(response, 404, { code: 'UNKNOWN_RUN', message: 'no such run, or it is over' });
      return;
    }
    run.heardMs = performance.now();
    if (order === 'start') {
      run.child.start();
    } else if (order === 'stop') {
      run.child.stop();
    }
    response.writeHead(204).end();
  }
}

const REQUEST_LIMIT_MS = 5000;
const TOO_LARGE = 'REQUEST_TOO_LARGE';
const MAX_HEAD_BYTES = 8 * 1024;

/** Hashes are of one length, so that a comparison takes the same time for all. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function send(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** What the rest of the request says is of no interest any more. */
function refuse(response: http.ServerResponse, status: number, refusal: WorkerRefusal): void {
  if (!response.headersSent) {
    response.setHeader('connection', 'close');
    send(response, status, refusal);
  }
}

/** @throws MQError for a body that is too long or no object of JSON; the request itself stays open for the answer */
async function readJson(request: http.IncomingMessage): Promise<object> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  checkLength(Number(request.headers['content-length'] ?? 0));
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    checkLength(bytes);
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new ProtocolError('the request is no JSON', { code: 'BAD_REQUEST', cause: error });
  }
  if (typeof value !== 'object' || value === null) {
    throw new ProtocolError('the request is no object', { code: 'BAD_REQUEST' });
  }
  return value;
}

function checkLength(bytes: number): void {
  if (bytes > MAX_WORKER_REQUEST_BYTES) {
    throw new ProtocolError(`a request has at most ${MAX_WORKER_REQUEST_BYTES} bytes`, { code: TOO_LARGE });
  }
}
