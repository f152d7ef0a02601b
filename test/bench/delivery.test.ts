import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeliveryCheck, type DeliveryState } from '../../src/bench/delivery-check.js';
import { type LaneMessage, mergeSent, SendLedger } from '../../src/bench/delivery-ledger.js';
import { RangeSet } from '../../src/bench/delivery-ranges.js';
import { addDeliveries, deliveryVerdicts, gapWarning, judgeDelivery } from '../../src/bench/delivery-report.js';
import { DeliveryWatch } from '../../src/bench/delivery-watch.js';
import { readStamp, SEQUENCE_STAMP_BYTES } from '../../src/bench/stamp.js';
import { deliveryLine } from '../../src/bench/text.js';

interface Arrival {
  body: Buffer;
  brokerName: string;
  queueId: number;
}

/** Sends messages and keeps what a broker would hold of them, in turn over some queues. */
function sendAll(ledger: SendLedger, count: number, options: { lanes?: number; queues?: number } = {}): Arrival[] {
  return Array.from({ length: count }, (_, i) => {
    const lane = options.lanes === undefined ? 0 : 1 + (i % options.lanes);
    const message: LaneMessage = { topic: 'T', body: Buffer.alloc(40), lane };
    ledger.stamp(message, i);
    return { body: message.body, brokerName: 'broker-a', queueId: (options.lanes === undefined ? i : lane) % (options.queues ?? 4) };
  });
}

function receiveAll(arrivals: readonly Arrival[]): DeliveryCheck {
  const check = new DeliveryCheck();
  for (const arrival of arrivals) {
    check.receive(arrival);
  }
  return check;
}

describe('a run whose messages all arrive', () => {
  it('is in order, whatever queue they came from', () => {
    const ledger = new SendLedger();
    const arrivals = sendAll(ledger, 10_000);
    const byQueue = [0, 1, 2, 3].flatMap((queue) => arrivals.filter((one) => one.queueId === queue));
    const report = judgeDelivery(receiveAll(byQueue), { expected: ledger.sent() });
    expect(report).toEqual({
      judgedBy: 'sent',
      sent: 10_000,
      unconfirmed: 0,
      received: 10_000,
      lost: 0,
      duplicates: 0,
      disordered: 0,
      reordered: 0,
      unchecked: 0,
      foreign: 0,
      lostRanges: [],
    });
    expect(deliveryVerdicts(report)).toEqual([]);
    expect(deliveryLine(report)).toBe("delivery   10,000 of 10,000 received, 0 lost, 0 twice, 0 out of their key's order");
  });

  it('keeps the time of the send for the latency', () => {
    const [first] = sendAll(new SendLedger(), 1);
    expect(readStamp(first?.body as Buffer)).toBe(0);
  });
});

describe('what is missing', () => {
  it('is lost when it was confirmed, and named', () => {
    const ledger = new SendLedger({ runId: 7, producer: 3 });
    const arrivals = sendAll(ledger, 9000).filter((_, i) => i !== 5 && !(i >= 4000 && i < 8200));
    const report = judgeDelivery(receiveAll(arrivals), { expected: ledger.sent() });
    expect(report).toMatchObject({ sent: 9000, received: 4799, lost: 4201 });
    expect(report.lostRanges).toEqual([
      { runId: 7, producer: 3, lane: 0, from: 5, to: 5 },
      { runId: 7, producer: 3, lane: 0, from: 4000, to: 8199 },
    ]);
    expect(deliveryVerdicts(report)).toEqual([
      {
        expression: 'delivery.lost==0',
        actual: 4201,
        limit: 0,
        passed: false,
        reason: '4,201 of 9,000 messages were lost (first: producer 3, number 5); --allow-loss accepts that',
      },
    ]);
    expect(deliveryVerdicts(report, { loss: true })).toEqual([]);
  });

  it('is not lost when its send was never confirmed, whether it arrived or not', () => {
    const ledger = new SendLedger();
    const arrivals = sendAll(ledger, 100);
    for (const i of [10, 11, 12]) {
      ledger.failed({ topic: 'T', body: arrivals[i]?.body as Buffer });
    }
    const report = judgeDelivery(receiveAll(arrivals.filter((_, i) => i !== 10 && i !== 11 && i !== 50)), { expected: ledger.sent() });
    expect(report).toMatchObject({ sent: 97, unconfirmed: 3, received: 97, lost: 1 });
  });

  it('is everything when nothing arrived', () => {
    const ledger = new SendLedger();
    sendAll(ledger, 12, { lanes: 3 });
    expect(judgeDelivery(new DeliveryCheck(), { expected: ledger.sent() })).toMatchObject({ sent: 12, received: 0, lost: 12 });
  });

  it('is found in gaps when nobody says what was sent, but not where a queue is behind or the consumer came later', () => {
    const arrivals = sendAll(new SendLedger(), 1000).slice(300);
    const behind = arrivals.filter((one, i) => !(one.queueId === 2 && i > 500));
    expect(judgeDelivery(receiveAll(behind))).toMatchObject({ judgedBy: 'gaps', lost: 0 });
    const holed = behind.filter((_, i) => i !== 100);
    const report = judgeDelivery(receiveAll(holed));
    expect(report).toMatchObject({ lost: 1, lostRanges: [{ from: 400, to: 400 }] });
    // Its send may have failed: that is worth a warning, and no failure.
    expect(deliveryVerdicts(report)).toEqual([]);
    expect(gapWarning(report)).toMatch(/^1 messages are missing between those that arrived \(first: producer 0, number 400\): /);
    expect(gapWarning(judgeDelivery(receiveAll(behind)))).toBeNull();
    expect(judgeDelivery(receiveAll(holed), { gaps: false })).toMatchObject({ judgedBy: 'nothing', lost: 0 });
  });
});

