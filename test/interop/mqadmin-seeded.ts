/*
 * The clusters in which the recorded runs of Apache's mqadmin were made: two masters, the same topics, groups, messages with fixed ids,
 * and Java clients that are connected and write a message trace. Apache's own nodes, or the bundled ones.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '../../src/client/admin/admin-client.js';
import { producerConnection } from '../../src/client/admin/connections.js';
import { commitOffsets, seedMessages } from '../commands/mqadmin/seed.js';
import { apache, type ClientDriver, javaClient, registered, startBundledBroker, startBundledNamesrv } from '../peers/index.js';
import { messageCount, until, untilCommitted } from './support.js';

const AUTH = 'org.apache.rocketmq.auth';
const BOTH = { autoCreateTopicEnable: true, enablePropertyFilter: true, traceTopicEnable: true, mappedFileSizeCommitLog: 64 * 1024 * 1024 };
const PROVIDERS = {
  authenticationMetadataProvider: `${AUTH}.authentication.provider.LocalAuthenticationMetadataProvider`,
  authorizationMetadataProvider: `${AUTH}.authorization.provider.LocalAuthorizationMetadataProvider`,
};

/** Name server and two brokers, where recorded addresses are replaced by those of this cluster. */
export interface TwoBrokers {
  readonly namesrvAddr: string;
  readonly dir: string;
  /** The addresses of broker-a and broker-b. */
  readonly brokers: readonly [string, string];
  toOurs(text: string): string;
  /** From now on what is recorded as the one is the other here. */
  replace(recorded: string, ours: string): void;
  toRecorded(text: string): string;
  stop(): Promise<void>;
}

interface Node {
  readonly address: string;
  kill(): Promise<void>;
}

export async function startTwoBrokers(kind: 'apache' | 'bundled'): Promise<TwoBrokers> {
  const dir = mkdtempSync(join(tmpdir(), `mqkit-recorded-${kind}-`));
  const nodes: Node[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.kill()));
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const namesrv = await (kind === 'apache' ? apacheNamesrv(dir) : bundledNamesrv(dir));
    nodes.push(namesrv);
    const start = kind === 'apache' ? apacheBroker : startBundledBroker;
    const brokers = await Promise.allSettled(
      ['broker-a', 'broker-b'].map((brokerName) => {
        const config = { ...BOTH, brokerName, ...(kind === 'apache' ? PROVIDERS : {}) };
        return start({ namesrvAddr: namesrv.address, dir: join(dir, brokerName), config });
      }),
    );
    for (const broker of brokers) if (broker.status === 'fulfilled') nodes.push(broker.value);
    for (const broker of brokers) if (broker.status === 'rejected') throw broker.reason;
    const [, a, b] = nodes.map((node) => node.address) as [string, string, string];
    await Promise.all([registered(namesrv.address, a), registered(namesrv.address, b)]);
    const pairs: [string, string][] = [
      ['127.0.0.1:49876', namesrv.address],
      ['127.0.0.1:50911', a],
      ['127.0.0.1:52911', b],
    ];
    return {
      namesrvAddr: namesrv.address,
      dir,
      brokers: [a, b],
      replace: (recorded, ours) => void pairs.push([recorded, ours]),
      toOurs: (text) => pairs.reduce((result, [theirs, ours]) => result.replaceAll(theirs, ours), text),
      toRecorded: (text) => pairs.reduce((result, [theirs, ours]) => result.replaceAll(ours, theirs), text),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function apacheNamesrv(dir: string): Promise<Node> {
  const { address, process } = await apache.startNamesrv({ version: '5.3.3', dir: join(dir, 'namesrv') });
  return { address, kill: () => process.kill() };
}

async function bundledNamesrv(dir: string): Promise<Node> {
  const { address, process } = await startBundledNamesrv(join(dir, 'namesrv'));
  return { address, kill: () => process.kill() };
}

function apacheBroker(options: { namesrvAddr: string; dir: string; config: apache.PropertyMap }): Promise<Node> {
  return apache.startBroker({ version: '5.3.3', ...options });
}

/** Sends the messages and connects the clients; topics and groups must be there. Close the driver before the cluster. */
export async function seed(cluster: TwoBrokers): Promise<ClientDriver> {
  const { namesrvAddr } = cluster;
  const java = await javaClient('5.3.3');
  await java.startProducer({ name: 'seed-producer', namesrvAddr, group: 'PG_SEED', trace: true });
  for (const { queue, idx, ...message } of seedMessages()) {
    const properties = idx === undefined ? {} : { properties: { idx } };
    await java.send('seed-producer', { topic: queue.topic, ...message, ...properties }, { queue });
  }
  await commitOffsets(namesrvAddr);

  const first = { namesrvAddr, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' };
  const dlq = { name: 'seed-dlq', group: 'GroupDlq', subscriptions: { DlqSrcTopic: '*' } };
  await java.startPush({ ...first, ...dlq, behaviour: { failTimes: 1000, delayLevel: -1 } });
  const brokerA = { broker: { address: cluster.brokers[0] } } as Parameters<typeof messageCount>[0];
  await until(async () => (await messageCount(brokerA, '%DLQ%GroupDlq', 1)) === 2, 180_000);
  await untilCommitted(java, namesrvAddr, { name: 'seed-dlq', group: 'GroupDlq' });
  await java.stopPush('seed-dlq');

  const subscriptions = { PlainTopic: 'TagA || TagB', OrdersTopic: '*' };
  await java.startPush({ ...first, name: 'seed-push', group: 'GroupPush', trace: true, subscriptions });
  // 27 of the 40 plain messages have the tags, and 8 ordered ones.
  await java.receive('seed-push', 27 + 8, 180_000);
  // Two topics of 8 queues, and the retry queue of each broker.
  await untilCommitted(java, namesrvAddr, { name: 'seed-push', group: 'GroupPush', queues: 18 });
  const admin = new AdminClient({ namesrvAddr });
  try {
    await until(async () => (await producerConnection(admin, 'PG_SEED', 'PlainTopic').catch(() => null)) !== null);
  } finally {
    await admin.close();
  }
  return java;
}
