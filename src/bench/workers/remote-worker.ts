import http from 'node:http';
import { ConnectError, DeniedError, type MQError, ProtocolError, TimeoutError } from '../../common/errors.js';
import { splitHostPort } from '../../common/host.js';
import { MAX_WORKER_LINE_BYTES } from '../../common/limits.js';
import { type ClockOffset, round } from '../environment.js';
import type { IntervalSnapshot } from '../recorder.js';
import { mqkitVersion } from '../version.js';
import { WorkerInbox, type WorkerRun } from './inbox.js';
import { BEAT_MS, type FromWorker, SILENCE_MS, WORKER_PROTOCOL, type WorkerHello, type WorkerJob, type WorkerOutcome } from './protocol.js';

export interface RemoteWorkerOptions {
  /** `host:port` of `mqbench worker`. */
  readonly address: string;
  readonly token: string;
  readonly job: WorkerJob;
  readonly onProgress: (snapshot: IntervalSnapshot) => void;
}

const CALL_LIMIT_MS = 5000;
/** How long a worker that told its result may take until it is free for the next run. */
const END_LIMIT_MS = 2000;
/** The quickest of so many round trips says how far the clocks are apart. */
const CLOCK_ROUNDS = 8;

/** A worker at an address. It is told to begin and to end by requests of their own; all it says comes in the answer to the job. */
export class RemoteWorker implements WorkerRun {
  readonly clock: ClockOffset;
  readonly #call: WorkerCall;
  readonly #inbox: WorkerInbox;
  readonly #timer: NodeJS.Timeout;
  #runId = '';
  #answer: http.IncomingMessage | undefined;
  /** The answer's end or loss. */
  #answered: Promise<void> = Promise.resolve();
  #heardMs = performance.now();

  private constructor(call: WorkerCall, clock: ClockOffset, onProgress: RemoteWorkerOptions['onProgress']) {
    this.#call = call;
    this.clock = clock;
    this.#inbox = new WorkerInbox(onProgress);
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
  }

  /**
   * Compares versions and clocks, and hands the job over.
   * @throws MQError when the worker is not there, refuses, or is busy
   */
  static async open({ address, token, job, onProgress }: RemoteWorkerOptions): Promise<RemoteWorker> {
    const call = new WorkerCall(address, token);
    try {
      checkHello(address, (await call.json('GET', '/v1/hello')) as WorkerHello);
      const worker = new RemoteWorker(call, await measureClock(call), onProgress);
      try {
        const body = JSON.stringify({ protocol: WORKER_PROTOCOL, mqkit: mqkitVersion(), job });
        const answer = await call.request('POST', '/v1/runs', body);
        await worker.#listen(answer);
        return worker;
      } catch (error) {
        await worker.close();
        throw error;
      }
    } catch (error) {
      call.close();
      throw error;
    }
  }

  get ready(): Promise<void> {
    return this.#inbox.ready;
  }

  get result(): Promise<WorkerOutcome> {
    return this.#inbox.result;
  }

  start(): void {
    this.#order('start');
  }

  stop(): void {
    this.#order('stop');
  }

  abandon(error: MQError): void {
    this.#inbox.fail(error);
    this.#answer?.destroy();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#inbox.ended) {
      await this.#answerEnd();
    }
    // The worker ends a load whose coordinator hangs up.
    this.#answer?.destroy();
    this.#call.close();
  }

  /** Resolves when the worker is free again, or late. */
  #answerEnd(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, END_LIMIT_MS);
      void this.#answered.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #order(order: 'start' | 'stop' | 'beat'): void {
    this.#call.json('POST', `/v1/runs/${this.#runId}/${order}`).catch((error: MQError) => {
      // A missing beat shows in the silence that follows.
      if (!this.#inbox.ended && order !== 'beat') {
        this.abandon(error);
      }
    });
  }

  #beat(): void {
    if (this.#inbox.ended || this.#runId === '') {
      return;
    }
    if (performance.now() - this.#heardMs > SILENCE_MS) {
      const { address } = this.#call;
      this.abandon(new TimeoutError(`worker ${address} was not heard of for ${SILENCE_MS / 1000} s`, { code: 'WORKER_SILENT' }));
    } else {
      this.#order('beat');
    }
  }

  /** Reads the answer's lines from now on; resolves with the first. */
  #listen(answer: http.IncomingMessage): Promise<void> {
    this.#answer = answer;
    this.#answered = new Promise((resolve) => answer.once('end', resolve).once('close', resolve));
    const lost = (): void => {
      if (!this.#inbox.ended) {
        this.#inbox.fail(new ConnectError(`worker ${this.#call.address} hung up`, { code: 'WORKER_DIED' }));
      }
    };
    return new Promise((resolve, reject) => {
      const lines = new JsonLines((line) => {
        this.#heardMs = performance.now();
        const message = line as FromWorker | { type: 'opened'; run: unknown };
        if (message.type === 'opened') {
          answer.setTimeout(0);
          this.#runId = String(message.run);
          resolve();
        } else {
          this.#inbox.receive(message);
        }
      });
      answer.on('data', (chunk: Buffer) => {
        try {
          lines.push(chunk);
        } catch (error) {
          this.abandon(new ProtocolError(`worker ${this.#call.address}: ${(error as Error).message}`, { cause: error }));
        }
      });
      answer.setTimeout(CALL_LIMIT_MS, () => answer.destroy());
      answer.once('error', lost);
      answer.once('close', () => {
        lost();
        reject(new ConnectError(`worker ${this.#call.address} hung up`, { code: 'WORKER_DIED' }));
      });
    });
  }
}

