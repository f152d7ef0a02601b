/*
 * Static topics: a fixed number of logical queues, each on a queue of one broker at a time. Every broker keeps, for the logical queues that it
 * has or had, the list of places where they were, oldest first: the last one leads. Names as in the bodies of 351 and 513.
 */
import { ProtocolError, UsageError } from '../../common/errors.js';
import type { JsonObject, JsonValue } from '../../common/fastjson.js';
import { flag, integer, isObject, numberMap, optionalObject, parseBody, text } from '../../remoting/bodies/reader.js';
import { type TopicConfig, toTopicConfig } from '../../remoting/bodies/topic.js';

/** One place of a logical queue. Offsets of its messages are `logicOffset` plus the offset in the broker's queue. */
export interface QueuePlace {
  readonly gen: number;
  readonly queueId: number;
  readonly bname: string;
  /** -1 until it is known where the place before ends. */
  readonly logicOffset: number;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly timeOfStart: number;
  readonly timeOfEnd: number;
}

export type HostedQueues = ReadonlyMap<number, readonly QueuePlace[]>;

/** What one broker has of a static topic. */
export interface StaticTopicConfig extends Pick<TopicConfig, 'topicName' | 'perm' | 'topicFilterType' | 'topicSysFlag' | 'order'> {
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly scope: string;
  readonly epoch: number;
  readonly totalQueues: number;
  readonly hostedQueues: HostedQueues;
}

/** By broker name. */
export type StaticTopicConfigs = ReadonlyMap<string, StaticTopicConfig>;

const SCOPE_GLOBAL = '__global__';
const PERM_READ_WRITE = 6;
/** A new epoch is at least so much later than the one before. */
const EPOCH_STEP = 1000;
/** Logical offsets of a new place begin at a multiple of it. */
const BLOCK = 10_000;

/** Reads what a broker answers to 351. @throws UsageError for a topic that is no static one */
export function decodeStaticTopic(body: Uint8Array, brokerName: string): StaticTopicConfig {
  const object = parseBody(body, 'TopicConfigAndQueueMapping');
  const config = toTopicConfig(object);
  const detail = optionalObject(object, 'mappingDetail');
  if (detail === undefined) {
    throw new UsageError(`topic ${config.topicName} is no static topic: Mapping info should not be null in broker ${brokerName}`);
  }
  if (text(detail, 'bname') !== brokerName || flag(detail, 'dirty')) {
    throw new ProtocolError(`the mapping of topic ${config.topicName} on broker ${brokerName} is dirty, or of another broker`);
  }
  const { topicName, perm, topicFilterType, topicSysFlag, order, readQueueNums, writeQueueNums } = config;
  return {
    ...{ topicName, perm, topicFilterType, topicSysFlag, order, readQueueNums, writeQueueNums },
    scope: text(detail, 'scope', SCOPE_GLOBAL),
    epoch: integer(detail, 'epoch'),
    totalQueues: integer(detail, 'totalQueues'),
    hostedQueues: numberMap(detail, 'hostedQueues', toPlaces),
  };
}

function toPlaces(value: JsonValue): QueuePlace[] {
  if (!Array.isArray(value) || !value.every((item) => isObject(item))) {
    throw new ProtocolError('body field hostedQueues has a list that is none of places', { code: 'BODY_MALFORMED' });
  }
  return (value as JsonObject[]).map((item) => ({
    gen: integer(item, 'gen'),
    queueId: integer(item, 'queueId'),
    bname: text(item, 'bname'),
    logicOffset: integer(item, 'logicOffset'),
    startOffset: integer(item, 'startOffset'),
    endOffset: integer(item, 'endOffset', -1),
    timeOfStart: integer(item, 'timeOfStart', -1),
    timeOfEnd: integer(item, 'timeOfEnd', -1),
  }));
}

/** The mapping as brokers take it with 513. */
export function mappingDetail(brokerName: string, config: StaticTopicConfig): Record<string, unknown> {
  const { topicName, scope, epoch, totalQueues, hostedQueues } = config;
  return { topic: topicName, scope, totalQueues, bname: brokerName, epoch, dirty: false, hostedQueues };
}

