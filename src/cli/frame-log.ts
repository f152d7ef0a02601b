import { performance } from 'node:perf_hooks';

/** A frame as far as it is shown. */
interface Frame {
  readonly code: number;
  readonly opaque: number;
  readonly flag: number;
  readonly remark: string | null;
  readonly extFields: Readonly<Record<string, string>> | null;
  readonly body: Uint8Array | null;
}

/** Names of codes, which belong to the protocol. */
export interface CodeNames {
  request(code: number): string;
  response(code: number): string;
}

interface Waiting {
  readonly name: string;
  readonly addr: string;
  readonly opaque: number;
  readonly sentMs: number;
}

const FLAG_RESPONSE = 1;
const FLAG_ONEWAY = 2;
/** Header fields whose values are nobody's business. */
const SECRET = /signature|secret|token|passw|accesskey/i;
const MAX_VALUE = 200;

/**
 * Writes a line for each connection and each frame of a command, with times since its start, and a summary: what `--debug` shows. Bodies are
 * shown by their size, secrets as `***`.
 */
export class FrameLog {
  readonly #write: (line: string) => void;
  readonly #names: CodeNames;
  readonly #nowMs: () => number;
  readonly #beganMs: number;
  /** Requests without an answer, by address and opaque. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #addrs = new Set<string>();
  #slowest: { readonly name: string; readonly addr: string; readonly ms: number } | null = null;
  #requests = 0;
  #connections = 0;
  #sentBytes = 0;
  #receivedBytes = 0;

  constructor(write: (line: string) => void, names: CodeNames, nowMs: () => number = () => performance.now()) {
    this.#write = write;
    this.#names = names;
    this.#nowMs = nowMs;
    this.#beganMs = nowMs();
  }

  connected(addr: string, ms: number): void {
    this.#connections++;
    this.#line(addr, `connected in ${ms.toFixed(1)} ms`);
  }

  gone(addr: string, reason: string): void {
    this.#line(addr, reason);
  }

  sent(addr: string, frame: Frame, bytes: number): void {
    this.#sentBytes += bytes;
    this.#addrs.add(addr);
    const name = this.#nameOf(frame);
    if ((frame.flag & FLAG_RESPONSE) === 0) {
      this.#requests++;
      if ((frame.flag & FLAG_ONEWAY) === 0) {
        this.#waiting.set(`${addr} ${frame.opaque}`, { name, addr, opaque: frame.opaque, sentMs: this.#nowMs() });
      }
    }
    this.#line(addr, `> ${name} ${this.#details(frame, bytes)}`);
  }

  received(addr: string, frame: Frame, bytes: number): void {
    this.#receivedBytes += bytes;
    const request = (frame.flag & FLAG_RESPONSE) === 0 ? undefined : this.#take(addr, frame.opaque);
    const ms = request === undefined ? null : this.#nowMs() - request.sentMs;
    if (request !== undefined && ms !== null && ms > (this.#slowest?.ms ?? -1)) {
      this.#slowest = { name: request.name, addr, ms };
    }
    const answered = request === undefined || ms === null ? '' : ` to ${request.name} after ${ms.toFixed(1)} ms`;
    this.#line(addr, `< ${this.#nameOf(frame)}${answered} ${this.#details(frame, bytes)}`);
  }

  /** What is still without an answer, and the sums. */
  summary(): void {
    for (const { name, addr, opaque, sentMs } of this.#waiting.values()) {
      this.#line(addr, `no answer to ${name} opaque=${opaque} in ${(this.#nowMs() - sentMs).toFixed(1)} ms`);
    }
    const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
    const slowest =
      this.#slowest === null ? '' : `; slowest ${this.#slowest.name} of ${this.#slowest.addr}, ${this.#slowest.ms.toFixed(1)} ms`;
    this.#write(
      [
        `debug: ${count(this.#requests, 'request')} to ${count(this.#addrs.size, 'node')} in ${(this.#nowMs() - this.#beganMs).toFixed(1)} ms`,
        `, ${count(this.#connections, 'connection')}, ${this.#sentBytes} bytes sent, ${this.#receivedBytes} received, ${this.#waiting.size} unanswered${slowest}`,
      ].join(''),
    );
  }

  #take(addr: string, opaque: number): Waiting | undefined {
    const key = `${addr} ${opaque}`;
    const request = this.#waiting.get(key);
    this.#waiting.delete(key);
    return request;
  }

  #line(addr: string, text: string): void {
    this.#write(`debug: +${(this.#nowMs() - this.#beganMs).toFixed(1)} ms ${addr} ${text}`);
  }

  #nameOf({ code, flag }: Frame): string {
    const name = (flag & FLAG_RESPONSE) === 0 ? this.#names.request(code) : this.#names.response(code);
    return `${name}(${code})`;
  }

  #details(frame: Frame, bytes: number): string {
    const fields = Object.entries(frame.extFields ?? {}).map(([key, value]) => `${key}=${SECRET.test(key) ? '***' : shown(value)}`);
    const remark = frame.remark === null || frame.remark === '' ? [] : [`remark=${shown(frame.remark)}`];
    return [`opaque=${frame.opaque}`, `bytes=${bytes}`, `body=${frame.body?.length ?? 0}`, ...fields, ...remark].join(' ');
  }
}

/** One word on one line: in quotes where it has blanks or is empty, cut where it is long. */
function shown(value: string): string {
  const text = value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value;
  return /^[\x21-\x7e]+$/.test(text) && !text.includes('"') ? text : JSON.stringify(text);
}
