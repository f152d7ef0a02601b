import type { Clock } from '../../src/common/clock.js';
import { isSystemGroup } from '../../src/common/topic-names.js';
import { type DataVersion, newDataVersion, nextDataVersion, readDataVersion } from '../data-version.js';
import { asObject, numberMapEntries } from '../json.js';
import { MAX_WAITING_RESETS } from '../limits.js';
import type { TableFile } from '../topics/index.js';

const TOPIC_GROUP_SEPARATOR = '@';

/** False for `group@broadcast`, under which 5.x proxies keep what broadcasting members have read. */
function isGroup(name: string): boolean {
  return !name.includes(TOPIC_GROUP_SEPARATOR);
}

/** A reset that the next pull of its queue takes, and the one after it ends. */
interface WaitingReset {
  target: number;
  /** Whose pull was sent to the target; null before. Until it goes on there it may still commit where it was. */
  takenBy: unknown;
  /** Who asked for the offset since the reset, and so knows where to go on; null before. */
  toldTo: unknown;
  readonly cause: ResetCause;
}

/**
 * Why a reset waits. `topicDeleted`: who has not asked for the offset since goes on where it was in the former topic. `messagesLost`: the
 * target is the end that a crash left the queue; who goes on beyond it was there before, and is sent back to what is committed.
 */
type ResetCause = 'asked' | 'topicDeleted' | 'messagesLost';

function waitingReset(target: number, cause: ResetCause): WaitingReset {
  return { target, takenBy: null, toldTo: null, cause };
}

/** A pull from this offset needs no correction. Pops begin at what is committed, which is right after a crash. */
function isThere({ target, cause }: WaitingReset, offset: number, isKnown: boolean): boolean {
  if (cause === 'asked') return isKnown && offset === target;
  return isKnown || offset === target || (cause === 'messagesLost' && offset < target);
}

/** An offset that lay beyond the end of its queue, and the end that it was lowered to. */
export interface LoweredOffset {
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  readonly end: number;
}

/** Offsets of one group on one topic, by queueId. */
interface TopicOffsets {
  readonly committed: Map<number, number>;
  /** Where the group's pulls have got to; in memory only, for lag figures. */
  readonly pulled: Map<number, number>;
  readonly reset: Map<number, WaitingReset>;
}

/**
 * Progress of the consumer groups. Owns config/consumerOffset.json, saved every flushConsumerOffsetInterval and at a clean stop:
 * a crash loses at most that much progress, which consumers see as repeated messages.
 */
export class ConsumerOffsetManager {
  readonly #file: TableFile;
  readonly #clock: Clock;
  readonly #groups = new Map<string, Map<string, TopicOffsets>>();
  #dataVersion: DataVersion;
  readonly #policy: { useServerSideResetOffset: boolean };
  #isDirty = false;
  #resetCount = 0;

  /** @param options.policy read at each use: without useServerSideResetOffset no reset waits */
  constructor(options: { file: TableFile; clock: Clock; policy: { useServerSideResetOffset: boolean } }) {
    this.#policy = options.policy;
    this.#file = options.file;
    this.#clock = options.clock;
    this.#dataVersion = newDataVersion(options.clock);
  }

