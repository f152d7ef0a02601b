import { MQError, NotFoundError, PartialError, UsageError } from '../../common/errors.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { RequestCode } from '../../remoting/codes.js';
import { compareQueues, compareText, type MessageQueue, queueKey } from '../message-queue.js';
import { subscribeQueuesOf } from '../route-table.js';
import type { AdminClient } from './admin-client.js';
import { addrInRoute, offsetAt, queueRange } from './admin-pull.js';
import type { OffsetRow } from './export-offsets.js';
import { mapLimited } from './map-limited.js';
import {
  type BeforeChange,
  carryOut,
  commitMoves,
  committedOffset,
  type MovedQueue,
  type OffsetMove,
  plannedMoves,
} from './offset-moves.js';
import { readRange } from './read-range.js';
import { userGroups } from './user-config.js';

/** A row that is to be set: one of `offset` and `timestamp` is used. */
export type ImportRow = Omit<OffsetRow, 'offset'> & { readonly offset?: number | null };

export interface ImportOffsetsRequest {
  readonly rows: readonly ImportRow[];
  /**
   * `offset`: each queue goes exactly where its row says. `time`: each queue goes to the first message that was stored at the time of its row or
   * later; where the topic has other queues than the rows, all its queues go to the earliest of their times.
   */
  readonly by: 'offset' | 'time';
  /** Leave out rows whose group, topic or queue is not there, instead of refusing all. */
  readonly skipUnknown?: boolean;
  /** Go to the nearest end of the queue where a row's offset lies outside, instead of refusing all. */
  readonly clamp?: boolean;
  readonly dryRun?: boolean;
  readonly beforeChange?: BeforeChange | undefined;
}

/** A move of an import. */
export type ImportedQueue = MovedQueue & { readonly group: string };

/** A row that was not set as it stands, and why. */
export interface ImportProblem {
  readonly kind: 'unknown' | 'outside';
  readonly row: ImportRow;
  readonly text: string;
}

export interface ImportOffsetsResult {
  readonly dryRun: boolean;
  readonly by: 'offset' | 'time';
  /** By group, topic, broker name and queue id. */
  readonly queues: readonly ImportedQueue[];
  /** Rows that were left out or moved to an end of their queue, because that was allowed. */
  readonly problems: readonly ImportProblem[];
}

interface GroupMove extends OffsetMove {
  readonly group: string;
}

/**
 * Sets offsets of groups as rows say. Everything is looked at before anything is changed: one row that cannot be set is enough to refuse all, unless
 * the request allows it. Consumers that are online are moved the way of a reset.
 * @throws UsageError or NotFoundError for rows that cannot be set: nothing was changed
 * @throws PartialError when some groups are not where they were to go; `context.result` says which
 */
export async function importOffsets(admin: AdminClient, request: ImportOffsetsRequest): Promise<ImportOffsetsResult> {
  const { by, dryRun = false } = request;
  const { moves, problems } = await new Planner(admin, request).plan();
  requireAllowed(request, problems);
  const shown = { dryRun, by, problems };
  if (dryRun) {
    return { ...shown, queues: plannedMoves(moves) };
  }
  const queues: ImportedQueue[] = moves
    .filter((move) => move.before === move.offset)
    .map((move) => ({ ...move, difference: 0, state: 'done', after: move.offset }));
  const failures: MQError[] = [];
  const changes = moves.filter((move) => move.before !== move.offset);
  for (const group of new Set(changes.map((move) => move.group))) {
    try {
      queues.push(...(await importGroup(admin, group, { moves: changes, beforeChange: request.beforeChange })));
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      failures.push(error);
      queues.push(...((error.context.result as ImportedQueue[] | undefined) ?? []));
    }
  }
  queues.sort(compareMoves);
  const result: ImportOffsetsResult = { ...shown, queues };
  const [first] = failures;
  if (first !== undefined) {
    if (queues.length === 0) {
      throw first;
    }
    const message = failures.length === 1 ? first.message : `${failures.length} groups are not where they were to go: ${first.message}`;
    throw new PartialError(message, { hint: first.hint ?? 'look again: mqadmin consumerProgress -g', cause: first, context: { result } });
  }
  return result;
}

function importGroup(
  admin: AdminClient,
  group: string,
  { moves, beforeChange }: { moves: readonly GroupMove[]; beforeChange: BeforeChange | undefined },
): Promise<readonly ImportedQueue[]> {
  return carryOut(
    admin,
    moves.filter((move) => move.group === group),
    {
      group,
      what: `import of offsets of group ${group}`,
      beforeChange,
      make: (own) => commitMoves(admin, group, own),
      result: (queues) => queues,
    },
  );
}

function compareMoves(a: GroupMove, b: GroupMove): number {
  return compareText(a.group, b.group) || compareQueues(a, b);
}

const SHOWN_PROBLEMS = 3;

function requireAllowed({ skipUnknown = false, clamp = false }: ImportOffsetsRequest, problems: readonly ImportProblem[]): void {
  const refused = problems.filter(({ kind }) => (kind === 'unknown' ? !skipUnknown : !clamp));
  if (refused.length === 0) {
    return;
  }
  const texts = refused.slice(0, SHOWN_PROBLEMS).map(({ text }) => text);
  const more = refused.length > SHOWN_PROBLEMS ? `; and ${refused.length - SHOWN_PROBLEMS} more` : '';
  const message = `nothing was changed: ${texts.join('; ')}${more}`;
  if (refused.some(({ kind }) => kind === 'unknown')) {
    throw new NotFoundError(message, { code: 'QUEUE_NOT_EXIST', hint: 'leave such rows out with --skip-unknown' });
  }
  throw new UsageError(message, { code: 'OFFSET_OUTSIDE', hint: 'go to the nearest end of the queue with --clamp' });
}