/** Which broker leads each logical queue; throws unless the brokers agree with one another. */
export function leadersOf(topic: string, configs: StaticTopicConfigs): Map<number, { brokerName: string; places: readonly QueuePlace[] }> {
  const disagree = (what: string): ProtocolError =>
    new ProtocolError(`brokers do not agree on static topic ${topic}: ${what}`, {
      hint: `compare what they have: mqadmin topicStatus -t ${topic}`,
    });
  const all = [...configs.values()];
  if (new Set(all.map(({ epoch }) => epoch)).size > 1 || new Set(all.map(({ totalQueues }) => totalQueues)).size > 1) {
    throw disagree('epochs or numbers of queues differ');
  }
  const leaders = new Map<number, { brokerName: string; places: readonly QueuePlace[] }>();
  const used = new Set<string>();
  for (const [brokerName, { hostedQueues }] of configs) {
    for (const [queueId, places] of hostedQueues) {
      if (places.at(-1)?.bname !== brokerName) {
        continue;
      }
      if (leaders.has(queueId)) {
        throw disagree(`queue ${queueId} has two leaders`);
      }
      for (const place of places) {
        const name = `${place.bname}@${place.queueId}`;
        if (used.has(name) || place.startOffset !== 0 || place.queueId >= (configs.get(place.bname)?.writeQueueNums ?? 0)) {
          throw disagree(`queue ${queueId} lies at ${name}, which cannot be`);
        }
        used.add(name);
      }
      leaders.set(queueId, { brokerName, places });
    }
  }
  const totalQueues = all[0]?.totalQueues ?? 0;
  if (leaders.size !== totalQueues || [...leaders.keys()].some((queueId) => queueId >= totalQueues)) {
    throw disagree(`${leaders.size} queues have a leader, of ${totalQueues}`);
  }
  return leaders;
}

/** The broker name under which the logical queues of a scope are shown. */
export function logicalBrokerName(scope: string): string {
  return `__syslo__${scope === SCOPE_GLOBAL ? scope.slice(2) : scope}`;
}

/** The logical offset of a broker's offset at a place; -1 while it is not known where the place before ends. */
export function logicalOffset(place: QueuePlace, offset: number): number {
  const { logicOffset, startOffset, endOffset } = place;
  if (logicOffset < 0) {
    return -1;
  }
  const end = endOffset >= startOffset ? Math.min(offset, endOffset) : offset;
  return logicOffset + Math.max(0, end - startOffset);
}

/** A broker that has nothing of the topic yet. */
export function emptyConfig(topicName: string): StaticTopicConfig {
  const plain = { perm: PERM_READ_WRITE, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false } as const;
  return {
    topicName,
    ...plain,
    ...{ readQueueNums: 0, writeQueueNums: 0, scope: SCOPE_GLOBAL, epoch: 0, totalQueues: 0 },
    hostedQueues: new Map(),
  };
}

/** The epoch behind the one that brokers have, never before now. */
export function nextEpoch(configs: StaticTopicConfigs, nowMs: number): number {
  const epochs = [...configs.values()].map(({ epoch }) => epoch);
  return epochs.length === 0 ? nowMs + EPOCH_STEP : Math.max(Math.max(...epochs) + EPOCH_STEP, nowMs);
}

/** The configurations with one place more for a logical queue, on a new queue of the broker. */
function withPlace(
  configs: Map<string, StaticTopicConfig>,
  at: { topic: string; queueId: number; brokerName: string; before: readonly QueuePlace[] },
): void {
  const config = configs.get(at.brokerName) ?? emptyConfig(at.topic);
  const last = at.before.at(-1);
  const place: QueuePlace = {
    gen: last === undefined ? 0 : last.gen + 1,
    queueId: config.writeQueueNums,
    bname: at.brokerName,
    logicOffset: last === undefined ? 0 : -1,
    startOffset: 0,
    endOffset: -1,
    timeOfStart: -1,
    timeOfEnd: -1,
  };
  const places = [...at.before, place];
  const nums = { readQueueNums: config.readQueueNums + 1, writeQueueNums: config.writeQueueNums + 1 };
  configs.set(at.brokerName, { ...config, ...nums, hostedQueues: new Map(config.hostedQueues).set(at.queueId, places) });
  const former = last === undefined ? undefined : configs.get(last.bname);
  if (last !== undefined && former !== undefined) {
    configs.set(last.bname, { ...former, hostedQueues: new Map(former.hostedQueues).set(at.queueId, places) });
  }
}