  load(): void {
    const content = asObject(this.#file.load());
    if (content === null) return;
    this.#dataVersion = readDataVersion(content.dataVersion, this.#clock);
    for (const [key, queues] of Object.entries(asObject(content.offsetTable) ?? {})) {
      // `topic@group`; a third part (`@broadcast`) belongs to the group.
      const at = key.indexOf(TOPIC_GROUP_SEPARATOR);
      if (at <= 0) continue;
      const offsets = this.#table(key.slice(at + 1), key.slice(0, at));
      const entries = queues instanceof Map ? numberMapEntries(queues) : numberMapEntries(asObject(queues));
      for (const [queueId, offset] of entries) offsets.committed.set(queueId, offset);
    }
  }

  /**
   * After a power cut, offsets may lie beyond the end of their queue: new messages get the offsets of those that are lost, and would be passed
   * over. Such offsets are lowered to the end. After a crash no pull may go on beyond the end, either: the member was there before the crash.
   * Call it when all is loaded, before the first request.
   * @param endOf the offset that the next message of a queue gets, 0 for a queue that the store does not know
   * @returns what was lowered, by group
   */
  lowerToEnds(endOf: (topic: string, queueId: number) => number, isAfterKill: boolean): Map<string, LoweredOffset[]> {
    const lowered = new Map<string, LoweredOffset[]>();
    for (const [group, topics] of this.#groups) {
      for (const [topic, offsets] of topics) {
        for (const [queueId, offset] of offsets.committed) {
          const end = endOf(topic, queueId);
          if (offset > end) {
            offsets.committed.set(queueId, end);
            lowered.set(group, [...(lowered.get(group) ?? []), { topic, queueId, offset, end }]);
          }
          if ((offset > end || isAfterKill) && isGroup(group) && !isSystemGroup(group)) this.#expectPull(offsets, queueId, end);
        }
      }
    }
    if (lowered.size > 0) this.#isDirty = true;
    return lowered;
  }

  #expectPull(offsets: TopicOffsets, queueId: number, end: number): void {
    if (this.#resetCount >= MAX_WAITING_RESETS || offsets.reset.has(queueId)) return;
    offsets.reset.set(queueId, waitingReset(end, 'messagesLost'));
    this.#resetCount++;
  }

  /** Saves when something changed since the last save that succeeded; in the background, one save at a time. */
  flush(options: { background?: boolean } = {}): void {
    const { problem, isSaving } = this.#file;
    if (isSaving ? options.background === true : !this.#isDirty && problem === null) return;
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock);
    const table = this.toTable();
    this.#isDirty = false;
    this.#file.save(table, options);
  }

  /**
   * Stores a consumed offset; a smaller one than before is accepted.
   * @param committer who says so, as in `takeReset`
   * @returns false when it is not taken as it is: a reset of the queue waits, or the committer was sent elsewhere by one and is not there yet
   */
  commit(group: string, topic: string, queueId: number, offset: number, committer: unknown = null): boolean {
    const waiting = this.#waiting(group, topic, queueId);
    let taken = offset;
    if (waiting !== undefined) {
      if (waiting.takenBy === null && waiting.cause === 'messagesLost') {
        // Consumed it was, as far as it is still there.
        taken = Math.min(offset, waiting.target);
      } else {
        if (waiting.takenBy === null || (waiting.takenBy === committer && offset !== waiting.target)) return false;
        this.#endReset(group, topic, queueId);
      }
    }
    this.#table(group, topic).committed.set(queueId, taken);
    this.#isDirty = true;
    return taken === offset;
  }

  /** The stored offset, or −1. */
  query(group: string, topic: string, queueId: number): number {
    const offsets = this.#groups.get(group)?.get(topic);
    // A waiting reset wrote its target here as well.
    return offsets?.committed.get(queueId) ?? -1;
  }

  /** Offsets of all queues that have one. */
  queues(group: string, topic: string): ReadonlyMap<number, number> {
    return this.#groups.get(group)?.get(topic)?.committed ?? new Map();
  }

  setPullOffset(group: string, topic: string, queueId: number, offset: number): void {
    this.#table(group, topic).pulled.set(queueId, offset);
  }

  /** Where pulls have got to, or −1. */
  pullOffset(group: string, topic: string, queueId: number): number {
    return this.#groups.get(group)?.get(topic)?.pulled.get(queueId) ?? -1;
  }

  /** Moves a group to an offset: its next pull of the queue is told so, and commits until then are ignored. */
  assignReset(group: string, topic: string, queueId: number, offset: number): void {
    const offsets = this.#table(group, topic);
    if (!offsets.reset.has(queueId)) this.#resetCount++;
    offsets.reset.set(queueId, waitingReset(offset, 'asked'));
    offsets.committed.set(queueId, offset);
    offsets.pulled.delete(queueId);
    this.#isDirty = true;
  }

  /** Notes who got the stored offset as its answer. */
  tellReset(group: string, topic: string, queueId: number, asker: unknown): void {
    const waiting = this.#waiting(group, topic, queueId);
    if (waiting !== undefined) waiting.toldTo = asker;
  }

  /**
   * The target of a waiting reset, which this pull is sent to; −1 when there is none.
   * @param offset where the pull begins, and `puller` whose it is: one that begins at the target because it was told so needs no correction
   */
  takeReset(group: string, topic: string, queueId: number, offset = -1, puller: unknown = null): number {
    const waiting = this.#waiting(group, topic, queueId);
    if (waiting === undefined) return -1;
    const isKnown = puller !== null && puller === waiting.toldTo;
    const isOver = waiting.takenBy !== null || isThere(waiting, offset, isKnown);
    if (isOver || puller === null) this.#endReset(group, topic, queueId);
    if (isOver) return -1;
    // What lies between is with the puller no more: clients drop what they hold when they are sent elsewhere.
    if (waiting.cause === 'messagesLost') waiting.target = Math.min(waiting.target, this.query(group, topic, queueId));
    waiting.takenBy = puller;
    return waiting.target;
  }

  /** Topics that a group has offsets for. */
  topicsOf(group: string): string[] {
    const topics: string[] = [];
    for (const [topic, offsets] of this.#groups.get(group) ?? []) if (offsets.committed.size > 0) topics.push(topic);
    return topics;
  }

  /** Groups that have an offset for a topic. */
  groupsOf(topic: string): string[] {
    const groups: string[] = [];
    for (const [group, topics] of this.#groups) if (isGroup(group) && (topics.get(topic)?.committed.size ?? 0) > 0) groups.push(group);
    return groups;
  }

  /** Gives a group the offsets of another one on a topic, in place of its own; a waiting reset of a queue goes to the new offset. */
  cloneOffsets(sourceGroup: string, targetGroup: string, topic: string): void {
    const source = this.queues(sourceGroup, topic);
    if (source.size === 0 || sourceGroup === targetGroup) return;
    const target = this.#table(targetGroup, topic);
    target.committed.clear();
    target.pulled.clear();
    for (const [queueId, offset] of source) target.committed.set(queueId, offset);
    for (const [queueId, { cause }] of target.reset) {
      if (cause === 'messagesLost') continue;
      const offset = source.get(queueId);
      if (offset !== undefined) target.reset.set(queueId, waitingReset(offset, 'asked'));
      else if (target.reset.delete(queueId)) this.#resetCount--;
    }
    this.#isDirty = true;
  }

  removeGroup(group: string): void {
    const topics = this.#groups.get(group);
    if (topics === undefined) return;
    for (const offsets of topics.values()) this.#resetCount -= offsets.reset.size;
    this.#groups.delete(group);
    this.#isDirty = true;
  }

  /** Forgets the offsets on a deleted topic. Should it be made again, members that are still where they were begin at its start. */
  removeTopic(topic: string): void {
    for (const topics of this.#groups.values()) {
      const offsets = topics.get(topic);
      if (offsets === undefined) continue;
      this.#resetCount -= offsets.reset.size;
      topics.delete(topic);
      this.#isDirty = true;
      if (offsets.committed.size > 0) this.#rememberFormer(topics, topic, offsets);
    }
  }

  #rememberFormer(topics: Map<string, TopicOffsets>, topic: string, former: TopicOffsets): void {
    if (this.#resetCount + former.committed.size > MAX_WAITING_RESETS) return;
    const offsets: TopicOffsets = { committed: new Map(), pulled: new Map(), reset: new Map() };
    for (const queueId of former.committed.keys()) offsets.reset.set(queueId, waitingReset(0, 'topicDeleted'));
    this.#resetCount += offsets.reset.size;
    topics.set(topic, offsets);
  }

  /** What consumerOffset.json and GET_ALL_CONSUMER_OFFSET (43) hold; queueIds are bare integer keys. */
  toTable(): { dataVersion: DataVersion; groupTopicMap: Record<string, string[]>; offsetTable: Record<string, Map<number, number>> } {
    const offsetTable: Record<string, Map<number, number>> = {};
    const topicsOfGroups: [string, string[]][] = [];
    for (const [group, topics] of this.#groups) {
      const names: string[] = [];
      for (const [topic, offsets] of topics) {
        if (offsets.committed.size === 0) continue;
        offsetTable[topic + TOPIC_GROUP_SEPARATOR + group] = offsets.committed;
        names.push(topic);
      }
      if (names.length > 0 && isGroup(group)) topicsOfGroups.push([group, names]);
    }
    return { dataVersion: this.#dataVersion, groupTopicMap: Object.fromEntries(topicsOfGroups), offsetTable };
  }

  #endReset(group: string, topic: string, queueId: number): void {
    if (this.#groups.get(group)?.get(topic)?.reset.delete(queueId) === true) this.#resetCount--;
  }

  #waiting(group: string, topic: string, queueId: number): WaitingReset | undefined {
    if (this.#resetCount === 0 || !this.#policy.useServerSideResetOffset) return undefined;
    return this.#groups.get(group)?.get(topic)?.reset.get(queueId);
  }

  #table(group: string, topic: string): TopicOffsets {
    let topics = this.#groups.get(group);
    if (topics === undefined) {
      topics = new Map();
      this.#groups.set(group, topics);
    }
    let offsets = topics.get(topic);
    if (offsets === undefined) {
      offsets = { committed: new Map(), pulled: new Map(), reset: new Map() };
      topics.set(topic, offsets);
    }
    return offsets;
  }
}
