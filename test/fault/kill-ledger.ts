import { createHash } from 'node:crypto';
import type { SendResult } from '../../src/client/types.js';
import { decompressBody } from '../../src/common/compression.js';
import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import type { MessageRecord } from '../../src/common/message/record.js';

/** What the ledger needs of the answer to a send. */
export type Acknowledgement = Pick<SendResult, 'sendStatus' | 'msgId' | 'messageQueue' | 'queueOffset'>;

/** One message that a producer handed to the client, and what became of it. */
export interface Sent {
  id: string;
  hash: string;
  /** Wall clock of the call, ms. */
  bornMs: number;
  /** Attempts of its producer that ended without an answer while it was under way: each may have been stored. */
  unanswered: number;
  result: Acknowledgement | null;
}

/** One end of a broker. */
export interface Kill {
  /** When the process was gone, ms. */
  wallMs: number;
}

const EMPTY = Buffer.alloc(0);
/** Budget of one send with all its attempts. */
export const SEND_TIMEOUT_MS = 5000;
/** All sends of one kind and all records that were found afterwards; says what does not fit. */
export class Ledger {
  readonly #sent = new Map<string, Sent>();
  readonly #found = new Map<string, MessageRecord[]>();
  readonly #kills: readonly Kill[];

  /** @param kills all kills of the test, also those to come */
  constructor(kills: readonly Kill[]) {
    this.#kills = kills;
  }

  get acknowledged(): number {
    return this.acknowledgedSends().length;
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

  acknowledgedSends(): Sent[] {
    return [...this.#sent.values()].filter(({ result }) => result !== null);
  }

  sends(): Iterable<Sent> {
    return this.#sent.values();
  }

  begin(id: string, body: Buffer): Sent {
    const sent: Sent = {
      id,
      hash: hashOf(body),
      bornMs: Date.now(),
      unanswered: 0,
      result: null,
    };
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

  /** Places where a message was found. */
  found(id: string): readonly MessageRecord[] {
    return this.#found.get(id) ?? [];
  }

  /** Every acknowledged message exactly once and where the broker said; every other one at most once. */
  problemsWithoutRetries(): string[] {
    const problems: string[] = [];
    for (const { id, result } of this.#sent.values()) {
      const records = this.found(id);
      if (records.length > 1) problems.push(`${id} is stored ${records.length} times`);
      if (result === null) continue;
      const expected = `queue ${result.messageQueue.queueId} offset ${result.queueOffset}`;
      const places = records.map((record) => `queue ${record.queueId} offset ${record.queueOffset}`);
      if (places.length === 0) problems.push(`${id} was acknowledged at ${expected} and is lost`);
      else if (!places.includes(expected)) problems.push(`${id} was acknowledged at ${expected} and is at ${places.join(', ')}`);
    }
    return problems;
  }

  /** Every acknowledged message at least once; copies share the UNIQ_KEY, and each belongs to an attempt without an answer. */
  problemsWithRetries(): string[] {
    const problems: string[] = [];
    for (const sent of this.#sent.values()) {
      const records = this.found(sent.id);
      if (sent.result !== null && records.length === 0) problems.push(`${sent.id} was acknowledged and is lost`);
      if (records.length < 2) continue;
      const keys = new Set(records.map((record) => getProperty(record.properties, MessageConst.UNIQ_KEY)));
      if (keys.size !== 1) problems.push(`the ${records.length} copies of ${sent.id} have the keys ${[...keys].join(', ')}`);
      if (sent.result !== null && !keys.has(sent.result.msgId))
        problems.push(`${sent.id} has another key than its send: ${sent.result.msgId}`);
      if (records.length > 1 + sent.unanswered) {
        const outcome = sent.result?.sendStatus ?? 'no answer';
        problems.push(`${sent.id} is stored ${records.length} times, and ${sent.unanswered} attempts had no answer (${outcome})`);
      }
    }
    return problems;
  }

  /** What is wrong with the copies of a message that is stored first and delivered later: each but the first belongs to an attempt without an answer. */
  unexplainedCopies(sent: Sent, { retries }: { retries: boolean }): string[] {
    const unanswered = retries ? sent.unanswered : 0;
    const copies = this.found(sent.id);
    if (copies.length <= 1 + unanswered) return [];
    const places = copies
      .toSorted((a, b) => a.commitLogOffset - b.commitLogOffset)
      .map((at) => `queue ${at.queueId} offset ${at.queueOffset} at ${at.storeTimestamp}`);
    const kills = this.#kills.map(({ wallMs }) => wallMs).filter((wallMs) => copies.some(({ storeTimestamp }) => storeTimestamp <= wallMs));
    return [
      `${sent.id} came ${copies.length} times, and ${unanswered} attempts had no answer: ${places.join('; ')}; kills at ${kills.join(', ')}`,
    ];
  }
}

function hashOf(body: Buffer): string {
  return createHash('sha1').update(body).digest('base64');
}

/** The body begins with the id and a colon. */
export function idOf(body: Buffer): string {
  return body.subarray(0, body.indexOf(':')).toString('latin1');
}
