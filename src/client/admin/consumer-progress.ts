import { MQError, NotFoundError } from '../../common/errors.js';
import { type ConsumeStats, decodeConsumeStats } from '../../remoting/bodies/consume-stats.js';
import { RequestCode } from '../../remoting/codes.js';
import { compareQueues, type MessageQueue, queueKey } from '../message-queue.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { allMasters, consumersAt } from './connections.js';
import { askAll, requireAll } from './fan-out.js';
import { mapLimited } from './map-limited.js';
import { askRunningInfo } from './running-info.js';
import { knowsGroup } from './sub-group.js';
import { masterAddrs } from './topic-list.js';

/** Progress of a group on one queue. */
export interface QueueProgress {
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  readonly diff: number;
  /** Pulled but not consumed; null of a broker before 5.0, which does not say it. */
  readonly inflight: number | null;
  /** Store time of the last consumed message, ms; 0 when unknown. */
  readonly lastTimestamp: number;
  /** Client that has the queue, only when asked for; null for a queue that no client has. */
  readonly clientId?: string | null;
  readonly clientIP?: string | null;
  /** Why it is not known which client has the queue. */
  readonly clientReason?: string;
}

export interface GroupProgressResult {
  readonly consumerGroup: string;
  /** Brokers that were asked. */
  readonly brokerAddrs: readonly string[];
  /** By topic, broker name and queue id. */
  readonly queues: readonly QueueProgress[];
  readonly consumeTps: number;
  readonly diffTotal: number;
  readonly inflightTotal: number | null;
}

export interface GroupProgressRequest {
  readonly consumerGroup: string;
  /** Only this topic. */
  readonly topic?: string | undefined;
  /** Name whose route says which brokers to ask, `-c` of the command. */
  readonly routeTopic?: string | undefined;
  readonly showClientIP?: boolean;
}

/** The consume statistics of a group at one broker. */
export async function consumeStatsAt(admin: AdminClient, addr: string, consumerGroup: string, topic?: string): Promise<ConsumeStats> {
  const extFields = topic === undefined ? { consumerGroup } : { consumerGroup, topic };
  return decodeConsumeStats(bodyOf(await admin.ask(addr, { code: RequestCode.GET_CONSUME_STATS, extFields })));
}

/** The rows of one broker's statistics. */
export function progressRows(stats: ConsumeStats): QueueProgress[] {
  return Array.from(stats.offsetTable, ([queue, offset]) => ({
    topic: queue.topic,
    brokerName: queue.brokerName,
    queueId: queue.queueId,
    brokerOffset: offset.brokerOffset,
    consumerOffset: offset.consumerOffset,
    diff: offset.brokerOffset - offset.consumerOffset,
    inflight: offset.pullOffset === undefined ? null : Math.max(0, offset.pullOffset - offset.consumerOffset),
    lastTimestamp: offset.lastTimestamp,
  }));
}

/**
 * Lag of a group on every queue. All brokers that may have offsets of it are asked, also those without its retry topic.
 * @throws NotFoundError when no broker has offsets of the group.
 */
export async function groupProgress(admin: AdminClient, request: GroupProgressRequest): Promise<GroupProgressResult> {
  const { consumerGroup, topic } = request;
  const addrs = await brokersToAsk(admin, request);
  const results = await askAll(addrs, (addr) => consumeStatsAt(admin, addr, consumerGroup, topic));
  const queues = results.flatMap(({ value }) => (value === undefined ? [] : progressRows(value))).sort(compareQueues);
  const clients = request.showClientIP === true ? await queueOwners(admin, addrs, consumerGroup) : null;
  const shown = clients === null ? queues : queues.map((queue) => withOwner(queue, clients));
  const result: GroupProgressResult = {
    consumerGroup,
    brokerAddrs: addrs,
    queues: shown,
    consumeTps: results.reduce((sum, { value }) => sum + (value?.consumeTps ?? 0), 0),
    ...totals(queues),
  };
  requireAll(results, `consumerProgress -g ${consumerGroup}`, queues.length === 0 ? undefined : result);
  // With a topic a broker answers a row for each queue, also for a group that it has never heard of.
  if (queues.length === 0 || (queues.every((queue) => queue.consumerOffset === 0) && !(await isKnown(admin, addrs, consumerGroup)))) {
    throw new NotFoundError(
      `group ${consumerGroup} has no offsets${topic === undefined ? '' : ` for topic ${topic}`} on ${addrs.join(', ')}`,
      {
        code: 'GROUP_NOT_EXIST',
        hint: 'it never consumed there; see the known ones: mqadmin consumerProgress',
        context: { consumerGroup, addrs },
      },
    );
  }
  return result;
}

async function isKnown(admin: AdminClient, addrs: readonly string[], consumerGroup: string): Promise<boolean> {
  const answers = await Promise.all(addrs.map((addr) => knowsGroup(admin, addr, consumerGroup)));
  return answers.includes(true);
}

function totals(queues: readonly QueueProgress[]): Pick<GroupProgressResult, 'diffTotal' | 'inflightTotal'> {
  return {
    diffTotal: queues.reduce((sum, queue) => sum + queue.diff, 0),
    inflightTotal: queues.reduce<number | null>((sum, { inflight }) => (sum === null || inflight === null ? null : sum + inflight), 0),
  };
}

async function brokersToAsk(admin: AdminClient, request: GroupProgressRequest): Promise<string[]> {
  const name = request.routeTopic ?? request.topic;
  return name === undefined ? allMasters(admin) : masterAddrs(await admin.route(name));
}

/** Which clients have which queues. */
interface QueueOwners {
  /** Client ids by queue key. */
  readonly owners: ReadonlyMap<string, string>;
  /** Clients that did not say which queues they have. */
  readonly silent: readonly string[];
}

function withOwner(queue: QueueProgress, { owners, silent }: QueueOwners): QueueProgress {
  const clientId = owners.get(queueKey(queue)) ?? null;
  return {
    ...queue,
    clientId,
    clientIP: clientId?.split('@')[0] ?? null,
    ...(clientId === null && silent.length > 0 ? { clientReason: `${silent.join(', ')} did not answer` } : {}),
  };
}

/** Asks the clients, through a broker, which queues they have. */
async function queueOwners(admin: AdminClient, addrs: readonly string[], consumerGroup: string): Promise<QueueOwners> {
  const brokerOf = new Map<string, string>();
  for (const addr of addrs) {
    for (const { clientId } of (await consumersAt(admin, addr, consumerGroup))?.connectionSet ?? []) {
      brokerOf.set(clientId, brokerOf.get(clientId) ?? addr);
    }
  }
  const owners = new Map<string, string>();
  const silent: string[] = [];
  await mapLimited([...brokerOf], async ([clientId, addr]) => {
    try {
      for (const queue of await queuesOfClient(admin, addr, { consumerGroup, clientId })) {
        owners.set(queueKey(queue), clientId);
      }
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      silent.push(clientId);
    }
  });
  return { owners, silent: silent.sort() };
}

async function queuesOfClient(
  admin: AdminClient,
  addr: string,
  client: { consumerGroup: string; clientId: string },
): Promise<MessageQueue[]> {
  const { mqTable, mqPopTable } = await askRunningInfo(admin, addr, client);
  return [...mqTable, ...mqPopTable].map(([queue]) => queue);
}
