import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClusterSample } from '../../client/admin/cluster-sample.js';
import { type Clock, systemClock } from '../../common/clock.js';
import { ConfigError, MQError } from '../../common/errors.js';
import { formatHostPort } from '../../common/host.js';
import { exposition } from './exporter-metrics.js';

/** How long scrapes under way may go on when the exporter ends. */
const CLOSE_LIMIT_MS = 2_000;

export interface ExporterOptions {
  /** Asks the cluster once. */
  readonly gather: () => Promise<ClusterSample>;
  /** A round so old serves further scrapes; 0 asks for each, but never twice at once. */
  readonly cacheMs: number;
  /** More values than this are worth a word. */
  readonly warnSeries: number;
  readonly version: string;
  /** Gets remarks for whoever runs it. */
  readonly note: (text: string) => void;
  readonly clock?: Clock;
}

interface Answer {
  readonly text: string;
  readonly contentType: string;
}

/** Serves the metrics of a cluster. Scrapes that come at the same time share one round of questions. */
export class Exporter {
  readonly #options: ExporterOptions;
  readonly #clock: Clock;
  readonly #server: Server;
  #running: Promise<ClusterSample> | null = null;
  #last: { sample: ClusterSample; endMs: number } | null = null;
  #gathers = 0;
  #scrapes = 0;
  #errors = 0;
  #warnAbove: number;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#warnAbove = options.warnSeries;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  get scrapes(): number {
    return this.#scrapes;
  }

  /** @returns the address bound, with the real port. */
  async listen({ host, port }: { host: string; port: number }): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const hint = error.code === 'EADDRINUSE' ? 'choose another with --listen, port 0 takes a free one' : undefined;
        reject(
          new ConfigError(`cannot listen on ${host}:${port}: ${error.message}`, { cause: error, ...(hint === undefined ? {} : { hint }) }),
        );
      });
      this.#server.listen(port, host, resolve);
    });
    const bound = this.#server.address() as AddressInfo;
    return formatHostPort(bound.address, bound.port);
  }

  /** Scrapes under way get their answers, for at most two seconds. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const limit = setTimeout(() => this.#server.closeAllConnections(), CLOSE_LIMIT_MS);
      this.#server.close(() => {
        clearTimeout(limit);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }

  /** The metrics as text. */
  async metrics(): Promise<Answer> {
    const sample = await this.#sample();
    this.#scrapes++;
    const { version } = this.#options;
    const state = { gathers: this.#gathers, scrapes: this.#scrapes, errors: this.#errors, version };
    const { text, contentType, series } = await exposition(sample, state);
    if (series > this.#warnAbove) {
      this.#options.note(`${series} values: narrow them with --topics, --groups and --exclude-system, or raise --warn-series`);
      this.#warnAbove = series * 2;
    }
    return { text, contentType };
  }

  #sample(): Promise<ClusterSample> {
    if (this.#last !== null && this.#clock.monotonicMs() - this.#last.endMs < this.#options.cacheMs) {
      return Promise.resolve(this.#last.sample);
    }
    this.#running ??= this.#gather().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #gather(): Promise<ClusterSample> {
    const sample = await this.#options.gather();
    this.#gathers++;
    for (const { facts } of sample.brokers) {
      this.#errors += facts === null ? 1 : facts.failures.length;
    }
    this.#errors += sample.namesrvs.filter(({ isUp }) => !isUp).length;
    this.#last = { sample, endMs: this.#clock.monotonicMs() };
    return sample;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0];
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        send(response, 405, 'only GET and HEAD\n');
      } else if (path === '/metrics') {
        const { text, contentType } = await this.metrics();
        send(response, 200, text, contentType);
      } else if (path === '/healthz' || path === '/-/healthy') {
        send(response, 200, 'ok\n');
      } else if (path === '/') {
        send(response, 200, '<html><body><a href="/metrics">metrics</a> <a href="/healthz">healthz</a></body></html>\n', 'text/html');
      } else {
        send(response, 404, 'not here: /metrics, /healthz\n');
      }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#options.note(error instanceof MQError ? text : ((error as Error).stack ?? text));
      send(response, 500, `${text}\n`);
    }
  }
}

function send(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}
