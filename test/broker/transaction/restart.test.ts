import { describe, expect, it } from 'vitest';
import { until } from '../../sandbox.js';
import { FakeTime } from '../fake-time.js';
import { propertiesOf } from '../kit.js';
import { unpackVector } from '../store/store-kit.js';
import { GIVEN_UP_TOPIC, HALF_TOPIC, OP_TOPIC, TransactionBroker } from './kit.js';

const INTERVAL = 30_000;

async function afterKill(
  broker: TransactionBroker,
  settings: Record<string, string | number | boolean> = {},
  losesOffsets = false,
): Promise<TransactionBroker> {
  const again = await TransactionBroker.start(settings, { dir: broker.copyAsKilled({ losesOffsets }), time: broker.time });
  await again.join();
  return again;
}

describe('after a kill', () => {
  it('half messages are there, and their producers are asked', async () => {
    const broker = await TransactionBroker.start();
    await broker.half('survivor');
    const again = await afterKill(broker);
    await again.pass(INTERVAL);
    await until(() => again.producer.checks.length === 1);
    await again.answer(again.producer);
    expect(await again.bodies()).toEqual(['survivor']);
  });

  it('a commit whose note is lost is not asked about, and the message not delivered again', async () => {
    const broker = await TransactionBroker.start();
    await broker.commit(await broker.half('plain'));
    await broker.commit(await broker.half('delayed', { DELAY: '5' }));
    await broker.half('open');
    expect(await broker.opBodies()).toEqual([]);
    const again = await afterKill(broker);
    await again.pass(INTERVAL);
    await until(() => again.producer.checks.length === 1);
    expect(again.producer.last.message.body.toString()).toBe('open');
    await again.answer(again.producer);
    await again.pass(60_000);
    await until(async () => (await again.bodies()).length === 3);
    expect(again.producer.checks).toHaveLength(1);
    expect(await again.bodies()).toEqual(['delayed', 'open', 'plain']);
    expect((await again.opBodies()).join('')).toBe('0,1,2,3,');
  });

  it('an end that comes for a commit whose note is lost changes nothing', async () => {
    const broker = await TransactionBroker.start();
    const half = await broker.half('plain');
    await broker.commit(half);
    const again = await afterKill(broker);
    expect(await again.commit(half)).toMatchObject({ code: 0 });
    expect(await again.bodies()).toEqual(['plain']);
  });

  it('a commit whose note is lost is asked about where there is no index, and then comes twice, as by Apache', async () => {
    const settings = { messageIndexEnable: false };
    const broker = await TransactionBroker.start(settings);
    await broker.commit(await broker.half('twice'));
    const again = await afterKill(broker, settings);
    await again.pass(INTERVAL);
    await until(() => again.producer.checks.length === 1);
    await again.answer(again.producer);
    expect(await again.bodies()).toEqual(['twice', 'twice']);
  });

  it('a rollback whose note is lost is asked about', async () => {
    const broker = await TransactionBroker.start();
    await broker.rollback(await broker.half('rolled back'));
    const again = await afterKill(broker);
    await again.pass(INTERVAL);
    await until(() => again.producer.checks.length === 1);
    await again.answer(again.producer, 12);
    await again.pass(INTERVAL);
    expect(again.producer.checks).toHaveLength(1);
    expect(await again.bodies()).toEqual([]);
  });

  it.each([
    ['lost', true],
    ['kept', false],
  ])('of a half message and the copies that checks made only the last counts, with the progress %s', async (_how, losesOffsets) => {
    const broker = await TransactionBroker.start();
    const half = await broker.half('copied');
    await broker.join();
    await broker.pass(INTERVAL);
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 2);
    const again = await afterKill(broker, {}, losesOffsets);
    await again.pass(INTERVAL);
    await until(() => again.producer.checks.length === 1);
    expect(propertiesOf(again.producer.last.message).TRANSACTION_CHECK_TIMES).toBe('3');
    await again.commit(half);
    await again.answer(again.producer);
    expect(await again.bodies()).toEqual(['copied']);
  });

  it.each([
    ['lost', true],
    ['kept', false],
  ])(
    'of a half message that waits for the end of its immunity only the last copy counts, with the progress %s',
    async (_how, losesOffsets) => {
      const broker = await TransactionBroker.start();
      const half = await broker.half('immune', { CHECK_IMMUNITY_TIME_IN_SECONDS: '1000' });
      await broker.pass(INTERVAL);
      await broker.pass(INTERVAL);
      const again = await afterKill(broker, {}, losesOffsets);
      await again.pass(INTERVAL);
      expect((await again.halves()).map(({ properties }) => properties.includes('TRAN_PREPARED_QUEUE_OFFSET'))).toEqual([
        false,
        true,
        true,
        true,
      ]);
      await again.commit(half);
      for (let round = 0; round < 40; round++) await again.pass(INTERVAL);
      expect(again.producer.checks).toEqual([]);
      expect(await again.bodies()).toEqual(['immune']);
    },
  );

  it('what was given up is not given up again', async () => {
    const broker = await TransactionBroker.start({ transactionCheckMax: 1 });
    await broker.half('hopeless');
    await broker.pass(INTERVAL);
    await broker.pass(INTERVAL);
    expect(await broker.messages(GIVEN_UP_TOPIC)).toHaveLength(1);
    const again = await afterKill(broker, { transactionCheckMax: 1 });
    await again.pass(INTERVAL);
    await again.pass(INTERVAL);
    expect(again.producer.checks).toEqual([]);
    expect(await again.messages(GIVEN_UP_TOPIC)).toHaveLength(1);
  });
});

