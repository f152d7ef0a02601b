import { MQError, NotFoundError, PartialError, UsageError } from '../../common/errors.js';
import { stringifyFastjson } from '../../common/fastjson.js';
import { AUTO_CREATE_TOPIC_KEY_TOPIC } from '../../common/topic-names.js';
import { decodeTopicStatsTable } from '../../remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { askAll, requireAll } from './fan-out.js';
import { requireTopic } from './names.js';
import {
  completed,
  decodeStaticTopic,
  mappingDetail,
  nextEpoch,
  nextLogicOffset,
  type QueueMove,
  remapped,
  type StaticTopicConfig,
  type StaticTopicConfigs,
  widened,
  withLogicOffset,
} from './static-topic.js';

/** The brokers that a static topic is put on: by their names, or all of some clusters. */
export interface StaticTarget {
  readonly brokers?: readonly string[] | undefined;
  readonly clusters?: readonly string[] | undefined;
}

/** The mapping before or after a change. */
export interface MappingFile {
  readonly topic: string;
  readonly type: 'CREATE_OR_UPDATE' | 'REMAPPING';
  readonly epoch: number;
  readonly configs: StaticTopicConfigs;
  readonly brokerToMapIn: readonly string[];
  readonly brokerToMapOut: readonly string[];
}

export interface StaticTopicRequest extends StaticTarget {
  readonly topic: string;
  readonly nowMs: number;
  readonly dryRun?: boolean;
  /** Gets the mapping before and after the change, before anything is changed. */
  readonly beforeChange: (before: MappingFile, after: MappingFile) => Promise<void>;
}

export interface StaticTopicResult {
  readonly dryRun: boolean;
  readonly topic: string;
  readonly epoch: number;
  readonly totalQueues: number;
  /** How many logical queues each broker leads afterwards. */
  readonly brokers: Readonly<Record<string, number>>;
  readonly moves: readonly QueueMove[];
}

/** Makes a static topic, or adds logical queues to it. */
export async function updateStaticTopic(
  admin: AdminClient,
  request: StaticTopicRequest & { totalQueues: number },
): Promise<StaticTopicResult> {
  const { topic, nowMs, totalQueues } = request;
  requireTopic(topic);
  const { masters, targets } = await brokersOf(admin, request);
  const before = await configsOf(admin, topic, masters);
  const epoch = nextEpoch(before, nowMs);
  const brokerNames = [...new Set([...targets, ...before.keys()])];
  const widenedConfigs = widened(topic, before, { totalQueues, brokerNames });
  const configs = completed(widenedConfigs, { topic, epoch, totalQueues, brokerNames: [...masters.keys()] });
  const shown = resultOf(request, configs, []);
  if (request.dryRun !== true) {
    const file = { topic, type: 'CREATE_OR_UPDATE' as const, brokerToMapIn: [], brokerToMapOut: [] };
    await request.beforeChange({ ...file, epoch: epochOf(before, nowMs), configs: before }, { ...file, epoch, configs });
    await writeAll(admin, { masters, configs, names: [...configs.keys()], what: `updateStaticTopic ${topic}` });
  }
  return shown;
}

/** Moves the logical queues of a static topic to other brokers. */
export async function remapStaticTopic(admin: AdminClient, request: StaticTopicRequest): Promise<StaticTopicResult> {
  const { topic, nowMs } = request;
  const { masters, targets } = await brokersOf(admin, request);
  const before = await configsOf(admin, topic, masters);
  if (before.size === 0) {
    throw admin.noRoute(topic);
  }
  const epoch = nextEpoch(before, nowMs);
  const { configs: mapped, moves } = remapped(topic, before, targets);
  const totalQueues = [...before.values()][0]?.totalQueues ?? 0;
  const configs = completed(mapped, { topic, epoch, totalQueues, brokerNames: [...masters.keys()] });
  const shown = resultOf(request, configs, moves);
  if (request.dryRun === true || moves.length === 0) {
    return shown;
  }
  const [brokerToMapIn, brokerToMapOut] = [namesOf(moves, 'to'), namesOf(moves, 'from')];
  const file = { topic, brokerToMapIn: [], brokerToMapOut: [] };
  await request.beforeChange(
    { ...file, type: 'CREATE_OR_UPDATE', epoch: epochOf(before, nowMs), configs: before },
    { type: 'REMAPPING', topic, epoch, configs, brokerToMapIn, brokerToMapOut },
  );
  const write = (names: readonly string[]): Promise<void> =>
    writeAll(admin, { masters, configs, names, what: `remappingStaticTopic ${topic}` });
  // The new leaders may be written to, the old ones no longer; only then it is known where the old ones end.
  await write(brokerToMapIn);
  await write(brokerToMapOut);
  await findLogicOffsets(admin, { topic, masters, configs, moves });
  await write(brokerToMapIn);
  await write([...configs.keys()].filter((name) => !brokerToMapIn.includes(name) && !brokerToMapOut.includes(name)));
  return shown;
}

function namesOf(moves: readonly QueueMove[], end: 'from' | 'to'): string[] {
  return [...new Set(moves.map((move) => move[end]))].sort();
}

function epochOf(configs: StaticTopicConfigs, nowMs: number): number {
  return [...configs.values()][0]?.epoch ?? nowMs;
}

function resultOf(request: StaticTopicRequest, configs: StaticTopicConfigs, moves: readonly QueueMove[]): StaticTopicResult {
  const led = [...configs].map(([name, { hostedQueues }]): [string, number] => [
    name,
    [...hostedQueues.values()].filter((places) => places.at(-1)?.bname === name).length,
  ]);
  const { epoch = 0, totalQueues = 0 } = [...configs.values()][0] ?? {};
  return { dryRun: request.dryRun === true, topic: request.topic, epoch, totalQueues, brokers: Object.fromEntries(led), moves };
}

