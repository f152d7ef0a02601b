import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { getProperty } from '../../src/common/message/properties.js';
import type { MessageRecord } from '../../src/common/message/record.js';
import {
  APACHE_VERSIONS,
  type apache,
  type ClientDriver,
  type DrivenSendResult,
  type DriverError,
  goClient,
  javaClient,
  type MessageInit,
  peersAvailable,
  repositoryRoot,
} from '../peers/index.js';
import { type Side, StoreExchange } from './store-exchange.js';
import { dumpQueue, unpackStore } from './store-reading.js';
import { createTopic, interop, startTarget, type Target, targetVersion, until } from './support.js';

const FILES = {
  mappedFileSizeCommitLog: 65_536,
  mappedFileSizeConsumeQueue: 2000,
  mappedFileSizeTimerLog: 520,
  maxHashSlotNum: 50,
  maxIndexNum: 100,
  recallMessageEnable: true,
};

type TimerInit = MessageInit & { delayTimeSec?: number; delayTimeMs?: number; deliverTimeMs?: number };
type TimerResult = DrivenSendResult & { recallHandle: string | null };

/** Timers of a Java driver of 5.x. */
function timersOf(java: ClientDriver) {
  return {
    send: (name: string, message: TimerInit) => java.call<TimerResult>('timer.send', { name, message }),
    recall: (name: string, topic: string, recallHandle: string | null) =>
      java.call<string>('timer.recall', { name, topic, recallHandle: recallHandle ?? '' }),
  };
}

function bodiesOf(records: readonly MessageRecord[]): string[] {
  return records.map(({ body }) => body.toString());
}

async function arrived(target: Target, topic: string, count: number, timeoutMs = 30_000): Promise<MessageRecord[]> {
  await until(async () => (await dumpQueue(target, topic, 0)).records.length >= count, timeoutMs);
  return (await dumpQueue(target, topic, 0)).records;
}

function property(record: MessageRecord | undefined, name: string): string | undefined {
  return record === undefined ? undefined : getProperty(record.properties, name);
}

