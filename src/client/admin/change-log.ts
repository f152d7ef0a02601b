import { MQError } from '../../common/errors.js';
import type { RequestEnd, RequestObserver } from '../../remoting/client.js';
import { RequestCode, ResponseCode, requestCodeName, responseCodeName } from '../../remoting/codes.js';
import type { RequestInit } from '../../remoting/command.js';
import { isChange } from './read-only.js';

/** Different changes that are told apart; those beyond are counted only. */
const MAX_CHANGES = 1000;

/** What clients send of themselves. */
const OF_CLIENTS: ReadonlySet<number> = new Set([RequestCode.HEART_BEAT, RequestCode.UNREGISTER_CLIENT]);

/** A kind of request that changes something, at one node, and what became of it. */
export interface Change {
  /** Name of the request: `DELETE_TOPIC_IN_BROKER`. */
  readonly request: string;
  readonly target: string;
  /** What it was about, as far as the request says: `topic OrderPaid`. */
  readonly what: string;
  /** `unknown`: it left, and no answer came; `sent`: none was asked for. */
  readonly outcome: 'done' | 'failed' | 'unknown' | 'sent';
  /** How many requests of this kind. */
  readonly count: number;
  /** Why the first of them was not done. */
  readonly error?: string;
}

interface Counted {
  count: number;
  readonly change: Omit<Change, 'count'>;
}

/** Which requests of a client change something, and how each of them ended. */
export class ChangeLog {
  readonly #counted = new Map<string, Counted>();
  readonly #open = new Set<Omit<Change, 'count' | 'outcome'>>();
  #untold = 0;

  /** Sees the requests of a client. */
  readonly observe: RequestObserver = (target, request) => {
    if (!isChange(request.code) || OF_CLIENTS.has(request.code)) {
      return undefined;
    }
    const change = { request: requestCodeName(request.code), target, what: subjectOf(request) };
    this.#open.add(change);
    return (end) => {
      this.#open.delete(change);
      this.#count(endOf(change, end));
    };
  };

  /** Whether a request that changes something was sent. */
  get isEmpty(): boolean {
    return this.#counted.size === 0 && this.#open.size === 0;
  }

  /** In the order in which they ended; those that wait for their answer are unknown. */
  get changes(): readonly Change[] {
    const ended = [...this.#counted.values()].map(({ change, count }) => ({ ...change, count }));
    return [...ended, ...[...this.#open].slice(0, MAX_CHANGES).map((change) => ({ ...change, outcome: 'unknown' as const, count: 1 }))];
  }

  /** Changes of too many kinds to tell them apart. */
  get untold(): number {
    return this.#untold;
  }

  /** How many requests had an outcome. */
  count(outcome: Change['outcome']): number {
    return this.changes.reduce((sum, change) => sum + (change.outcome === outcome ? change.count : 0), 0);
  }

  #count(change: Omit<Change, 'count'>): void {
    const key = `${change.request}\n${change.target}\n${change.what}\n${change.outcome}`;
    const counted = this.#counted.get(key);
    if (counted !== undefined) {
      counted.count++;
    } else if (this.#counted.size < MAX_CHANGES) {
      this.#counted.set(key, { change, count: 1 });
    } else {
      this.#untold++;
    }
  }
}

function endOf(change: Omit<Change, 'count' | 'outcome'>, end: RequestEnd): Omit<Change, 'count'> {
  if (end === null) {
    return { ...change, outcome: 'sent' };
  }
  if (end instanceof MQError) {
    // Without a connection nothing has left; whatever else happens, it may have.
    return { ...change, outcome: end.code === 'CONNECT_FAILED' ? 'failed' : 'unknown', error: end.message };
  }
  if (end.code === ResponseCode.SUCCESS) {
    return { ...change, outcome: 'done' };
  }
  return { ...change, outcome: 'failed', error: `${end.remark?.trim() || 'no reason given'} (${responseCodeName(end.code)})` };
}

/** Fields of requests that say what they are about; passwords and other values are none of them. */
const SUBJECTS: readonly (readonly [field: string, noun: string])[] = [
  ['topic', 'topic'],
  ['b', 'topic'],
  ['group', 'group'],
  ['groupName', 'group'],
  ['consumerGroup', 'group'],
  ['queueId', 'queue'],
  ['namespace', 'namespace'],
  ['key', 'key'],
  ['username', 'user'],
  ['subject', 'subject'],
  ['accessKey', 'account'],
  ['brokerName', 'broker'],
];

/** Requests with short field names: `b` is the topic of these alone. */
const SHORT_NAMES: ReadonlySet<number> = new Set([RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE]);

function subjectOf({ code, extFields, body }: RequestInit): string {
  const named = SUBJECTS.filter(([field]) => field.length > 1 || SHORT_NAMES.has(code)).flatMap(([field, noun]) => {
    const value = extFields?.[field] ?? '';
    return value === '' ? [] : [`${noun} ${value}`];
  });
  return [...named, ...bodySubjects(code, body)].join(', ');
}

/** Bodies that name what they change. */
function bodySubjects(code: number, body: Uint8Array | null | undefined): string[] {
  if (body === null || body === undefined) {
    return [];
  }
  switch (code) {
    case RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP:
    case RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST:
      return names(body, /"groupName"\s*:\s*"([^"]*)"/g, 'group');
    case RequestCode.UPDATE_AND_CREATE_TOPIC_LIST:
      return names(body, /"topicName"\s*:\s*"([^"]*)"/g, 'topic');
    case RequestCode.UPDATE_BROKER_CONFIG:
    case RequestCode.UPDATE_NAMESRV_CONFIG:
    case RequestCode.UPDATE_CONTROLLER_CONFIG:
      return names(body, /^([^=#\s]+)=/gm, 'key');
    default:
      return [];
  }
}

function names(body: Uint8Array, pattern: RegExp, noun: string): string[] {
  return Array.from(Buffer.from(body).toString('utf8').matchAll(pattern), ([, name = '']) => `${noun} ${name}`);
}