describe('after a clean stop', () => {
  it('nothing that ended is looked at again, and what is open is asked about', async () => {
    const broker = await TransactionBroker.start();
    for (let i = 0; i < 50; i++) await broker.commit(await broker.half(`m${i}`));
    await broker.half('open');
    await broker.pass(INTERVAL);
    await broker.progressIs(51, 1);
    await broker.stop();
    const again = await TransactionBroker.start({}, { dir: broker.dir, time: broker.time });
    await again.join();
    // The note of the checked half message was written at the stop.
    await again.progressIs(51, 2);
    await again.pass(INTERVAL);
    await until(() => again.producer.checks.length === 1);
    expect(propertiesOf(again.producer.last.message)).toMatchObject({ TRANSACTION_CHECK_TIMES: '2' });
    expect(await again.messages()).toHaveLength(50);
  });
});

describe('a store that Apache 5.3.3 wrote', () => {
  const SETTINGS = {
    brokerClusterName: 'FixtureCluster',
    mappedFileSizeCommitLog: 65_536,
    mappedFileSizeConsumeQueue: 200,
    maxHashSlotNum: 50,
    maxIndexNum: 100,
    timerWheelEnable: false,
  };
  /** Shortly after the recordings were made. */
  const RECORDED_MS = 1_795_234_000_000;

  function recordedTime(afterMs = 0): FakeTime {
    const time = new FakeTime();
    time.advance(RECORDED_MS - time.nowMs() + afterMs);
    return time;
  }

  it('that was killed: the op messages in it count, and the pending half message is asked about and delivered', async () => {
    const broker = await TransactionBroker.start(SETTINGS, { dir: unpackVector('killed/store-killed.tar.gz'), time: recordedTime() });
    await broker.join(broker.producer, 'kill_tx');
    const committedBefore = (await broker.bodies('KillMix')).filter((body) => body === 'committed').length;
    await broker.pass(INTERVAL);
    await until(() => broker.producer.checks.length === 1);
    const { fields, message } = broker.producer.last;
    expect(message.body.toString()).toBe('pending');
    expect(message).toMatchObject({ topic: 'KillMix', queueId: 0 });
    await broker.commit(
      { queueOffset: Number(fields.tranStateTableOffset), commitLogOffset: Number(fields.commitLogOffset), msgId: fields.msgId! },
      { group: 'kill_tx', fromCheck: true },
    );
    const bodies = await broker.bodies('KillMix');
    expect(bodies.filter((body) => body === 'pending')).toHaveLength(1);
    expect(bodies.filter((body) => body === 'committed')).toHaveLength(committedBefore);
    await broker.pass(INTERVAL);
    expect(broker.producer.checks).toHaveLength(1);
  });

  it('that was killed long ago: the pending half message is given up, not lost', async () => {
    const days = 4 * 24 * 3_600_000;
    const time = recordedTime(days);
    const broker = await TransactionBroker.start(SETTINGS, { dir: unpackVector('killed/store-killed.tar.gz'), time });
    await broker.pass(INTERVAL);
    expect(await broker.bodies(GIVEN_UP_TOPIC)).toEqual(['pending']);
  });

  it('that was stopped: its progress counts, and nothing in it is asked about', async () => {
    const broker = await TransactionBroker.start(SETTINGS, { dir: unpackVector('clean/store-clean.tar.gz'), time: recordedTime() });
    await broker.join(broker.producer, 'fix_tx_group');
    const before = [broker.node.store.maxOffset(HALF_TOPIC, 0), broker.node.store.maxOffset(OP_TOPIC, 0)];
    await broker.pass(INTERVAL);
    expect(broker.producer.checks).toEqual([]);
    expect([broker.node.store.maxOffset(HALF_TOPIC, 0), broker.node.store.maxOffset(OP_TOPIC, 0)]).toEqual(before);
    expect(await broker.messages(GIVEN_UP_TOPIC)).toHaveLength(1);
  });
});