interop('delay levels and timers of real clients on the bundled nodes', 'java', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget({ recallMessageEnable: true });
  });
  afterAll(() => target?.stop());

  const clients = [...APACHE_VERSIONS.map((version) => `java ${version}`), ...(peersAvailable().go ? ['go'] : [])];
  it.each(clients)('checklist 9: delay level 1 arrives after 1 s, level 19 waits as 18 (%s)', async (kind) => {
    const id = kind.replaceAll(/[ .]/g, '');
    const driver = kind === 'go' ? await goClient() : await javaClient(kind === 'java 4.9.7' ? '4.9.7' : '5.3.3');
    try {
      const topic = `Levels${id}`;
      await createTopic(target, topic, 1);
      await driver.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `L${id}` });
      const consumer = { name: 'c', namesrvAddr: target.namesrvAddr, group: `LC${id}`, subscriptions: { [topic]: '*' } };
      await driver.startPush({ ...consumer, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
      const highest = (await dumpQueue(target, 'SCHEDULE_TOPIC_XXXX', 17)).maxOffset;
      await driver.send('p', { topic, body: 'far', delayTimeLevel: 19 });
      const sent = await driver.send('p', { topic, body: 'soon', tags: 'A', delayTimeLevel: 1 });
      expect(sent).toMatchObject({ sendStatus: 'SEND_OK', queueId: 0 });
      const [delivery] = await driver.receive('c', 1);
      expect(delivery?.body).toBe('soon');
      const [record] = await arrived(target, topic, 1);
      expect(record!.storeTimestamp - record!.bornTimestamp).toBeGreaterThanOrEqual(1000);
      expect(record!.storeTimestamp - record!.bornTimestamp).toBeLessThan(20_000);
      expect(['DELAY', 'REAL_TOPIC', 'REAL_QID', 'TAGS'].map((name) => property(record, name))).toEqual(['1', topic, '0', 'A']);
      const parked = (await dumpQueue(target, 'SCHEDULE_TOPIC_XXXX', 17)).records.slice(highest);
      expect(parked.map((one) => property(one, 'REAL_TOPIC'))).toEqual([topic]);
    } finally {
      await driver.close();
    }
  });

  describe('client 5.3.3', () => {
    let java: ClientDriver;
    beforeAll(async () => {
      java = await javaClient('5.3.3');
      await java.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: 'PTimer' });
    });
    afterAll(() => java?.close());

    it('checklist 10: timers arrive at their time; too far is refused with 13', async () => {
      const timers = timersOf(java);
      const topic = 'TimerKinds';
      await createTopic(target, topic, 1);
      const deliverTimeMs = Date.now() + 3700;
      await timers.send('p', { topic, body: 'at', deliverTimeMs });
      await timers.send('p', { topic, body: 'ms', delayTimeMs: 2500 });
      await timers.send('p', { topic, body: 'sec', delayTimeSec: 1 });
      await timers.send('p', { topic, body: 'past', deliverTimeMs: Date.now() - 5000 });
      const far = await timers
        .send('p', { topic, body: 'far', delayTimeMs: 3 * 86_400_000 + 1000 })
        .catch((error: unknown) => error as DriverError);
      expect(far).toMatchObject({ code: 13 });
      const records = await arrived(target, topic, 4);
      expect(bodiesOf(records).sort()).toEqual(['at', 'ms', 'past', 'sec']);
      for (const record of records) {
        const kind = record.body.toString();
        if (kind === 'past') continue;
        const dueMs = { at: deliverTimeMs, ms: record.bornTimestamp + 2500, sec: record.bornTimestamp + 1000 }[kind]!;
        // Apache's broker may deliver up to a step before; how near ours is, accuracy.long.test.ts shows.
        expect(record.storeTimestamp - dueMs).toBeGreaterThanOrEqual(targetVersion() === null ? 0 : -1000);
        expect(record.storeTimestamp - dueMs).toBeLessThan(20_000);
        expect(property(record, 'REAL_TOPIC')).toBe(topic);
      }
    });

    it('recalls a timer message, and is told when it is too late', async () => {
      const timers = timersOf(java);
      const topic = 'TimerRecalls';
      await createTopic(target, topic, 1);
      const kept = await timers.send('p', { topic, body: 'kept', delayTimeMs: 6000 });
      const gone = await timers.send('p', { topic, body: 'gone', delayTimeMs: 6000 });
      expect(await timers.recall('p', topic, gone.recallHandle)).toBe(gone.msgId);
      const last = await timers.send('p', { topic, body: 'last', delayTimeMs: 7500 });
      expect(bodiesOf(await arrived(target, topic, 2))).toEqual(['kept', 'last']);
      for (const late of [kept, last]) {
        await expect(timers.recall('p', topic, late.recallHandle)).rejects.toMatchObject({ code: 604 });
      }
    });
  });

  it('checklist 10: with timerWheelEnable=false a timer is refused with 1', async () => {
    const plain = await startTarget({ timerWheelEnable: false });
    const java = await javaClient('5.3.3');
    try {
      await createTopic(plain, 'NoTimers', 1);
      await java.startProducer({
        name: 'p',
        namesrvAddr: plain.namesrvAddr,
        group: 'PNoTimer',
        retryTimesWhenSendFailed: 0,
      });
      await expect(timersOf(java).send('p', { topic: 'NoTimers', body: 'x', delayTimeSec: 2 })).rejects.toMatchObject({ code: 1 });
    } finally {
      await java.close();
      await plain.stop();
    }
  });
});

