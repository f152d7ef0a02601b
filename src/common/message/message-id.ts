/*
 * offsetMsgId: storeHost ip (4 or 16) | port (4) | commitLogOffset (8), upper-case hex. Mirrors MessageDecoder.createMessageId.
 * UNIQ_KEY:    ip (4 or 16) | pid low 16 bits (2) | stable bytes (4) | ms since the month began (4) | counter (2), upper-case hex.
 *              Mirrors MessageClientIDSetter.
 */
import { networkInterfaces } from 'node:os';
import { type Clock, systemClock } from '../clock.js';
import { ProtocolError } from '../errors.js';
import { type HostAddress, ipToBytes } from '../host.js';
import { stringHashCode } from '../java.js';

const HEX_BYTES: readonly string[] = Array.from({ length: 256 }, (_, i) => (i < 16 ? '0' : '') + i.toString(16).toUpperCase());

function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) {
    text += HEX_BYTES[bytes[i]!];
  }
  return text;
}

function hex32(value: number): string {
  return HEX_BYTES[value >>> 24]! + HEX_BYTES[(value >>> 16) & 255]! + HEX_BYTES[(value >>> 8) & 255]! + HEX_BYTES[value & 255]!;
}

let lastHost: HostAddress | null = null;
let lastHostHex = '';

/** The broker's id of a stored message. */
export function encodeOffsetMsgId(host: HostAddress, commitLogOffset: number): string {
  // One broker encodes ids with one host object; its half of the id is kept.
  if (host !== lastHost) {
    lastHost = host;
    lastHostHex = hexOf(host.ip) + hex32(host.port);
  }
  return lastHostHex + hex32(Math.floor(commitLogOffset / 4294967296)) + hex32(commitLogOffset >>> 0);
}

/** Address and offset of an offsetMsgId; throws ProtocolError when the text cannot be one. */
export function decodeOffsetMsgId(offsetMsgId: string): { host: HostAddress; commitLogOffset: number } {
  const bytes = /^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{56})$/.test(offsetMsgId) ? Buffer.from(offsetMsgId, 'hex') : null;
  if (bytes === null) {
    throw new ProtocolError(`${offsetMsgId} is not an offsetMsgId: 32 or 56 hex digits are`);
  }
  const ipLength = bytes.length - 12;
  const commitLogOffset = Number(bytes.readBigInt64BE(ipLength + 4));
  const port = bytes.readInt32BE(ipLength);
  if (port < 0 || port > 65535 || !Number.isSafeInteger(commitLogOffset) || commitLogOffset < 0) {
    throw new ProtocolError(`${offsetMsgId} is not an offsetMsgId: port ${port} and offset ${commitLogOffset} are not possible`);
  }
  return { host: { ip: bytes.subarray(0, ipLength), port }, commitLogOffset };
}

/** First address that is neither loopback nor link-local, IPv4 before IPv6; 127.0.0.1 when there is none. */
export function localAddress(): string {
  let v6: string | null = null;
  for (const infos of Object.values(networkInterfaces())) {
    for (const info of infos ?? []) {
      if (info.internal) {
        continue;
      }
      if (info.family === 'IPv4' && !info.address.startsWith('169.254.')) {
        return info.address;
      }
      if (info.family === 'IPv6' && v6 === null && !info.address.toLowerCase().startsWith('fe80')) {
        v6 = info.address;
      }
    }
  }
  return v6 ?? '127.0.0.1';
}

function monthStart(nowMs: number): number {
  const now = new Date(nowMs);
  return new Date(now.getFullYear(), now.getMonth(), 1).getTime();
}

function nextMonthStart(nowMs: number): number {
  const now = new Date(nowMs);
  return new Date(now.getFullYear(), now.getMonth() + 1, 1).getTime();
}

/** Makes the unique ids that a producing client gives its messages. */
export class UniqKeyGenerator {
  readonly #clock: Clock;
  readonly #fixed: string;
  #counter = 0;
  #startMs = 0;
  #nextStartMs = 0;
  /** The id without the counter's low byte, for this millisecond and high byte: put together 256 times less often than ids are asked for. */
  #page = '';
  #pageMs = -1;
  #pageHigh = -1;

  /** `stable` makes two generators of one process differ; Java has the hash of a class loader there. */
  constructor(options: { ip?: string; pid?: number; stable?: number; clock?: Clock } = {}) {
    this.#clock = options.clock ?? systemClock;
    const ip = ipToBytes(options.ip ?? localAddress()) ?? Buffer.from([127, 0, 0, 1]);
    const pid = (options.pid ?? process.pid) & 0xffff;
    const stable = options.stable ?? stringHashCode(`${process.hrtime.bigint()}/${process.pid}/${generatorCount++}`);
    this.#fixed = hexOf(ip) + HEX_BYTES[pid >>> 8]! + HEX_BYTES[pid & 255]! + hex32(stable);
  }

  /** A new id: 32 characters, 56 where the own address is IPv6. */
  create(): string {
    const nowMs = this.#clock.nowMs();
    const counter = this.#counter;
    this.#counter = (counter + 1) & 0xffff;
    if (nowMs !== this.#pageMs || counter >>> 8 !== this.#pageHigh) {
      if (nowMs >= this.#nextStartMs || nowMs < this.#startMs) {
        this.#startMs = monthStart(nowMs);
        this.#nextStartMs = nextMonthStart(nowMs);
      }
      this.#pageMs = nowMs;
      this.#pageHigh = counter >>> 8;
      this.#page = this.#fixed + hex32(nowMs - this.#startMs) + HEX_BYTES[counter >>> 8]!;
    }
    return this.#page + HEX_BYTES[counter & 255]!;
  }
}

let generatorCount = 0;

/** Parts of a UNIQ_KEY; null when the text cannot be one. The time is right when the id is less than a month old. */
export function decodeUniqKey(uniqKey: string, nowMs: number): { ip: Buffer; pid: number; timestampMs: number; counter: number } | null {
  if (!/^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{56})$/.test(uniqKey)) {
    return null;
  }
  const bytes = Buffer.from(uniqKey, 'hex');
  const ipLength = bytes.length - 12;
  const sinceMonthStart = bytes.readUInt32BE(ipLength + 6);
  let timestampMs = monthStart(nowMs) + sinceMonthStart;
  if (timestampMs > nowMs) {
    const before = new Date(nowMs);
    timestampMs = new Date(before.getFullYear(), before.getMonth() - 1, 1).getTime() + sinceMonthStart;
  }
  return { ip: bytes.subarray(0, ipLength), pid: bytes.readUInt16BE(ipLength), timestampMs, counter: bytes.readUInt16BE(ipLength + 10) };
}