describe('duplicates and disorder', () => {
  it('are counted once each', () => {
    const ledger = new SendLedger();
    const arrivals = sendAll(ledger, 100, { lanes: 5 });
    const [first, second, third] = [arrivals[0], arrivals[5], arrivals[10]] as [Arrival, Arrival, Arrival];
    const rest = arrivals.filter((one) => one !== first && one !== second && one !== third);
    const report = judgeDelivery(receiveAll([second, first, third, second, ...rest]), { expected: ledger.sent() });
    expect(report).toMatchObject({ received: 100, lost: 0, duplicates: 1, disordered: 1 });
    expect(deliveryVerdicts(report).map(({ reason }) => reason)).toEqual([
      '1 messages came again; --allow-duplicates accepts that',
      '1 messages came behind a later one of their key; --allow-disorder accepts that',
    ]);
    expect(deliveryVerdicts(report, { duplicates: true, disorder: true })).toEqual([]);
  });

  it('without a key another order is told and no fault', () => {
    const arrivals = sendAll(new SendLedger(), 8, { queues: 1 });
    const report = judgeDelivery(receiveAll([arrivals[1], arrivals[0], ...arrivals.slice(2)] as Arrival[]));
    expect(report).toMatchObject({ disordered: 0, reordered: 1 });
    expect(deliveryVerdicts(report)).toEqual([]);
  });
});

describe('what cannot be judged', () => {
  it('is counted: bodies that are too small, other senders, other runs', () => {
    const ledger = new SendLedger();
    const small: LaneMessage = { topic: 'T', body: Buffer.alloc(SEQUENCE_STAMP_BYTES - 1) };
    ledger.stamp(small, 5);
    expect(readStamp(small.body)).toBe(5);
    const check = receiveAll([...sendAll(ledger, 3), ...sendAll(new SendLedger(), 2)]);
    check.receive({ body: small.body, queueId: 0 });
    check.receive({ body: Buffer.from('a body of somebody else, long enough'), queueId: 0 });
    expect(ledger.sent().uncheckable).toBe(1);
    expect(judgeDelivery(check, { expected: ledger.sent() })).toMatchObject({ sent: 3, received: 3, unchecked: 2, foreign: 2, lost: 0 });
  });

  it('a lane with more holes than memory forgets where they are, not how many', () => {
    const check = new DeliveryCheck();
    const message: LaneMessage = { topic: 'T', body: Buffer.alloc(40) };
    const ledger = new SendLedger();
    // Of each page of 4096 numbers one arrives, and there are more pages than a check keeps.
    const pages = 131_072 + 100;
    const next = (sequence: number): void => {
      ledger.stamp(message, 0);
      message.body.writeBigInt64BE(BigInt(sequence), 20);
      check.receive({ body: message.body, queueId: 0 });
    };
    for (let page = 0; page < pages; page++) {
      next(page * 4096);
    }
    const expected = { runId: ledger.sent().runId, uncheckable: 0, producers: [{ producer: 0, lanes: [pages * 4096], unconfirmed: [] }] };
    const report = judgeDelivery(check, { expected });
    expect(report).toMatchObject({ received: pages, lost: pages * 4095, duplicates: 0 });
  });
});