/** Finds where every row goes. */
class Planner {
  readonly #admin: AdminClient;
  readonly #request: ImportOffsetsRequest;
  readonly #problems: ImportProblem[] = [];
  readonly #routes = new Map<string, Promise<TopicRouteData | null>>();
  readonly #groups = new Map<string, Promise<ReadonlySet<string>>>();

  constructor(admin: AdminClient, request: ImportOffsetsRequest) {
    this.#admin = admin;
    this.#request = request;
  }

  async plan(): Promise<{ moves: GroupMove[]; problems: readonly ImportProblem[] }> {
    const byTopic = new Map<string, ImportRow[]>();
    for (const row of this.#request.rows) {
      const key = `${row.group}\u0000${row.topic}`;
      byTopic.set(key, [...(byTopic.get(key) ?? []), row]);
    }
    const planned = await mapLimited([...byTopic.values()], (rows) => this.#planTopic(rows));
    return { moves: planned.flat().sort(compareMoves), problems: this.#problems };
  }

  /** @param rows of one group and one topic */
  async #planTopic(rows: readonly ImportRow[]): Promise<GroupMove[]> {
    const { group, topic } = rows[0]!;
    const route = await this.#route(topic);
    if (route === null) {
      this.#unknown(rows, `topic ${topic} (of group ${group}) is not there`);
      return [];
    }
    const queues = subscribeQueuesOf(topic, route);
    const planned = await mapLimited(this.#request.by === 'time' ? rowsByTime(rows, queues) : rows, async (row) => {
      if (!queues.some((queue) => queueKey(queue) === queueKey(row))) {
        this.#unknown([row], `queue ${row.queueId} of topic ${topic} on ${row.brokerName} is not there`);
        return [];
      }
      const addr = addrInRoute(route, topic, row.brokerName);
      if (!(await this.#groupsAt(addr)).has(group)) {
        this.#unknown([row], `group ${group} is not known to ${row.brokerName}`);
        return [];
      }
      const move = await this.#planRow(addr, row);
      return move === null ? [] : [move];
    });
    return planned.flat();
  }

  async #planRow(brokerAddr: string, row: ImportRow): Promise<GroupMove | null> {
    const { group, topic, brokerName, queueId } = row;
    const queue = { topic, brokerName, queueId };
    const before = await committedOffset(this.#admin, brokerAddr, group, queue);
    if (this.#request.by === 'time') {
      if (row.timestamp === undefined || row.timestamp === null) {
        this.#unknown([row], `the row of group ${group} on queue ${queueId} of topic ${topic} on ${brokerName} has no time`);
        return null;
      }
      return { group, ...queue, brokerAddr, before, offset: await firstSince(this.#admin, brokerAddr, queue, row.timestamp) };
    }
    const ask = (code: number): Promise<number> => offsetAt(this.#admin, brokerAddr, code, queue);
    const [min, max] = await Promise.all([ask(RequestCode.GET_MIN_OFFSET), ask(RequestCode.GET_MAX_OFFSET)]);
    const offset = row.offset ?? 0;
    if (offset < min || offset > max) {
      const text = `offset ${offset} of group ${group} is outside queue ${queueId} of topic ${topic} on ${brokerName}, which holds ${min} to ${max}`;
      this.#problems.push({ kind: 'outside', row, text });
    }
    return { group, ...queue, brokerAddr, before, offset: Math.min(max, Math.max(min, offset)) };
  }

  #unknown(rows: readonly ImportRow[], text: string): void {
    this.#problems.push(...rows.map((row): ImportProblem => ({ kind: 'unknown', row, text })));
  }

  #route(topic: string): Promise<TopicRouteData | null> {
    return remembered(this.#routes, topic, () => this.#admin.findRoute(topic));
  }

  #groupsAt(addr: string): Promise<ReadonlySet<string>> {
    return remembered(this.#groups, addr, async () => new Set(Object.keys((await userGroups(this.#admin, addr)).table)));
  }
}

/** The first message that was stored at a time or later, or the end of the queue. */
async function firstSince(admin: AdminClient, addr: string, queue: MessageQueue, timestamp: number): Promise<number> {
  const { from, queueEnd } = await queueRange(admin, addr, queue, { begin: timestamp });
  for await (const message of readRange(admin, addr, queue, { from, to: queueEnd })) {
    if (message.storeTimestamp >= timestamp) {
      return message.queueOffset;
    }
  }
  return queueEnd;
}

function remembered<V>(kept: Map<string, Promise<V>>, key: string, make: () => Promise<V>): Promise<V> {
  const value = kept.get(key) ?? make();
  kept.set(key, value);
  return value;
}

/** A row for every queue: its own, or where some have none the earliest time of all, so that no message is skipped. */
function rowsByTime(rows: readonly ImportRow[], queues: readonly MessageQueue[]): readonly ImportRow[] {
  const own = new Set(rows.map(queueKey));
  if (own.size === queues.length && queues.every((queue) => own.has(queueKey(queue)))) {
    return rows;
  }
  const times = rows.flatMap(({ timestamp }) => timestamp ?? []);
  const { group } = rows[0]!;
  const timestamp = times.length === rows.length ? Math.min(...times) : null;
  return queues.map((queue) => ({ group, ...queue, timestamp }));
}
