import { MQError, NotFoundError } from '../../common/errors.js';
import { versionDesc } from '../../common/mq-version.js';
import { type SubscriptionDifference, subscriptionDifferences } from '../../common/subscription-differences.js';
import type { ConsumerRunningInfo, ProcessQueueInfo } from '../../remoting/bodies/running-info.js';
import { ResponseCode } from '../../remoting/codes.js';
import { compareQueues, type MessageQueue } from '../message-queue.js';
import type { AdminClient } from './admin-client.js';
import { brokersOfGroup, consumersAt } from './connections.js';
import { mapLimited } from './map-limited.js';
import { askRunningInfo } from './running-info.js';

/** What a consumer says of itself; tables are lists, by topic, broker name and queue id. */
export interface RunningInfoView {
  readonly properties: Readonly<Record<string, string>>;
  readonly subscriptions: readonly {
    readonly topic: string;
    readonly subString: string;
    readonly expressionType: string;
    readonly classFilterMode: boolean;
  }[];
  readonly queues: readonly (MessageQueue & ProcessQueueInfo)[];
  readonly popQueues: readonly (MessageQueue & PopQueueInfo)[];
  readonly statusTable: Readonly<Record<string, ConsumerStatusRow>>;
  readonly userConsumerInfo: Readonly<Record<string, string>>;
  readonly jstack?: string;
}

export interface PopQueueInfo {
  readonly waitAckCount: number;
  readonly droped: boolean;
  readonly lastPopTimestamp: number;
}

type ConsumerStatusRow = ConsumerRunningInfo['statusTable'] extends Map<string, infer Row> ? Row : never;

/** One client of a group and what it says. */
export interface ConsumerStatusClient {
  readonly clientId: string;
  readonly versionDesc: string;
  /** Broker that asked it. */
  readonly brokerAddr: string;
  /** Null when it did not answer; the reason is beside it. */
  readonly runningInfo: RunningInfoView | null;
  readonly reason?: string;
}

/** A queue on which a client does not get on. */
export interface StuckQueue extends MessageQueue {
  readonly clientId: string;
  /** `notLocked`: an ordered queue whose lock it does not get; `notUnlocked`: one it cannot give back; `blocked`: messages wait for its listener. */
  readonly kind: 'notLocked' | 'notUnlocked' | 'blocked';
  /** Since when, ms; for `notUnlocked` how often it tried. */
  readonly amount: number;
}

export interface ConsumerStatusResult {
  readonly consumerGroup: string;
  /** By client id. */
  readonly clients: readonly ConsumerStatusClient[];
  /** Empty where all that answered subscribe to the same. */
  readonly subscriptionDifferences: readonly SubscriptionDifference[];
  readonly stuckQueues: readonly StuckQueue[];
}

export interface ConsumerStatusRequest {
  readonly consumerGroup: string;
  /** Only this client. */
  readonly clientId?: string | undefined;
  readonly brokerAddr?: string | undefined;
  readonly jstack?: boolean;
  /** Wall clock. */
  readonly nowMs: number;
}

/**
 * Asks the consumers of a group, through brokers, what they do.
 * @throws NotFoundError when nobody of the group, or not the client, is online
 */
export async function consumerStatus(admin: AdminClient, request: ConsumerStatusRequest): Promise<ConsumerStatusResult> {
  const { consumerGroup, clientId, brokerAddr, jstack = false, nowMs } = request;
  const addrs = brokerAddr !== undefined ? [brokerAddr] : await brokersOfGroup(admin, consumerGroup);
  const online = new Map<string, { brokerAddr: string; version: number }>();
  for (const addr of addrs) {
    for (const client of (await consumersAt(admin, addr, consumerGroup))?.connectionSet ?? []) {
      online.set(client.clientId, online.get(client.clientId) ?? { brokerAddr: addr, version: client.version });
    }
  }
  const wanted = [...online].filter(([id]) => clientId === undefined || id === clientId).sort(([a], [b]) => (a < b ? -1 : 1));
  if (wanted.length === 0) {
    throw notOnline(consumerGroup, clientId, { addrs, online: [...online.keys()] });
  }
  const clients = await mapLimited(wanted, async ([id, at]): Promise<ConsumerStatusClient> => {
    const shown = { clientId: id, versionDesc: versionDesc(at.version), brokerAddr: at.brokerAddr };
    try {
      return { ...shown, runningInfo: await runningInfoOf(admin, at.brokerAddr, { consumerGroup, clientId: id, jstack }) };
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      return { ...shown, runningInfo: null, reason: error.message };
    }
  });
  return {
    consumerGroup,
    clients,
    subscriptionDifferences: subscriptionDifferences(
      clients.map(({ clientId: id, runningInfo }) => ({ clientId: id, subscriptions: runningInfo?.subscriptions ?? [] })),
    ),
    stuckQueues: clients.flatMap((client) => stuckQueuesOf(client, nowMs)),
  };
}