describe('several consumers of a group', () => {
  it('together saw what one would have seen', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ index: fc.nat(9999), consumer: fc.nat(2) }), { maxLength: 400 }),
        fc.integer({ min: 0, max: 3 }),
        fc.uniqueArray(fc.nat(9999), { maxLength: 20 }),
        (twice, lanes, failed) => {
          const ledger = new SendLedger();
          const arrivals = sendAll(ledger, 10_000, lanes === 0 ? {} : { lanes });
          for (const index of failed) {
            ledger.failed({ topic: 'T', body: arrivals[index]?.body as Buffer });
          }
          const dropped = new Set(twice.filter((_, i) => i % 2 === 0).map(({ index }) => index));
          const checks = [new DeliveryCheck(), new DeliveryCheck(), new DeliveryCheck()];
          const one = new DeliveryCheck();
          const deliver = (index: number, consumer: number): void => {
            one.receive(arrivals[index] as Arrival);
            checks[consumer]?.receive(arrivals[index] as Arrival);
          };
          for (let i = 0; i < arrivals.length; i++) {
            if (!dropped.has(i)) deliver(i, i % 3);
          }
          const again = twice.filter(({ index }) => !dropped.has(index));
          for (const { index, consumer } of again) deliver(index, consumer);
          const merged = new DeliveryCheck();
          for (const check of checks) {
            merged.merge(JSON.parse(JSON.stringify(check.state())) as DeliveryState);
          }
          const expected = ledger.sent();
          const report = judgeDelivery(merged, { expected });
          const alone = judgeDelivery(one, { expected });
          expect(report).toMatchObject({ received: alone.received, lost: alone.lost, duplicates: alone.duplicates });
          expect(merged.received).toBe(one.received);
          const lost = [...dropped].filter((index) => !failed.includes(index)).length;
          expect(alone).toMatchObject({ received: 10_000 - dropped.size, lost, duplicates: again.length });
        },
      ),
      { numRuns: 25 },
    );
  });

  it('of a fan-out add up', () => {
    const ledger = new SendLedger();
    const arrivals = sendAll(ledger, 50);
    const reports = [arrivals, arrivals.slice(1)].map((seen) => judgeDelivery(receiveAll(seen), { expected: ledger.sent() }));
    expect(addDeliveries(reports)).toMatchObject({ sent: 100, received: 99, lost: 1 });
  });

  it('producers of one run are told apart', () => {
    const ledgers = [0, 1].map((producer) => new SendLedger({ runId: 9, producer }));
    const arrivals = ledgers.flatMap((ledger) => sendAll(ledger, 20));
    const expected = mergeSent(ledgers.map((ledger) => ledger.sent()));
    expect(judgeDelivery(receiveAll(arrivals), { expected })).toMatchObject({ sent: 40, received: 40, lost: 0, duplicates: 0 });
  });
});

describe('ranges', () => {
  it('hold what was added and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(200), fc.nat(10)), { maxLength: 60 }), (adds) => {
        const set = new RangeSet(adds.map(([from, more]) => [from, from + more]));
        const plain = new Set(adds.flatMap(([from, more]) => Array.from({ length: more + 1 }, (_, i) => from + i)));
        for (let value = -1; value < 215; value++) {
          expect(set.has(value)).toBe(plain.has(value));
        }
        expect(set.size).toBe(plain.size);
        const ranges = set.ranges();
        expect(ranges.every(([from, to], i) => from <= to && from > (ranges[i - 1]?.[1] ?? -2) + 1)).toBe(true);
      }),
    );
  });
});

describe('waiting for what is on its way', () => {
  const watched = (): DeliveryWatch => new DeliveryWatch({ topic: 'T', queueCount: () => 4, partial: false });

  it('ends with the last message of the run, whatever came of others', async () => {
    const ledger = new SendLedger();
    const arrivals = sendAll(ledger, 10);
    const watch = watched();
    for (const other of sendAll(new SendLedger(), 50)) watch.check.receive(other);
    const drained = watch.drain(ledger.sent(), undefined).then(() => watch.check.receivedOf(ledger.sent().runId));
    setTimeout(() => {
      for (const arrival of arrivals) watch.check.receive(arrival);
    }, 150);
    expect(await drained).toBe(10);
  });

  it('goes on where a message that was not confirmed arrived instead of one that was', async () => {
    const ledger = new SendLedger();
    const arrivals = sendAll(ledger, 10);
    ledger.failed({ topic: 'T', body: arrivals[3]?.body as Buffer });
    const watch = watched();
    for (const arrival of arrivals.slice(0, 9)) watch.check.receive(arrival);
    const drained = watch.drain(ledger.sent(), undefined).then(() => watch.judge(ledger.sent()));
    setTimeout(() => watch.check.receive(arrivals[9] as Arrival), 150);
    expect(await drained).toMatchObject({ lost: 0, unconfirmed: 1, received: 10 });
  });

  it('does not begin when the run was ended', async () => {
    const ledger = new SendLedger();
    sendAll(ledger, 10);
    const watch = watched();
    await watch.drain(ledger.sent(), AbortSignal.abort());
    expect(watch.judge(ledger.sent())).toMatchObject({ lost: 10 });
  });
});
