import { connect, type Socket } from 'node:net';
import type { Random } from '../../src/common/clock.js';
import { RemotingClient } from '../../src/remoting/client.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { encodeCommand, FrameDecoder } from '../../src/remoting/frame.js';
import { type GeneratedFrame, generateFrame, PING_CODE } from './malformed-frames.js';

/** Opaque of the request that shows whether the connection still works. */
const PING_OPAQUE = 0x7f000001;
/** A server that does neither answer nor close within this has failed. */
const VERDICT_MS = 10_000;

/** A connection for bad bytes, opened anew when the server has closed it. */
class Attacker {
  readonly #port: number;
  #socket: Socket | null = null;
  #frames: RemotingCommand[] = [];
  #settle: (() => void) | null = null;
  connections = 0;

  constructor(port: number) {
    this.#port = port;
  }

  async #open(): Promise<Socket> {
    if (this.#socket !== null && !this.#socket.destroyed) {
      return this.#socket;
    }
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    this.connections++;
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) => {
      decoder.push(chunk, { onFrame: (frame) => this.#frames.push(frame) });
      if (this.#frames.some((frame) => frame.opaque === PING_OPAQUE)) {
        this.#settle?.();
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => this.#settle?.());
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
    this.#socket = socket;
    return socket;
  }

  /** Sends a frame and says what came of it. */
  async send(frame: GeneratedFrame): Promise<{ closed: boolean; answer: RemotingCommand | null }> {
    const socket = await this.#open();
    this.#frames = [];
    if (frame.partial) {
      socket.write(frame.bytes);
      socket.end();
      await new Promise<void>((resolve) => {
        socket.once('close', () => resolve());
        socket.resume();
      });
      return { closed: true, answer: this.#frames[0] ?? null };
    }
    const settled = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${frame.kind}: neither answer nor close in ${VERDICT_MS} ms`)), VERDICT_MS);
      this.#settle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    socket.write(frame.bytes);
    socket.write(
      encodeCommand({
        code: PING_CODE,
        language: 'JAVA',
        version: 479,
        opaque: PING_OPAQUE,
        flag: 0,
        remark: null,
        extFields: null,
        serializeType: 0,
        body: null,
      }),
    );
    await settled;
    this.#settle = null;
    const closed = socket.destroyed || socket.readyState !== 'open';
    return { closed, answer: this.#frames.find((answer) => answer.opaque === frame.opaque) ?? null };
  }

  close(): Promise<void> {
    const socket = this.#socket;
    if (socket === null || socket.closed) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.destroy();
    });
  }
}

function verdict(frame: GeneratedFrame, outcome: { closed: boolean; answer: RemotingCommand | null }): string | null {
  const { closed, answer } = outcome;
  const saw = `${closed ? 'closed' : 'open'}, ${answer === null ? 'no answer' : `answer ${answer.code} ${answer.remark}`}`;
  const fine =
    frame.expect === 'any' ||
    (frame.expect === 'close' && closed && answer === null) ||
    (frame.expect === 'error' && (closed || (answer !== null && answer.code !== 0))) ||
    (frame.expect === 'none' && (frame.partial || !closed) && answer === null);
  return fine ? null : `${frame.kind}: expected ${frame.expect}, saw ${saw}; ${frame.bytes.subarray(0, 120).toString('hex')}`;
}

export interface MalformedRun {
  frames: number;
  /** Connections the bad bytes needed: one more for each close. */
  connections: number;
  /** What went other than expected; empty is good. */
  failures: string[];
  /** Requests of a well-behaved client beside, and how many of them failed. */
  bystanderRequests: number;
  bystanderFailures: number;
}

/** Sends generated frames one after another, while another client asks something right all the time. */
export async function runMalformedFrames(options: {
  port: number;
  count: number;
  random: Random;
  /** Sends a request that must succeed. */
  bystander: (client: RemotingClient, addr: string) => Promise<boolean>;
}): Promise<MalformedRun> {
  const addr = `127.0.0.1:${options.port}`;
  const attacker = new Attacker(options.port);
  const client = new RemotingClient();
  const run: MalformedRun = { frames: 0, connections: 0, failures: [], bystanderRequests: 0, bystanderFailures: 0 };
  let stop = false;
  const bystander = (async () => {
    while (!stop) {
      run.bystanderRequests++;
      if (!(await options.bystander(client, addr).catch(() => false))) {
        run.bystanderFailures++;
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  try {
    while (run.frames < options.count && run.failures.length < 20) {
      run.frames++;
      const frame = generateFrame(options.random);
      const failure = verdict(frame, await attacker.send(frame));
      if (failure !== null) {
        run.failures.push(failure);
      }
    }
  } finally {
    stop = true;
    await bystander;
    run.connections = attacker.connections;
    await attacker.close();
    await client.close();
  }
  return run;
}