function notOnline(group: string, clientId: string | undefined, where: { addrs: string[]; online: string[] }): MQError {
  const who = clientId === undefined ? `no consumer of group ${group}` : `client ${clientId} of group ${group}`;
  const none = clientId === undefined ? 'is online' : 'is not online';
  return new NotFoundError(`${who} ${none} on ${where.addrs.join(', ')}`, {
    code: 'CONSUMER_NOT_ONLINE',
    hint:
      where.online.length > 0 ? `online: ${where.online.join(', ')}` : `see whether it has offsets: mqadmin consumerProgress -g ${group}`,
    context: { consumerGroup: group, responseCode: ResponseCode.CONSUMER_NOT_ONLINE },
  });
}

async function runningInfoOf(
  admin: AdminClient,
  brokerAddr: string,
  { consumerGroup, clientId, jstack }: { consumerGroup: string; clientId: string; jstack: boolean },
): Promise<RunningInfoView> {
  return viewOf(await askRunningInfo(admin, brokerAddr, { consumerGroup, clientId, jstack }));
}

function viewOf(info: ConsumerRunningInfo): RunningInfoView {
  return {
    properties: Object.fromEntries(info.properties),
    subscriptions: info.subscriptionSet
      .map(({ topic, subString, expressionType, classFilterMode }) => ({ topic, subString, expressionType, classFilterMode }))
      .sort((a, b) => (a.topic < b.topic ? -1 : 1)),
    queues: info.mqTable.map(([queue, state]) => ({ ...queue, ...state })).sort(compareQueues),
    popQueues: info.mqPopTable
      .map(([queue, state]) => ({ ...queue, ...popInfoOf(state as Partial<Record<keyof PopQueueInfo, unknown>> | null) }))
      .sort(compareQueues),
    statusTable: Object.fromEntries([...info.statusTable].sort(([a], [b]) => (a < b ? -1 : 1))),
    userConsumerInfo: Object.fromEntries(info.userConsumerInfo),
    ...(info.jstack === undefined ? {} : { jstack: info.jstack }),
  };
}

function popInfoOf(state: Partial<Record<keyof PopQueueInfo, unknown>> | null): PopQueueInfo {
  return {
    waitAckCount: Number(state?.waitAckCount ?? 0),
    droped: state?.droped === true,
    lastPopTimestamp: Number(state?.lastPopTimestamp ?? 0),
  };
}

/** A queue whose messages nobody took for so long is called blocked, as in Apache's tool. */
const BLOCKED_MS = 60_000;

function stuckQueuesOf({ clientId, runningInfo }: ConsumerStatusClient, nowMs: number): StuckQueue[] {
  if (runningInfo === null || runningInfo.properties.PROP_CONSUME_TYPE !== 'CONSUME_PASSIVELY') {
    return [];
  }
  const isOrderly = runningInfo.properties.PROP_CONSUMEORDERLY === 'true';
  return runningInfo.queues.flatMap((queue): StuckQueue[] => {
    const { topic, brokerName, queueId } = queue;
    const stuck = (kind: StuckQueue['kind'], amount: number): StuckQueue[] => [{ clientId, topic, brokerName, queueId, kind, amount }];
    if (!isOrderly) {
      const sinceMs = nowMs - queue.lastConsumeTimestamp;
      return sinceMs > BLOCKED_MS && queue.cachedMsgCount > 0 ? stuck('blocked', sinceMs) : [];
    }
    if (!queue.locked) {
      return stuck('notLocked', nowMs - queue.lastLockTimestamp);
    }
    return queue.droped && queue.tryUnlockTimes > 0 ? stuck('notUnlocked', queue.tryUnlockTimes) : [];
  });
}
