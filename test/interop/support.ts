import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AdminClient } from '../../src/client/admin/admin-client.js';
import { groupProgress } from '../../src/client/admin/consumer-progress.js';
import {
  APACHE_VERSIONS,
  type ApacheVersion,
  apache,
  type ClientDriver,
  type DrivenMessage,
  peersAvailable,
  peersRequired,
  type RawResponse,
  rawRequest,
  startBundledCluster,
} from '../peers/index.js';

/** Nodes that start at the same time: where one of them does not, the others are stopped before that is told. */
export async function startAll<T extends readonly { stop(): Promise<unknown> }[]>(
  ...starts: { readonly [K in keyof T]: Promise<T[K]> }
): Promise<T> {
  const ends = await Promise.allSettled<T[number]>(starts);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(ends.map((end) => (end.status === 'fulfilled' ? end.value.stop() : null)));
    throw failed.reason;
  }
  return ends.map((end) => (end as PromiseFulfilledResult<T[number]>).value) as unknown as T;
}

/** What the tests need of a cluster, ours or Apache's. */
export interface Target {
  readonly namesrvAddr: string;
  readonly clusterName: string;
  readonly brokerName: string;
  readonly broker: { readonly address: string; readonly storeDir: string };
  restartBroker(options?: { kill?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The cluster under test: the bundled nodes. MQKIT_INTEROP_TARGET=5.3.3 (or 4.9.7) runs the same tests on Apache's own, which shows
 * whether an expectation is true of the original.
 */
export function startTarget(brokerConfig: apache.PropertyMap = {}): Promise<Target> {
  const version = process.env.MQKIT_INTEROP_TARGET;
  if (isApacheVersion(version)) return apache.startCluster({ version, brokerConfig });
  return startBundledCluster({ brokerConfig });
}

/** The Apache release that stands in for the bundled nodes, if one does. */
export function targetVersion(): ApacheVersion | null {
  const version = process.env.MQKIT_INTEROP_TARGET;
  return isApacheVersion(version) ? version : null;
}

function isApacheVersion(text: string | undefined): text is ApacheVersion {
  return APACHE_VERSIONS.some((version) => version === text);
}

/** A suite that needs peers: skipped with the reason where they are missing, failed with MQKIT_INTEROP=require. */
export function interop(name: string, needs: 'java' | 'java and go' | 'node', body: () => void): void {
  const available = peersAvailable();
  const satisfied = needs === 'node' || (available.java && (needs === 'java' || available.go));
  if (satisfied) describe(name, body);
  else if (peersRequired()) {
    describe(name, () => {
      it('finds its peers', () => expect.fail(`${available.reason} (MQKIT_INTEROP=require)`));
    });
  } else describe.skip(`${name} (skipped: ${available.reason})`, body);
}

/** Creates or changes a topic by request 17. */
export async function createTopic(target: Target, topic: string, queues = 4, perm = 6): Promise<void> {
  const response = await rawRequest(target.broker.address, 17, {
    topic,
    defaultTopic: 'TBW102',
    readQueueNums: String(queues),
    writeQueueNums: String(queues),
    perm: String(perm),
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: '0',
    order: 'false',
  });
  expect(response).toMatchObject({ code: 0 });
  await until(async () => (await route(target, topic)) !== null);
}

/**
 * Creates a consumer group with its retry topic. A consumer whose retry topic is new finds the route of it only at its next poll, up
 * to 30 s later; tests of redelivery do not wait for that.
 */
export async function createGroup(target: Target, group: string, config: Record<string, unknown> = {}): Promise<void> {
  const response = await rawRequest(target.broker.address, 200, {}, JSON.stringify({ groupName: group, ...config }));
  expect(response).toMatchObject({ code: 0 });
  await createTopic(target, `%RETRY%${group}`, 1);
}

export interface RouteData {
  queueDatas: { brokerName: string; readQueueNums: number; writeQueueNums: number; perm: number }[];
  brokerDatas: { cluster: string; brokerName: string; brokerAddrs: Record<string, string> }[];
}

/** The route of a topic as the name server tells it, or null. Asked in the form with quoted keys. */
export async function route(target: Target, topic: string): Promise<RouteData | null> {
  const response = await rawRequest(target.namesrvAddr, 105, { topic, acceptStandardJsonOnly: 'true' });
  if (response.code === 17) return null;
  expect(response).toMatchObject({ code: 0 });
  return JSON.parse(response.body.toString('utf8'));
}

/** One pull with the subscription in its header, by hand. */
export function rawPull(
  target: Target,
  init: { topic: string; queueId: number; offset: number; group?: string; maxNums?: number; expression?: string },
): Promise<RawResponse> {
  return rawRequest(target.broker.address, 11, {
    consumerGroup: init.group ?? 'raw_pull_group',
    topic: init.topic,
    queueId: String(init.queueId),
    queueOffset: String(init.offset),
    maxMsgNums: String(init.maxNums ?? 32),
    sysFlag: '4',
    commitOffset: '0',
    suspendTimeoutMillis: '0',
    subscription: init.expression ?? '*',
    subVersion: '0',
    expressionType: 'TAG',
  });
}

/** What a group's dead-letter queue holds, once it holds `count` messages. */
export async function deadLetters(target: Target, java: ClientDriver, group: string, count: number): Promise<DrivenMessage[]> {
  const name = `dlq-${group}`;
  const queue = { topic: `%DLQ%${group}`, brokerName: target.brokerName, queueId: 0 };
  await java.startPull({ name, namesrvAddr: target.namesrvAddr, group: `Dead${group}` });
  try {
    const maxOffset = () => java.offset(name, queue, 'max').catch(() => 0);
    await until(async () => (await maxOffset()) >= count);
    return (await java.pull(name, queue, { offset: 0 })).messages;
  } finally {
    await java.stopPull(name);
  }
}

/** Message in the queues of a topic, as the broker counts them (max offsets added up). */
export async function messageCount(target: Target, topic: string, queues: number): Promise<number> {
  let total = 0;
  for (let queueId = 0; queueId < queues; queueId++) {
    const response = await rawRequest(target.broker.address, 30, { topic, queueId: String(queueId) });
    total += Number(response.extFields?.offset ?? 0);
  }
  return total;
}

export function bodyOf(message: DrivenMessage): string {
  return Buffer.from(message.bodyBase64 ?? '', 'base64').toString('utf8');
}

/** Waits until a Java consumer has told the brokers that it consumed all there is; a message that it has just got may not be counted yet. */
export async function untilCommitted(
  java: ClientDriver,
  namesrvAddr: string,
  { name, group, queues }: { name: string; group: string; queues?: number },
): Promise<void> {
  const admin = new AdminClient({ namesrvAddr, timeoutMs: 30_000 });
  try {
    await until(async () => {
      await java.call('push.persist', { name });
      const progress = await groupProgress(admin, { consumerGroup: group }).catch(() => null);
      return progress?.diffTotal === 0 && (queues === undefined || progress.queues.length === queues);
    }, 180_000);
  } finally {
    await admin.close();
  }
}

/** Clients look by themselves every 20 s, and what is silent for two minutes is dropped: what shows within this time was told. */
export const TOLD_MS = 10_000;

/** Waits until the condition holds; the limit is for what never comes, not for a slow machine. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`condition did not hold within ${timeoutMs} ms: ${condition}`);
    await delay(20);
  }
}
