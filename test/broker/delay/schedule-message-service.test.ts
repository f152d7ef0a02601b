import { describe, expect, it } from 'vitest';
import { DelayLevels, Delivery, ScheduleMessageService } from '../../../broker/delay/index.js';
import { BrokerStats } from '../../../broker/stats/index.js';
import type { GetMessageResult, MessageStore, PutMessage, PutSink, PutStatus } from '../../../broker/store/index.js';
import type { TopicConfigManager } from '../../../broker/topics/index.js';
import { noopLogger } from '../../../src/common/logger.js';
import { encodeRecord, recordLength } from '../../../src/common/message/record.js';
import { FakeTime } from '../fake-time.js';

const host = { ip: Buffer.from([127, 0, 0, 1]), port: 1 };

function record(body: string): Buffer {
  const properties = 'REAL_TOPIC\u0001T\u0002REAL_QID\u00010\u0002';
  const sizes = { topicBytes: 19, bodyBytes: body.length, propertiesBytes: properties.length, sysFlag: 0, version: 1 as const };
  const buffer = Buffer.alloc(recordLength(sizes));
  encodeRecord(buffer, 0, {
    magicVersion: 1,
    queueId: 0,
    flag: 0,
    queueOffset: 0,
    commitLogOffset: 0,
    sysFlag: 0,
    bornTimestamp: 0,
    bornHost: host,
    storeTimestamp: 0,
    storeHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from(body),
    topic: 'SCHEDULE_TOPIC_XXXX',
    properties,
  });
  return buffer;
}

/** A store that holds delayed messages of level 1, and takes or refuses deliveries as told. */
class FakeStore {
  readonly delayed: { body: string; dueMs: number }[] = [];
  readonly delivered: string[] = [];
  /** The next read of this offset fails. */
  unreadable = -1;
  /** Outcomes of the next puts; PUT_OK when there are none. */
  outcomes: PutStatus[] = [];

  readonly flushedWhere = 0;
  commitLogMaxOffset = () => 0;
  requestFlush = () => {};
  topicQueueIds = () => [];
  minOffset = () => 0;
  maxOffset = (_topic: string, queueId: number) => (queueId === 0 ? this.delayed.length : 0);

  getMessage(
    _topic: string,
    queueId: number,
    offset: number,
    _max: number,
    options: { filter: { isMatchedByConsumeQueue(code: number): boolean } },
  ) {
    if (queueId === 0 && offset === this.unreadable) {
      this.unreadable = -1;
      throw new Error('EIO');
    }
    const found = queueId === 0 ? this.delayed[offset] : undefined;
    if (found === undefined) return { status: 'OFFSET_OVERFLOW_ONE', nextBeginOffset: offset, buffers: [] } as unknown as GetMessageResult;
    options.filter.isMatchedByConsumeQueue(found.dueMs);
    return { status: 'FOUND', nextBeginOffset: offset + 1, buffers: [record(found.body)] } as unknown as GetMessageResult;
  }

  put(message: PutMessage, sink: PutSink): void {
    const status = this.outcomes.shift() ?? 'PUT_OK';
    if (status === 'PUT_OK') this.delivered.push(message.body.toString());
    sink.onPut(message, status);
  }
}

function started(saved: unknown = null): {
  time: FakeTime;
  store: FakeStore;
  service: ScheduleMessageService;
  add: (body: string, delayMs: number) => void;
} {
  const time = new FakeTime();
  const store = new FakeStore();
  const stats = new BrokerStats({ clock: time, timers: time, clusterName: 'C' });
  const topics = { entry: () => undefined } as unknown as TopicConfigManager;
  const real = store as unknown as MessageStore;
  const delivery = new Delivery({ store: real, topics, stats, logger: noopLogger, flush: () => {} });
  const file = { load: () => saved, save: () => {}, problem: null, isSaving: false };
  const levels = new DelayLevels('10s 20s');
  const service = new ScheduleMessageService({ store: real, file, levels, clock: time, timers: time, logger: noopLogger, delivery });
  const add = (body: string, delayMs: number): void => {
    store.delayed.push({ body, dueMs: time.nowMs() + delayMs });
    service.onArrival('SCHEDULE_TOPIC_XXXX', 0, store.delayed.length, time.nowMs() + delayMs);
  };
  return { time, store, service, add };
}