/** The masters of the clusters that are meant, by name, and the names of the brokers that are meant. */
async function brokersOf(admin: AdminClient, target: StaticTarget): Promise<{ masters: Map<string, string>; targets: string[] }> {
  const { clusterAddrTable, brokerAddrTable } = await admin.clusterInfo();
  const known = [...brokerAddrTable.keys()];
  const targets = target.brokers ?? (target.clusters ?? []).flatMap((cluster) => [...(clusterAddrTable.get(cluster) ?? [])]);
  if (targets.length === 0) {
    const hint = `clusters there: ${[...clusterAddrTable.keys()].sort().join(', ')}`;
    throw target.brokers === undefined
      ? new NotFoundError(`no broker of cluster ${(target.clusters ?? []).join(', ')}`, { code: 'CLUSTER_NOT_EXIST', hint })
      : new UsageError('Find none brokers, do nothing');
  }
  const unknown = targets.find((name) => brokerAddrTable.get(name)?.brokerAddrs.get(0) === undefined);
  if (unknown !== undefined) {
    throw admin.noBroker(unknown, known);
  }
  const members = [...clusterAddrTable.values()].filter((names) => [...names].some((name) => targets.includes(name)));
  const names = [...new Set(members.flatMap((set) => [...set]))].sort();
  const masters = names.flatMap((name): [string, string][] => {
    const addr = brokerAddrTable.get(name)?.brokerAddrs.get(0);
    return addr === undefined ? [] : [[name, addr]];
  });
  return { masters: new Map(masters), targets: [...new Set(targets)].sort() };
}

/** What masters have of a static topic, by broker name; nothing of those that do not know it. */
export async function configsOf(
  admin: AdminClient,
  topic: string,
  masters: ReadonlyMap<string, string>,
  what = `mapping of ${topic}: nothing was changed`,
): Promise<Map<string, StaticTopicConfig>> {
  const names = [...masters.keys()];
  const results = await askAll([...masters.values()], (addr) =>
    // Brokers leave the mapping out unless they are asked for the logical topic.
    admin.ask(addr, { code: RequestCode.GET_TOPIC_CONFIG, extFields: { topic, lo: 'true' } }, [ResponseCode.TOPIC_NOT_EXIST]),
  );
  requireAll(results, what, undefined);
  const found = results.flatMap(({ value }, i): [string, StaticTopicConfig][] => {
    const name = names[i] ?? '';
    return value === undefined || value.code !== ResponseCode.SUCCESS ? [] : [[name, decodeStaticTopic(bodyOf(value), name)]];
  });
  return new Map(found);
}

/** Sends brokers their part, one after the other. @throws PartialError that names those that have it and those that do not */
async function writeAll(
  admin: AdminClient,
  request: { masters: ReadonlyMap<string, string>; configs: StaticTopicConfigs; names: readonly string[]; what: string },
): Promise<void> {
  const done: string[] = [];
  for (const name of request.names) {
    const config = request.configs.get(name)!;
    const extFields = {
      topic: config.topicName,
      defaultTopic: AUTO_CREATE_TOPIC_KEY_TOPIC,
      readQueueNums: String(config.readQueueNums),
      writeQueueNums: String(config.writeQueueNums),
      perm: String(config.perm),
      topicFilterType: config.topicFilterType,
      topicSysFlag: String(config.topicSysFlag),
      order: String(config.order),
      force: 'false',
    };
    const body = Buffer.from(stringifyFastjson(mappingDetail(name, config)));
    try {
      await admin.ask(request.masters.get(name) ?? '', { code: RequestCode.UPDATE_AND_CREATE_STATIC_TOPIC, extFields, body });
    } catch (error) {
      if (!(error instanceof MQError) || done.length === 0) {
        throw error;
      }
      throw new PartialError(`${request.what}: done on ${done.join(', ')}; failed on ${name} (${error.message})`, {
        hint: 'the brokers do not agree now: repeat the command when they all answer',
        cause: error,
      });
    }
    done.push(name);
  }
}

/** Asks the old leaders where their queues end, and lets the new ones begin behind it. */
async function findLogicOffsets(
  admin: AdminClient,
  change: { topic: string; masters: ReadonlyMap<string, string>; configs: Map<string, StaticTopicConfig>; moves: readonly QueueMove[] },
): Promise<void> {
  const { topic, masters, configs, moves } = change;
  for (const from of namesOf(moves, 'from')) {
    const response = await admin.ask(masters.get(from) ?? '', { code: RequestCode.GET_TOPIC_STATS_INFO, extFields: { topic } });
    const { offsetTable } = decodeTopicStatsTable(bodyOf(response));
    for (const { queueId, to } of moves.filter((move) => move.from === from)) {
      const places = configs.get(to)?.hostedQueues.get(queueId) ?? [];
      const [old, fresh] = places.slice(-2);
      const entry = offsetTable.find(([queue]) => queue.brokerName === from && queue.queueId === old?.queueId);
      if (old === undefined || fresh === undefined || entry === undefined) {
        throw new NotFoundError(`broker ${from} does not say where queue ${queueId} of ${topic} ends`, {
          hint: 'its queues take no more messages and the new ones none yet: repeat the command when the broker answers',
        });
      }
      const logicOffset = nextLogicOffset(old, Number(entry[1].maxOffset));
      withLogicOffset(configs, queueId, [...places.slice(0, -1), { ...fresh, logicOffset }]);
    }
  }
}
