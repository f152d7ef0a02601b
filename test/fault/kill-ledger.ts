import { createHash } from 'node:crypto';
import type { SendResult } from '../../src/client/types.js';
import { decompressBody } from '../../src/common/compression.js';
import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import type { MessageRecord } from '../../src/common/message/record.js';

/** One message that a producer handed to the client, and what became of it. */
export interface Sent {
  id: string;
  hash: string;
  startedAt: number;
  endedAt: number;
  result: SendResult | null;
}

/** A span of monotonic ms in which a broker was killed. */
export interface Kill {
  from: number;
  to: number;
}

/** All sends of a test and all records that were found afterwards; says what does not fit. */
export class Ledger {
  readonly #sent = new Map<string, Sent>();
  readonly #found = new Map<string, MessageRecord[]>();
  readonly kills: Kill[] = [];

  get acknowledged(): number {
    return [...this.#sent.values()].filter(({ result }) => result !== null).length;
  }

  get sentCount(): number {
    return this.#sent.size;
  }

  /** Distinct messages that were found. */
  get storedIds(): Set<string> {
    return new Set(this.#found.keys());
  }

  /** Messages stored more than once. */
  get duplicates(): number {
    return [...this.#found.values()].filter((records) => records.length > 1).length;
  }

  begin(id: string, body: Buffer): Sent {
    const sent: Sent = { id, hash: hashOf(body), startedAt: performance.now(), endedAt: Number.POSITIVE_INFINITY, result: null };
    this.#sent.set(id, sent);
    return sent;
  }

  /** Notes a record that a pull returned; complains about one that nobody sent or whose bytes changed. */
  find(record: MessageRecord): string | null {
    const body = (record.sysFlag & 1) === 0 ? record.body : decompressBody(record.body, record.sysFlag);
    const id = idOf(body);
    const place = `${record.topic}/${record.queueId} at ${record.queueOffset}`;
    const sent = this.#sent.get(id);
    if (sent === undefined) return `${place} holds a message that nobody sent: ${id}`;
    if (sent.hash !== hashOf(body)) return `${place}: the bytes of ${id} changed`;
    this.#found.set(id, [...(this.#found.get(id) ?? []), { ...record, body: EMPTY }]);
    return null;
  }

  /** Every acknowledged message exactly once and where the broker said; every other one at most once. */
  problemsWithoutRetries(): string[] {
    const problems: string[] = [];
    for (const { id, result } of this.#sent.values()) {
      const records = this.#found.get(id) ?? [];
      if (records.length > 1) problems.push(`${id} is stored ${records.length} times`);
      if (result === null) continue;
      const expected = `queue ${result.messageQueue.queueId} offset ${result.queueOffset}`;
      const places = records.map((record) => `queue ${record.queueId} offset ${record.queueOffset}`);
      if (places.length === 0) problems.push(`${id} was acknowledged at ${expected} and is lost`);
      else if (!places.includes(expected)) problems.push(`${id} was acknowledged at ${expected} and is at ${places.join(', ')}`);
    }
    return problems;
  }

  /** Every acknowledged message at least once; copies share the UNIQ_KEY and belong to a send that a kill interrupted. */
  problemsWithRetries(): string[] {
    const problems: string[] = [];
    for (const sent of this.#sent.values()) {
      const records = this.#found.get(sent.id) ?? [];
      if (sent.result !== null && records.length === 0) problems.push(`${sent.id} was acknowledged and is lost`);
      if (records.length < 2) continue;
      const keys = new Set(records.map((record) => getProperty(record.properties, MessageConst.UNIQ_KEY)));
      if (keys.size !== 1) problems.push(`the ${records.length} copies of ${sent.id} have the keys ${[...keys].join(', ')}`);
      if (sent.result !== null && !keys.has(sent.result.msgId))
        problems.push(`${sent.id} has another key than its send: ${sent.result.msgId}`);
      const kills = this.kills.filter(({ from, to }) => sent.startedAt <= to && sent.endedAt >= from).length;
      const tookMs = sent.endedAt - sent.startedAt;
      // On a disk that stalls, a time-out ends an attempt, or the silent connection and with it attempts of others: no answer either.
      const timeouts = tookMs >= SILENCE_MS - TIMEOUT_SLACK_MS ? 1 : 0;
      if (records.length > 1 + kills + timeouts) {
        const outcome = sent.result?.sendStatus ?? 'no answer';
        problems.push(`${sent.id} is stored ${records.length} times, but ${kills} kills fell into its send (${tookMs} ms, ${outcome})`);
      }
    }
    return problems;
  }
}

const EMPTY = Buffer.alloc(0);
/** Budget of one send with all its attempts. */
export const SEND_TIMEOUT_MS = 5000;
/** Shortest time-out of a request, a heartbeat's: a connection that was silent for so long is closed. */
const SILENCE_MS = 3000;
const TIMEOUT_SLACK_MS = 100;

function hashOf(body: Buffer): string {
  return createHash('sha1').update(body).digest('base64');
}

/** The body begins with the id and a colon. */
export function idOf(body: Buffer): string {
  return body.subarray(0, body.indexOf(':')).toString('latin1');
}