/** Requests to one worker. */
class WorkerCall {
  readonly address: string;
  readonly #token: string;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 4 });

  constructor(address: string, token: string) {
    this.address = address;
    this.#token = token;
  }

  close(): void {
    this.#agent.destroy();
  }

  async json(method: string, path: string): Promise<unknown> {
    const answer = await this.request(method, path);
    const text = await textOf(answer);
    return text === '' ? undefined : this.#parse(text);
  }

  /** Resolves when the answer's head is there and says that all is well. */
  async request(method: string, path: string, body?: string): Promise<http.IncomingMessage> {
    const answer = await this.#send(method, path, body);
    const { statusCode = 0 } = answer;
    if (statusCode >= 200 && statusCode < 300) {
      return answer;
    }
    const { code, message } = (this.#parse(await textOf(answer)) ?? {}) as { code?: unknown; message?: unknown };
    throw refusal(this.address, String(code), String(message));
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new ProtocolError(`${this.address} is no mqbench worker: it answered ${JSON.stringify(text.slice(0, 60))}`, { cause: error });
    }
  }

  #send(method: string, path: string, body: string | undefined): Promise<http.IncomingMessage> {
    const { host, port } = splitHostPort(this.address);
    return new Promise((resolve, reject) => {
      const request = http.request(
        { host, port, method, path, agent: this.#agent, headers: { authorization: `Bearer ${this.#token}` }, timeout: CALL_LIMIT_MS },
        (answer) => {
          request.setTimeout(0);
          resolve(answer);
        },
      );
      request.once('timeout', () => request.destroy(new Error(`no answer within ${CALL_LIMIT_MS / 1000} s`)));
      request.once('error', (error) =>
        reject(
          new ConnectError(`worker ${this.address}: ${error.message}`, {
            code: 'WORKER_UNREACHABLE',
            hint: `start it on that machine: mqbench worker --listen ${this.address}`,
            cause: error,
          }),
        ),
      );
      request.end(body);
    });
  }
}

function refusal(address: string, code: string, message: string): MQError {
  const text = `worker ${address}: ${message}`;
  switch (code) {
    case 'WRONG_TOKEN':
      return new DeniedError(text, { code, hint: 'give the token that the worker was started with: MQBENCH_WORKER_TOKEN or --token-file' });
    case 'WORKER_BUSY':
      return new ConnectError(text, { code, hint: 'wait until it is over, or start another worker on another port' });
    case 'VERSION_MISMATCH':
      return new ProtocolError(text, { code, hint: 'use the same version of mqkit on all machines' });
    default:
      return new ProtocolError(text, { code });
  }
}

/** @throws MQError unless both sides speak of the same things */
function checkHello(address: string, hello: WorkerHello | undefined): void {
  const own = mqkitVersion();
  if (hello?.protocol !== WORKER_PROTOCOL || hello.mqkit !== own) {
    const other = `the worker is mqkit ${String(hello?.mqkit)} (${String(hello?.protocol)})`;
    throw refusal(address, 'VERSION_MISMATCH', `${other}, the coordinator ${own} (${WORKER_PROTOCOL})`);
  }
  if (hello.busy) {
    throw refusal(address, 'WORKER_BUSY', 'it does another run');
  }
}

/** As NTP does it: the worker read its clock half-way between question and answer, give or take half of the round trip. */
async function measureClock(call: WorkerCall): Promise<ClockOffset> {
  let best: ClockOffset = { offsetMs: 0, uncertaintyMs: Number.POSITIVE_INFINITY };
  for (let i = 0; i < CLOCK_ROUNDS; i++) {
    const askedMs = performance.now();
    const { nowMs } = ((await call.json('GET', '/v1/clock')) ?? {}) as { nowMs?: unknown };
    const answeredMs = performance.now();
    if (typeof nowMs !== 'number') {
      throw new ProtocolError(`worker ${call.address} does not say its time`);
    }
    const uncertaintyMs = round((answeredMs - askedMs) / 2, 3);
    if (uncertaintyMs < best.uncertaintyMs) {
      best = { offsetMs: round(nowMs - (performance.timeOrigin + (askedMs + answeredMs) / 2), 3), uncertaintyMs };
    }
  }
  return best;
}

async function textOf(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_WORKER_LINE_BYTES) {
      throw new ProtocolError('an answer is too long');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Cuts chunks into lines of JSON. */
class JsonLines {
  readonly #onLine: (value: unknown) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(onLine: (value: unknown) => void) {
    this.#onLine = onLine;
  }

  /** @throws Error for a line that is too long or no JSON */
  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([...this.#parts, chunk.subarray(from, end)]).toString();
      this.#parts = [];
      this.#bytes = 0;
      from = end + 1;
      this.#onLine(JSON.parse(line));
    }
    this.#parts.push(chunk.subarray(from));
    this.#bytes += chunk.length - from;
    if (this.#bytes > MAX_WORKER_LINE_BYTES) {
      throw new RangeError(`a line of more than ${MAX_WORKER_LINE_BYTES} bytes`);
    }
  }
}

const NEWLINE = 0x0a;
