import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { APACHE_VERSIONS, apache, type ClientDriver, javaClient, startBundledBroker } from '../peers/index.js';
import { type ExchangeBroker, type Side, StoreExchange } from './store-exchange.js';
import { committedOffset, dumpTopics, offsetsByKey, type QueueDump } from './store-reading.js';
import { createGroup, createTopic, interop, rawPull, type Target, targetVersion, until } from './support.js';

const FILES = { mappedFileSizeCommitLog: 65_536, mappedFileSizeConsumeQueue: 2000, maxHashSlotNum: 50, maxIndexNum: 100 };
const TOPICS = { Plain: 4, Batched: 1, Zipped: 1, '%RETRY%StoreGroup': 1, SCHEDULE_TOPIC_XXXX: 18 };

interop('a store written by one side and opened by the other', 'java', () => {
  let java: ClientDriver;
  let exchange: StoreExchange;
  let rounds = 0;

  beforeAll(async () => {
    exchange = await StoreExchange.start('stores');
    java = await javaClient('5.3.3');
  });
  afterAll(async () => {
    await java?.close();
    await exchange?.end();
  });

  /** A broker of either kind on the folder, always at the same port. */
  const open = (wanted: Side, at: { storeDir: string; port?: number }): Promise<ExchangeBroker> => {
    const side = wanted === 'ours' ? (targetVersion() ?? wanted) : wanted;
    return exchange.open(side, { ...at, config: FILES, apacheConfig: { timerWheelEnable: false } });
  };
  const targetOf = (broker: Target['broker']): Target => exchange.targetOf(broker);

  /** One of each kind of message, more than a commit log file of them, and a committed offset. */
  const fill = async (target: Target, part: string): Promise<void> => {
    const mark = `${rounds}-${part}`;
    for (const topic of ['Plain', 'Batched', 'Zipped'] as const) await createTopic(target, topic, TOPICS[topic]);
    await createGroup(target, 'StoreGroup');
    const p = `p-${mark}`;
    await java.startProducer({ name: p, namesrvAddr: exchange.namesrvAddr, group: `StoreProducer-${mark}` });
    await java.sendMany(p, { topic: 'Plain', tags: 'A', keys: `key-${part}-%d all`, bodyBytes: 700 }, { count: 150 });
    await java.sendBatch(
      p,
      Array.from({ length: 5 }, (_, i) => ({ topic: 'Batched', body: `${mark} ${i}`, keys: `b${i}` })),
    );
    await java.send(p, { topic: 'Zipped', bodyBytes: 10_000 });
    await java.send(p, { topic: 'Plain', body: `delayed ${mark}`, delayTimeLevel: 18 });
    const consumer = {
      name: `c-${mark}`,
      namesrvAddr: exchange.namesrvAddr,
      group: 'StoreGroup',
      subscriptions: { Batched: '*' },
      behaviour: { failTimes: 1, delayLevel: 1 },
    };
    await java.startPush({ ...consumer, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
    await java.receive(`c-${mark}`, 10);
    await until(async () => {
      await java.call('push.persist', { name: consumer.name });
      return (await committedOffset(target, 'StoreGroup', '%RETRY%StoreGroup', 0)) === (await maxOf(target, '%RETRY%StoreGroup'));
    });
    await java.stopPush(`c-${mark}`);
    await java.stopProducer(p);
  };
  const maxOf = async (target: Target, topic: string): Promise<number> =>
    Number((await rawPull(target, { topic, queueId: 0, offset: 0, maxNums: 1 })).extFields?.maxOffset ?? 0);

  const snapshot = async (target: Target) => ({
    queues: await dumpTopics(target, TOPICS),
    // Apache's recovery after a kill indexes some records twice.
    byKey: await Promise.all(
      ['key-first-0', 'key-first-149', 'key-second-77', 'b3'].map(async (key) => [
        ...new Set(await offsetsByKey(target, key === 'b3' ? 'Batched' : 'Plain', key)),
      ]),
    ),
    committed: await committedOffset(target, 'StoreGroup', 'Batched', 0),
  });
  const expectSame = (now: Awaited<ReturnType<typeof snapshot>>, before: Awaited<ReturnType<typeof snapshot>>, killed: boolean): void => {
    // Delay offsets are kept every ten seconds: after a kill, retries delivered since then are delivered once more behind the first ones.
    const mayGrow = (name: string) => killed && name.startsWith('%RETRY%');
    const summary = (queues: Map<string, QueueDump>) =>
      [...queues].flatMap(([name, { minOffset, maxOffset, records }]) =>
        mayGrow(name) ? [] : `${name} ${minOffset}..${maxOffset}: ${records.length}`,
      );
    expect(summary(now.queues)).toEqual(summary(before.queues));
    for (const [name, { bytes, records }] of before.queues) {
      const present = now.queues.get(name);
      expect(present?.bytes.subarray(0, bytes.length).equals(bytes), name).toBe(true);
      const more = (present?.records.length ?? 0) - records.length;
      expect(more, name).toBeLessThanOrEqual(mayGrow(name) ? (before.queues.get('SCHEDULE_TOPIC_XXXX/0')?.records.length ?? 0) : 0);
    }
    expect(now.byKey).toEqual(before.byKey);
    // Offsets are kept every five seconds; a kill may lose the last ones.
    if (killed) expect(now.committed ?? 0).toBeLessThanOrEqual(before.committed ?? 0);
    else expect(now.committed).toBe(before.committed);
  };

  describe.each(APACHE_VERSIONS)('Apache %s', (version) => {
    it.each([
      ['an orderly stop', false],
      ['kill -9', true],
    ])('ours, then Apache, then ours again: nothing is lost after %s', async (_how, kill) => {
      const storeDir = join(exchange.dir, `round-${++rounds}`, 'store');
      const ours = await open('ours', { storeDir });
      await fill(targetOf(ours), 'first');
      const first = await snapshot(targetOf(ours));
      expect(first.queues.get('SCHEDULE_TOPIC_XXXX/17')?.records).toHaveLength(1);
      expect(first.byKey.map((offsets) => offsets.length)).toEqual([1, 1, 0, 1]);
      await (kill ? ours.kill() : ours.stop());

      const theirs = await open(version, { storeDir, port: ours.port });
      expectSame(await snapshot(targetOf(theirs)), first, kill);
      await fill(targetOf(theirs), 'second');
      const second = await snapshot(targetOf(theirs));
      expect(second.queues.get('SCHEDULE_TOPIC_XXXX/17')?.records).toHaveLength(2);
      await (kill ? theirs.kill() : theirs.stop());

      const again = await open('ours', { storeDir, port: ours.port });
      expectSame(await snapshot(targetOf(again)), second, kill);
      await fill(targetOf(again), 'third');
      await again.stop();
    });
  });

  it('neither side opens a folder that the other one uses', async () => {
    const storeDir = join(exchange.dir, 'locked', 'store');
    const ours = await open('ours', { storeDir });
    // 4.9.7, because 5.3.3 takes twenty seconds to end after it was refused.
    const refusedJava = await apache
      .startBroker({
        version: '4.9.7',
        namesrvAddr: exchange.namesrvAddr,
        dir: join(exchange.dir, 'locked', 'theirs'),
        storeDir,
        config: FILES,
      })
      .then((broker) => broker.kill().then(() => 'started'), String);
    expect(refusedJava).toMatch(/Lock failed,MQ already started/);
    await ours.stop();
    const theirs = await open('5.3.3', { storeDir });
    const refused = await startBundledBroker({
      namesrvAddr: exchange.namesrvAddr,
      dir: join(exchange.dir, 'locked', 'mine'),
      storeDir,
      config: FILES,
      wait: false,
    });
    expect(await refused.process.exited).not.toBe(0);
    expect(refused.process.output).toMatch(/lock/i);
    await theirs.kill();
  });
});