interop('a store with messages that wait, opened by the other side', 'java', () => {
  let exchange: StoreExchange;

  beforeEach(async () => {
    exchange = await StoreExchange.start('timers');
  });
  afterEach(async () => {
    await exchange?.end();
  });

  /** A broker of either kind on the folder. */
  const open = async (side: Side, storeDir: string, config: apache.PropertyMap = {}) => {
    const broker = await exchange.open(side, { storeDir, config: { ...FILES, ...config } });
    return { broker, target: exchange.targetOf(broker) };
  };

  it.each([
    ['ours', '5.3.3', false],
    ['5.3.3', 'ours', true],
  ] as const)('%s writes, %s delivers each once (killed: %s)', async (writer, reader, isKilled) => {
    const storeDir = join(exchange.dir, 'store');
    const java = await javaClient('5.3.3');
    exchange.onEnd(() => java.close());
    const timers = timersOf(java);
    const first = await open(writer, storeDir);
    const topic = 'Waiting';
    await createTopic(first.target, topic, 1);
    await java.startProducer({ name: 'p', namesrvAddr: exchange.namesrvAddr, group: 'PWaiting' });
    await timers.send('p', { topic, body: 'early', delayTimeMs: 1000 });
    await arrived(first.target, topic, 1);
    const deliverTimeMs = Date.now() + 6000;
    await timers.send('p', { topic, body: 'timer 1', deliverTimeMs });
    await timers.send('p', { topic, body: 'timer 2', deliverTimeMs: deliverTimeMs + 2000 });
    const gone = await timers.send('p', { topic, body: 'gone', deliverTimeMs: deliverTimeMs + 2000 });
    await timers.send('p', { topic, body: 'hours', delayTimeSec: 7200 });
    await java.send('p', { topic, body: 'level', delayTimeLevel: 2 });
    await timers.recall('p', topic, gone.recallHandle);
    // Both sides put their progress on the disk every second.
    const from = performance.now();
    await until(() => performance.now() - from > 2200);
    await java.close();
    await (isKilled ? first.broker.kill() : first.broker.stop());

    const second = await open(reader, storeDir);
    const records = await arrived(second.target, topic, 4);
    expect(bodiesOf(records).sort()).toEqual(['early', 'level', 'timer 1', 'timer 2']);
    for (const record of records.slice(1)) expect(property(record, 'REAL_TOPIC')).toBe(topic);
    const waited = (body: string): number => records.find((record) => record.body.toString() === body)!.storeTimestamp;
    // Apache's broker delivers a slot when it is over, ours each message at its time; neither before.
    expect(waited('timer 1')).toBeGreaterThanOrEqual(deliverTimeMs);
    expect(waited('timer 2')).toBeGreaterThanOrEqual(deliverTimeMs + 2000);
    const parked = await dumpQueue(second.target, 'rmq_sys_wheel_timer', 0);
    expect(bodiesOf(parked.records)).toContain('hours');
  });

  // Apache's orderly stop takes long: the recorded store stands for it.
  it('the store recorded from Apache 5.3.3 delivers what was pending, and not what was recalled', async () => {
    const unpacked = unpackStore(join(repositoryRoot, 'test', 'broker', 'store', 'vectors', 'timer', 'store-timer.tar.gz'));
    exchange.onEnd(() => rmSync(unpacked, { recursive: true, force: true }));
    const { target } = await open('ours', join(unpacked, 'store'), {
      brokerClusterName: 'FixtureCluster',
      brokerName: 'fix-a',
      mappedFileSizeCommitLog: 16_384,
      mappedFileSizeConsumeQueue: 200,
    });
    const records = await arrived(target, 'TimerTopic', 5);
    const bodies = ['deliver in the past', 'delay 2 s', 'delay 3500 ms', 'deliver at', 'pending 1 h'];
    expect(bodiesOf(records).slice(0, 5)).toEqual(bodies);
    // Sent on 2026-11-21 for two and a half days later.
    expect(
      bodiesOf(records)
        .slice(5)
        .every((body) => body === 'pending 2.5 days, rolls'),
    ).toBe(true);
  });
});