describe('the delay service', () => {
  it('waits with one timer for the first message, and with none while nothing waits', () => {
    const { time, store, service, add } = started();
    service.start();
    time.advance(0);
    expect(time.pendingCount).toBe(0);
    add('a', 10_000);
    time.advance(1000);
    add('b', 10_000);
    expect(time.pendingCount).toBe(1);
    time.advance(8999);
    expect(store.delivered).toEqual([]);
    time.advance(1);
    expect(store.delivered).toEqual(['a']);
    time.advance(1000);
    expect(store.delivered).toEqual(['a', 'b']);
    expect(time.pendingCount).toBe(0);
    expect(service.toTable().offsetTable).toEqual(new Map([[1, 2]]));
  });

  it('says how far a level is once a message waits in it, also before the first delivery', () => {
    const { time, service, add } = started();
    service.start();
    expect(service.progress()).toEqual([]);
    add('a', 10_000);
    expect(service.progress()).toEqual([{ level: 1, offset: 0, maxOffset: 1 }]);
    time.advance(10_000);
    expect(service.progress()).toEqual([{ level: 1, offset: 1, maxOffset: 1 }]);
  });

  it('tries again after a refusal, delivers in order and nothing twice', () => {
    const { time, store, service, add } = started();
    service.start();
    for (const body of ['a', 'b', 'c']) add(body, 5);
    store.outcomes = ['PUT_OK', 'SERVICE_NOT_AVAILABLE'];
    time.advance(5);
    expect(store.delivered).toEqual(['a']);
    time.advance(100);
    expect(store.delivered).toEqual(['a', 'b', 'c']);
  });

  it('counts what it delivered before a read failed, and goes on behind it', () => {
    const { time, store, service, add } = started();
    service.start();
    for (const body of ['a', 'b']) add(body, 5);
    store.unreadable = 1;
    time.advance(5);
    expect(store.delivered).toEqual(['a']);
    expect(service.toTable().offsetTable).toEqual(new Map([[1, 1]]));
    time.advance(20_000);
    expect(store.delivered).toEqual(['a', 'b']);
    expect(service.toTable().offsetTable).toEqual(new Map([[1, 2]]));
  });

  it('drops what can never be stored', () => {
    const { time, store, service, add } = started();
    service.start();
    for (const body of ['a', 'b']) add(body, 5);
    store.outcomes = ['MESSAGE_ILLEGAL'];
    time.advance(5);
    expect(store.delivered).toEqual(['b']);
  });

  it('takes a time further away than its level as due: the clock was set back', () => {
    const { time, store, service, add } = started();
    service.start();
    add('a', 3_600_000);
    time.advance(3_600_000);
    expect(store.delivered).toEqual(['a']);
    store.delayed.push({ body: 'b', dueMs: time.nowMs() + 3_600_000 });
    service.onArrival('SCHEDULE_TOPIC_XXXX', 0, 2, time.nowMs());
    time.advance(1);
    expect(store.delivered).toEqual(['a', 'b']);
  });

  it('goes on where it was, never beyond the queue', () => {
    const { time, store, service } = started({ offsetTable: { 1: 1, 2: 99 } });
    store.delayed.push({ body: 'old', dueMs: 0 }, { body: 'next', dueMs: 0 });
    service.load();
    service.start();
    time.advance(1);
    expect(store.delivered).toEqual(['next']);
    expect(service.toTable().offsetTable).toEqual(new Map([[1, 2]]));
  });
});
