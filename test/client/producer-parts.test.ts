import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withNamespace, withoutNamespace } from '../../src/client/namespace.js';
import { AutoBatcher } from '../../src/client/producer/auto-batch.js';
import { SendPermits } from '../../src/client/producer/back-pressure.js';
import { bytesInBatch, encodeMessages, splitBatch } from '../../src/client/producer/batch.js';
import { FaultStrategy, notAvailableMs } from '../../src/client/producer/fault-strategy.js';
import { PendingSend } from '../../src/client/producer/pending-send.js';
import { TopicPublishInfo } from '../../src/client/producer/publish-info.js';
import { selectByHash, selectByRandom, selectByShardingKey } from '../../src/client/producer/selectors.js';
import type { TopicRoute } from '../../src/client/route-table.js';
import type { SendResult } from '../../src/client/types.js';
import { seededRandom } from '../../src/common/clock.js';
import { UsageError } from '../../src/common/errors.js';
import type { Message } from '../../src/common/message/message.js';
import { FakeTime } from '../remoting/fake-time.js';

function queues(...names: string[]) {
  return names.map((name, queueId) => ({ topic: 'T', brokerName: name, queueId }));
}

function publishInfo(...names: string[]): TopicPublishInfo {
  return new TopicPublishInfo({ publishQueues: queues(...names) } as unknown as TopicRoute, seededRandom(1));
}

function message(bytes: number, more: Partial<Message> = {}): Message {
  return { topic: 'T', body: Buffer.alloc(bytes, 'x'), ...more };
}

describe('latency fault tolerance', () => {
  it.each([
    [0, 0],
    [49, 0],
    [50, 0],
    [549, 0],
    [550, 2_000],
    [1_800, 5_000],
    [3_000, 6_000],
    [5_000, 10_000],
    [15_000, 30_000],
    [60_000, 30_000],
  ])('a broker that took %i ms is left out for %i ms', (latencyMs, pauseMs) => {
    expect(notAvailableMs(latencyMs)).toBe(pauseMs);
  });

  it('leaves an isolated broker out for 10 s, and a shorter pause does not end a longer one', () => {
    const time = new FakeTime();
    const faults = new FaultStrategy(time);
    faults.record('a', 1, { isolation: true, reachable: true });
    faults.record('a', 600, { isolation: false, reachable: true });
    time.advance(9_999);
    expect(faults.isAvailable('a')).toBe(false);
    time.advance(1);
    expect(faults.isAvailable('a')).toBe(true);
    expect(faults.isAvailable('unknown')).toBe(true);
  });

  it('prefers available brokers, then reachable ones, never the last one while there is another, and else takes turns', () => {
    const time = new FakeTime();
    const faults = new FaultStrategy(time);
    const publish = publishInfo('a', 'b', 'c');
    const choices = (last?: string) => new Set(Array.from({ length: 12 }, () => faults.select(publish, last)?.brokerName));
    expect(choices()).toEqual(new Set(['a', 'b', 'c']));
    faults.record('a', 1, { isolation: true, reachable: true });
    expect(choices()).toEqual(new Set(['b', 'c']));
    expect(choices('b')).toEqual(new Set(['c']));
    faults.record('b', 1, { isolation: true, reachable: false });
    faults.record('c', 1, { isolation: true, reachable: false });
    expect(choices()).toEqual(new Set(['a']));
    expect(choices('a')).toEqual(new Set(['a', 'b', 'c']));
  });

  it('remembers a bounded number of brokers', () => {
    const faults = new FaultStrategy(new FakeTime());
    for (let i = 0; i < 3_000; i++) faults.record(`broker-${i}`, 1, { isolation: true, reachable: true });
    expect([...faults.items()].length).toBe(1_024);
    expect(faults.isAvailable('broker-2999')).toBe(false);
  });
});

