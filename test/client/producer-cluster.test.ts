import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Producer, type ProducerOptions } from '../../src/client/producer/producer.js';
import type { SendResult } from '../../src/client/types.js';
import { type MQError, TimeoutError } from '../../src/common/errors.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { RawClient } from '../broker/kit.js';
import { type Sandbox, type SpawnedNode, spawnBroker, startSandbox, until } from '../sandbox.js';
import { sendAsyncResult } from './fake-cluster.js';

const QUEUES = 4;

let dir: string;
let sandbox: Sandbox;
let brokers: SpawnedNode[];
let producer: Producer | undefined;

/** A name server here, and two brokers as processes of their own: what a kill or a stop does to them is real. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mqkit-two-'));
  sandbox = await startSandbox({ brokers: 0 });
  brokers = await Promise.all(['broker-a', 'broker-b'].map((name) => startBroker(name)));
});
afterEach(async () => {
  await producer?.shutdown();
  producer = undefined;
});
afterAll(async () => {
  for (const broker of brokers ?? []) {
    broker.process.kill('SIGCONT');
    await broker.kill();
  }
  await sandbox?.stop();
  await rm(dir, { recursive: true, force: true, maxRetries: 5 });
});

function startBroker(name: string): Promise<SpawnedNode> {
  const settings = {
    namesrvAddr: sandbox.namesrvAddr,
    brokerName: name,
    brokerClusterName: 'DefaultCluster',
    brokerIP1: '127.0.0.1',
    // On a machine with other load a broker may stand still for a moment; that is not what is tested.
    brokerFastFailureEnable: false,
  };
  return spawnBroker(join(dir, name), { settings });
}

async function createTopic(topic: string): Promise<void> {
  for (const { address } of brokers) {
    const client = new RawClient(address);
    const fields = {
      topic,
      defaultTopic: 'TBW102',
      readQueueNums: String(QUEUES),
      writeQueueNums: String(QUEUES),
      perm: '6',
      topicFilterType: 'SINGLE_TAG',
      topicSysFlag: '0',
      order: 'false',
    };
    expect(await client.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, fields)).toMatchObject({ code: ResponseCode.SUCCESS });
    await client.close();
  }
}

async function startProducer(options: Partial<ProducerOptions> = {}): Promise<Producer> {
  producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_two', ...options });
  await producer.start();
  return producer;
}

/** Messages of a topic on one broker. */
async function countOn(address: string, topic: string): Promise<number> {
  const client = new RawClient(address);
  let count = 0;
  for (let queueId = 0; queueId < QUEUES; queueId++) {
    const answer = await client.invoke(RequestCode.GET_MAX_OFFSET, { topic, queueId: String(queueId) });
    count += Number(answer.extFields?.offset);
  }
  await client.close();
  return count;
}

const message = (topic: string, i: number) => ({ topic, body: Buffer.from(`message ${i}`) });

describe('a producer with two brokers', () => {
  it('keeps within its budget when a broker hangs, and with latency fault tolerance leaves it out', async () => {
    await createTopic('Hangs');
    const [, b] = brokers;
    b!.process.kill('SIGSTOP');
    try {
      const p = await startProducer({ sendMsgMaxTimeoutPerRequestMs: 1_000, sendMsgTimeoutMs: 20_000, sendLatencyFaultEnable: true });
      const results: SendResult[] = [];
      for (let i = 0; i < 30; i++) results.push(await p.send(message('Hangs', i)));
      expect(new Set(results.map(({ messageQueue }) => messageQueue.brokerName))).toEqual(new Set(['broker-a']));
      // One attempt found out; the next would come after 10 s.
      expect(p.stats()).toMatchObject({ succeeded: 30, failed: 0 });
      expect(p.stats().retries).toBeLessThanOrEqual(2);
      await p.shutdown();

      const impatient = await startProducer({ sendMsgTimeoutMs: 500 });
      const queue = { topic: 'Hangs', brokerName: 'broker-b', queueId: 0 };
      await impatient.fetchPublishMessageQueues('Hangs');
      const startMs = performance.now();
      const error = await impatient.send(message('Hangs', 0), { queue }).catch((thrown: MQError) => thrown);
      expect(error).toBeInstanceOf(TimeoutError);
      expect(performance.now() - startMs).toBeLessThan(5_000);
    } finally {
      b!.process.kill('SIGCONT');
    }
  });

  it('loses nothing that it called sent when a broker is killed among sends', async () => {
    await createTopic('Killed');
    const p = await startProducer({ sendMsgTimeoutMs: 20_000, pollNameServerIntervalMs: 200 });
    await p.fetchPublishMessageQueues('Killed');
    const sends: Promise<SendResult>[] = [];
    const [a, b] = brokers;
    for (let i = 0; i < 600; i++) {
      if (i === 200) void b!.kill();
      sends.push(
        i % 2 === 0 ? p.send(message('Killed', i)) : sendAsyncResult((handler) => p.sendAsync(message('Killed', i), handler, null)),
      );
      if (i % 20 === 0) await new Promise(setImmediate);
    }
    const results = await Promise.all(sends);
    await b!.exited;
    const onA = results.filter(({ messageQueue }) => messageQueue.brokerName === 'broker-a').length;
    // A retry goes to another broker, so each message is on the one that answered exactly once.
    expect(await countOn(a!.address, 'Killed')).toBe(onA);
    expect(new Set(results.map(({ msgId }) => msgId)).size).toBe(600);
    for (let i = 0; i < 8; i++) expect((await p.send(message('Killed', i))).messageQueue.brokerName).toBe('broker-a');
    expect(p.stats()).toMatchObject({ succeeded: 608, failed: 0 });

    brokers[1] = await startBroker('broker-b');
    const onB = results.length - onA;
    // What the killed broker took without its answer arriving is there twice: once on each, with the same msgId.
    expect(await countOn(brokers[1].address, 'Killed')).toBeGreaterThanOrEqual(onB);
    await until(async () => (await p.send(message('Killed', 0))).messageQueue.brokerName === 'broker-b', 20_000);
  });
});