/** Every broker of the cluster with the new epoch and number of queues, those without a queue of the topic too. */
export function completed(
  configs: StaticTopicConfigs,
  all: { topic: string; epoch: number; totalQueues: number; brokerNames: readonly string[] },
): Map<string, StaticTopicConfig> {
  const names = [...new Set([...configs.keys(), ...all.brokerNames])].sort();
  const { epoch, totalQueues } = all;
  return new Map(names.map((name) => [name, { ...(configs.get(name) ?? emptyConfig(all.topic)), epoch, totalQueues }]));
}

/** Adds logical queues up to a number, each to the broker that leads fewest. */
export function widened(
  topic: string,
  configs: StaticTopicConfigs,
  { totalQueues, brokerNames }: { totalQueues: number; brokerNames: readonly string[] },
): Map<string, StaticTopicConfig> {
  const leaders = leadersOf(topic, configs);
  if (totalQueues < leaders.size) {
    throw new UsageError(`Cannot decrease the queue num for static topic ${totalQueues} < ${leaders.size}`);
  }
  if (totalQueues === leaders.size) {
    throw new UsageError(`The topic queue num is equal the existed queue num, do nothing: ${topic} has ${totalQueues} queues`);
  }
  const load = new Map([...brokerNames].sort().map((name) => [name, 0]));
  for (const { brokerName } of leaders.values()) {
    load.set(brokerName, (load.get(brokerName) ?? 0) + 1);
  }
  const result = new Map(configs);
  for (let queueId = leaders.size; queueId < totalQueues; queueId++) {
    const [brokerName] = [...load].reduce((least, entry) => (entry[1] < least[1] ? entry : least));
    load.set(brokerName, (load.get(brokerName) ?? 0) + 1);
    withPlace(result, { topic, queueId, brokerName, before: [] });
  }
  return result;
}

/** One logical queue that goes to another broker. */
export interface QueueMove {
  readonly queueId: number;
  readonly from: string;
  readonly to: string;
}

/** Spreads the logical queues over the brokers given, with as few moves as that takes. */
export function remapped(
  topic: string,
  configs: StaticTopicConfigs,
  brokerNames: readonly string[],
): { configs: Map<string, StaticTopicConfig>; moves: QueueMove[] } {
  const leaders = leadersOf(topic, configs);
  const room = shares(leaders, brokerNames);
  const waiting: number[] = [];
  for (const [queueId, { brokerName }] of [...leaders].sort((a, b) => a[0] - b[0])) {
    const left = room.get(brokerName) ?? 0;
    if (left > 0) {
      room.set(brokerName, left - 1);
    } else {
      waiting.push(queueId);
    }
  }
  const result = new Map(configs);
  const moves: QueueMove[] = [];
  for (const [to, left] of room) {
    for (const queueId of waiting.splice(0, left)) {
      const { brokerName: from, places } = leaders.get(queueId)!;
      withPlace(result, { topic, queueId, brokerName: to, before: places });
      moves.push({ queueId, from, to });
    }
  }
  return { configs: result, moves };
}

/** How many queues each broker gets: as many as the others, the odd ones where most are now. */
function shares(leaders: ReturnType<typeof leadersOf>, brokerNames: readonly string[]): Map<string, number> {
  const led = (name: string): number => [...leaders.values()].filter(({ brokerName }) => brokerName === name).length;
  const names = [...new Set(brokerNames)].sort((a, b) => led(b) - led(a) || (a < b ? -1 : 1));
  const each = Math.floor(leaders.size / names.length);
  const odd = leaders.size % names.length;
  return new Map(names.map((name, i) => [name, each + (i < odd ? 1 : 0)]));
}

/** Where the offsets of a new place begin, given where its predecessor's queue ends. */
export function nextLogicOffset(before: QueuePlace, maxOffset: number): number {
  const end = before.logicOffset + Math.max(0, maxOffset - before.startOffset);
  return (Math.floor(end / BLOCK) + (end % BLOCK < BLOCK / 2 ? 1 : 2)) * BLOCK;
}

/** The configurations with the offset of the last place of a logical queue filled in, wherever the queue is known. */
export function withLogicOffset(configs: Map<string, StaticTopicConfig>, queueId: number, places: readonly QueuePlace[]): void {
  for (const brokerName of [places.at(-1)?.bname, places.at(-2)?.bname]) {
    const config = brokerName === undefined ? undefined : configs.get(brokerName);
    if (brokerName !== undefined && config !== undefined) {
      configs.set(brokerName, { ...config, hostedQueues: new Map(config.hostedQueues).set(queueId, places) });
    }
  }
}