describe('permits of asynchronous sends', () => {
  function setUp(limits: { count: number; bytes: number }) {
    const time = new FakeTime();
    const granted: PendingSend[] = [];
    const expired: PendingSend[] = [];
    const permits = new SendPermits({
      ...limits,
      clock: time,
      timers: time,
      onGranted: (pending) => granted.push(pending),
      onExpired: (pending) => expired.push(pending),
    });
    const sink = { onAnswer: () => {}, onFailure: () => {} };
    const pend = (bytes: number, timeoutMs = 3_000) =>
      new PendingSend(message(bytes), sink, null, null, undefined, time.monotonicMs(), timeoutMs);
    return { time, granted, expired, permits, pend };
  }

  it('lets as many messages go as there are permits, the others in their order when one comes back', () => {
    const { permits, pend, granted } = setUp({ count: 10, bytes: 1 << 30 });
    const sends = Array.from({ length: 13 }, () => pend(1));
    expect(sends.map((send) => permits.acquire(send))).toEqual([...Array(10).fill('granted'), 'waiting', 'waiting', 'waiting']);
    permits.release(sends[0]!);
    permits.release(sends[1]!);
    expect(granted).toEqual([sends[10], sends[11]]);
    permits.release(sends[0]!);
    expect(permits.waiting).toBe(1);
  });

  it('counts body bytes, and a body larger than the whole budget goes alone', () => {
    const MiB = 1 << 20;
    const { permits, pend, granted } = setUp({ count: 100, bytes: MiB });
    const large = pend(3 * MiB);
    const small = pend(1);
    expect([permits.acquire(large), permits.acquire(small)]).toEqual(['granted', 'waiting']);
    permits.release(large);
    expect(granted).toEqual([small]);
  });

  it('does not let a small message pass a large one that waits', () => {
    const MiB = 1 << 20;
    const { permits, pend } = setUp({ count: 100, bytes: MiB });
    permits.acquire(pend(MiB / 2));
    expect(permits.acquire(pend(MiB))).toBe('waiting');
    expect(permits.acquire(pend(1))).toBe('waiting');
  });

  it('ends waiting with the time-out of each send, and lets those behind go', () => {
    const MiB = 1 << 20;
    const { permits, pend, expired, granted, time } = setUp({ count: 10, bytes: MiB });
    permits.acquire(pend(MiB / 2));
    const impatient = pend(MiB, 100);
    const small = pend(1, 10_000);
    permits.acquire(impatient);
    permits.acquire(small);
    time.advance(99);
    expect(expired).toEqual([]);
    time.advance(60);
    expect(expired).toEqual([impatient]);
    expect(granted).toEqual([small]);
  });

  it('refuses more than the line holds', () => {
    const { permits, pend } = setUp({ count: 10, bytes: 1 << 30 });
    const outcomes = Array.from({ length: 50_011 }, () => permits.acquire(pend(1)));
    expect(outcomes.filter((outcome) => outcome === 'waiting')).toHaveLength(50_000);
    expect(outcomes.at(-1)).toBe('refused');
  });

  it('keeps its books over any sequence of sends and answers', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 700_000 })), { maxLength: 200 }), (steps) => {
        const { permits, pend, granted } = setUp({ count: 10, bytes: 1 << 20 });
        const held: PendingSend[] = [];
        for (const [isSend, bytes] of steps) {
          if (isSend) {
            const send = pend(bytes);
            if (permits.acquire(send) === 'granted') held.push(send);
          } else if (held.length > 0) {
            permits.release(held.shift()!);
            held.push(...granted.splice(0));
          }
          expect(held.length).toBeLessThanOrEqual(10);
          expect(held.reduce((sum, send) => sum + send.permitBytes, 0)).toBeLessThanOrEqual(1 << 20);
        }
        while (held.length > 0) {
          permits.release(held.shift()!);
          held.push(...granted.splice(0));
        }
        expect(permits.waiting).toBe(0);
      }),
    );
  });
});

describe('splitting batches', () => {
  it('keeps the order, fills each part up to the limit, and every part can be encoded', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 80 }), (sizes) => {
        const messages = sizes.map((bytes, i) => message(bytes, { tags: `t${i}`, keys: 'é' }));
        const parts = splitBatch(messages, 2_000);
        expect(parts.flat()).toEqual(messages);
        for (const [i, part] of parts.entries()) {
          encodeMessages(part, 2_000, () => '0'.repeat(56));
          const next = parts[i + 1]?.[0];
          if (next !== undefined) {
            const bytes = [...part, next].reduce((sum, one) => sum + bytesInBatch(one), 0);
            expect(bytes).toBeGreaterThan(2_000);
          }
        }
      }),
    );
  });

  it('names the message that is too large for any batch', () => {
    expect(() => splitBatch([message(10), message(5_000)], 1_000)).toThrow(/message 1 of the batch has 5\d{3} bytes, more than the 1000/);
  });

  it('makes nothing of nothing', () => {
    expect(splitBatch([])).toEqual([]);
  });

  it('a batch that is too large says how to split it', () => {
    const messages = Array.from({ length: 5 }, () => message(1_000));
    const encode = () => encodeMessages(messages, 2_000, () => '0'.repeat(32));
    expect(encode).toThrow(UsageError);
    expect(encode).toThrow(/the batch of 5 messages for topic T has 5\d{3} bytes, more than maxMessageSize 2000/);
    expect(encode).toThrow(expect.objectContaining({ hint: expect.stringContaining('at least 3 parts: for (const part of splitBatch(') }));
  });
});

