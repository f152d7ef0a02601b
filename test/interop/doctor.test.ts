/* The doctor and the checks on Apache's nodes: first all is well, then things are broken one after the other. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AdminClient } from '../../src/client/admin/admin-client.js';
import { runCheck } from '../../src/client/admin/check/index.js';
import { type DoctorReport, type DoctorRequest, diagnose } from '../../src/client/admin/doctor/index.js';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import { RemotingClient } from '../../src/remoting/client.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { apache, rawRequest } from '../peers/index.js';
import { createGroup, createTopic, interop, messageCount, type Target, until } from './support.js';

const TOPIC = 'Orders';
const GROUP = 'Billing';
const UPDATE_CONSUMER_OFFSET = 15;
const MESSAGES = 12;

interop('the doctor on an Apache cluster', 'java', () => {
  let target: Target;
  let admin: AdminClient;

  beforeAll(async () => {
    target = await apache.startCluster({ version: '5.3.3' });
    admin = new AdminClient({ namesrvAddr: target.namesrvAddr, timeoutMs: 30_000 });
    await createTopic(target, TOPIC, 2);
    await createGroup(target, GROUP);
  });
  afterAll(async () => {
    await admin?.close();
    await target?.stop();
  });

  /** `severity id name` of all findings but those that are the machine's: its disk and its load. */
  const short = ({ findings }: DoctorReport): string[] =>
    findings.filter(({ id }) => !/^disk-|-busy$/.test(id)).map(({ severity, id, name }) => `${severity} ${id} ${name}`);
  const look = (request: DoctorRequest = {}): Promise<DoctorReport> => diagnose(admin, { intervalMs: 300, ...request });

  it('finds nothing where all is well, and nothing that it cannot look at', async () => {
    const report = await look();
    expect(short(report)).toEqual([]);
    expect(report.looked).toMatchObject({ namesrvs: 1, brokers: 1, topics: 1, groups: 1 });
  });

  it('finds a topic that cannot be written', async () => {
    await createTopic(target, 'ReadOnly', 1, 4);
    expect(short(await look({ scope: 'topic' }))).toEqual(['critical topic-not-writable ReadOnly']);
    expect(await runCheck(admin, { check: 'topic', topic: 'ReadOnly' })).toMatchObject({ status: 'CRITICAL' });
    expect(await runCheck(admin, { check: 'topic', topic: TOPIC })).toMatchObject({ status: 'OK', values: [{ value: 2 }] });
  });

  it('finds a group that is behind without a consumer, and settings that stop one', async () => {
    const producer = new Producer({ namesrvAddr: target.namesrvAddr, producerGroup: 'Shop', sendMsgTimeoutMs: 30_000 });
    await producer.start([TOPIC]);
    for (let i = 0; i < MESSAGES; i++) {
      await producer.send({ topic: TOPIC, body: Buffer.from('order') });
    }
    await producer.shutdown();
    for (const queueId of ['0', '1']) {
      const fields = { consumerGroup: GROUP, topic: TOPIC, queueId, commitOffset: '0' };
      expect(await rawRequest(target.broker.address, UPDATE_CONSUMER_OFFSET, fields)).toMatchObject({ code: 0 });
    }
    // A broker of Apache's puts messages into their queues a moment after it said that they are stored.
    await until(async () => (await messageCount(target, TOPIC, 2)) === MESSAGES, 60_000);
    const report = await look({ scope: 'group', name: GROUP, limits: { lagWarning: MESSAGES } });
    expect(short(report)).toEqual([`warning lag-no-consumer ${GROUP}`]);
    expect(report.findings.find(({ id }) => id === 'lag-no-consumer')?.evidence).toMatchObject({ lag: MESSAGES, topics: [TOPIC] });
    const lag = { check: 'lag', group: GROUP } as const;
    expect(await runCheck(admin, { ...lag, critical: String(MESSAGES - 1) })).toMatchObject({ status: 'CRITICAL' });
    expect(await runCheck(admin, { ...lag, metric: 'seconds' })).toMatchObject({ unit: 's', status: 'OK' });
    await createGroup(target, 'Stopped', { consumeEnable: false, retryMaxTimes: 0 });
    expect(short(await look({ scope: 'group', name: 'Stopped' }))).toEqual([
      'warning group-disabled Stopped',
      'warning group-no-retries Stopped',
    ]);
  });

  it('finds members that subscribe differently, which the broker does not tell', async () => {
    const consumers = ['*', 'Paid'].map((expression) => {
      const consumer = new PushConsumer({ namesrvAddr: target.namesrvAddr, consumerGroup: GROUP, heartbeatBrokerIntervalMs: 200 });
      consumer.subscribe(TOPIC, expression);
      consumer.onMessage(() => 'CONSUME_SUCCESS');
      return consumer;
    });
    await Promise.all(consumers.map((consumer) => consumer.start()));
    try {
      await until(
        async () => short(await look({ scope: 'group', name: GROUP })).includes(`critical subscription-mismatch ${GROUP}`),
        60_000,
      );
    } finally {
      await Promise.all(consumers.map((consumer) => consumer.shutdown()));
    }
  });

  it('reads brokers, disks and sends for monitoring', async () => {
    const generous = { warning: '~:9999999', critical: '~:9999999' };
    for (const check of ['broker', 'disk', 'cluster'] as const) {
      expect(await runCheck(admin, { check, ...generous })).toMatchObject({ status: 'OK' });
    }
    expect(await runCheck(admin, { check: 'send', topic: TOPIC, ...generous })).toMatchObject({
      status: 'OK',
      notes: [expect.stringContaining(`was stored in ${TOPIC}`)],
    });
    expect(await runCheck(admin, { check: 'slave' })).toMatchObject({ status: 'UNKNOWN' });
  });

  it('finds a broker that the name server has and nobody reaches', async () => {
    const remoting = new RemotingClient({ connectTimeoutMs: 3_000 });
    try {
      const extFields = {
        brokerName: 'broker-gone',
        brokerAddr: '127.0.0.1:1',
        clusterName: target.clusterName,
        haServerAddr: '127.0.0.1:2',
        brokerId: '0',
        compressed: 'false',
        bodyCrc32: '0',
      };
      await remoting.invoke(target.namesrvAddr, { code: RequestCode.REGISTER_BROKER, extFields }, 5_000);
      expect(short(await look({ scope: 'cluster' }))).toEqual(['critical broker-unreachable broker-gone']);
      expect(await runCheck(admin, { check: 'cluster' })).toMatchObject({
        status: 'CRITICAL',
        notes: ['broker-gone (127.0.0.1:1) does not answer'],
      });
    } finally {
      await remoting.close();
    }
  });
});