describe('selectors', () => {
  const five = queues('a', 'a', 'a', 'a', 'a');

  it('choose by the hash that Java computes for a String, an Integer and a Long', () => {
    expect(selectByHash(five, message(1), 'order-42')).toBe(five[1_234_255_197 % 5]);
    expect(selectByHash(five, message(1), 7)).toBe(five[2]);
    expect(selectByHash(five, message(1), -7)).toBe(five[2]);
    // Long.hashCode(5_000_000_001) is 705_032_704.
    expect(selectByHash(five, message(1), 5_000_000_001)).toBe(five[4]);
    // Long.hashCode(-5) is 4, Integer's is -5.
    expect(selectByHash(five, message(1), -5n)).toBe(five[4]);
  });

  it('choose by the sharding key, and nothing without one', () => {
    const keyed = message(1, { properties: new Map([['__SHARDINGKEY', 'a']]) });
    expect(selectByShardingKey(five, keyed, null)).toBe(five[97 % 5]);
    expect(selectByShardingKey(five, message(1), null)).toBeNull();
  });

  it('choose at random', () => {
    const select = selectByRandom(seededRandom(3));
    expect(new Set(Array.from({ length: 100 }, () => select(five, message(1), null))).size).toBe(5);
  });
});

describe('namespaces', () => {
  it.each([
    ['Topic', 'ns%Topic'],
    ['%RETRY%G', '%RETRY%ns%G'],
    ['%DLQ%G', '%DLQ%ns%G'],
    ['ns%Topic', 'ns%Topic'],
    ['%RETRY%ns%G', '%RETRY%ns%G'],
    ['TBW102', 'TBW102'],
    ['rmq_sys_x', 'rmq_sys_x'],
    ['CID_RMQ_SYS_X', 'CID_RMQ_SYS_X'],
  ])('%s is %s for brokers', (name, wrapped) => {
    expect(withNamespace('ns', name)).toBe(wrapped);
    expect(withNamespace('', name)).toBe(name);
    if (wrapped !== name) expect(withoutNamespace('ns', wrapped)).toBe(name);
  });

  it('takes off its own namespace only', () => {
    expect(withoutNamespace('ns', 'other%T')).toBe('other%T');
    expect(withoutNamespace('', 'ns%T')).toBe('ns%T');
  });
});

describe('automatic batches', () => {
  function setUp(more: { maxBytes?: number; totalBytes?: number } = {}) {
    const time = new FakeTime();
    const sent: Message[][] = [];
    const batcher = new AutoBatcher({
      maxDelayMs: 10,
      maxBytes: 1_000,
      totalBytes: 10_000,
      clock: time,
      timers: time,
      send: (messages) => {
        sent.push([...messages]);
        const ids = messages.map((_, i) => `id${i}`).join(',');
        return Promise.resolve({ msgId: ids, offsetMsgId: ids, queueOffset: 100 } as SendResult);
      },
      ...more,
    });
    const results: SendResult[] = [];
    const handler = { onSuccess: (result: SendResult) => results.push(result), onException: () => expect.fail() };
    const add = (one: Message) => batcher.add(one, handler, null, undefined);
    return { time, sent, batcher, add, results };
  }

  it('leave when their first message has waited long enough, each message with its own result', async () => {
    const { time, sent, add, results } = setUp();
    expect(add(message(1))).toBe(true);
    time.advance(6);
    expect(add(message(2))).toBe(true);
    expect(sent).toEqual([]);
    time.advance(4);
    expect(sent.map((messages) => messages.map(({ body }) => body.length))).toEqual([[1, 2]]);
    await new Promise(setImmediate);
    expect(results.map(({ msgId, queueOffset }) => [msgId, queueOffset])).toEqual([
      ['id0', 100],
      ['id1', 101],
    ]);
    expect(time.pendingTimers).toBe(0);
  });

  it('leave when they are full, and what came first leaves first', () => {
    const { sent, add } = setUp();
    for (let i = 0; i < 3; i++) expect(add(message(300))).toBe(true);
    expect(sent.map((messages) => messages.length)).toEqual([2]);
    expect(add(message(2_000))).toBe(false);
    expect(sent.map((messages) => messages.length)).toEqual([2, 1]);
  });

  it('hold messages of one topic, tag and WAIT flag', () => {
    const { time, sent, add } = setUp();
    for (const more of [{}, { tags: 'a' }, { topic: 'U' }, { waitStoreMsgOK: false }, { tags: 'a' }]) add(message(1, more));
    time.advance(10);
    expect(sent.map((messages) => messages.length).sort()).toEqual([1, 1, 1, 2]);
  });

  it.each([
    ['delayed', { delayTimeLevel: 1 }],
    ['timed', { properties: new Map([['TIMER_DELAY_MS', '1']]) }],
    ['retried', { topic: '%RETRY%G' }],
    ['transactional', { properties: new Map([['PGROUP', 'G']]) }],
    ['reply', { properties: new Map([['MSG_TYPE', 'reply']]) }],
  ])('do not take a %s message', (_kind, more) => {
    expect(setUp().add(message(1, more))).toBe(false);
  });

  it('send messages alone while too many bytes wait', () => {
    const { add } = setUp({ totalBytes: 700 });
    expect(add(message(300))).toBe(true);
    expect(add(message(300, { tags: 'a' }))).toBe(false);
  });
});
