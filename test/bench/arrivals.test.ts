import { describe, expect, it } from 'vitest';
import { Arrivals, RunMessages } from '../../src/bench/arrivals.js';
import { SEQUENCE_STAMP_BYTES } from '../../src/bench/stamp.js';
import type { PulledMessage } from '../../src/client/consumer/pulled-message.js';

/** Stamps so many messages of a run, as they would arrive. */
function send(messages: RunMessages, count: number): PulledMessage[] {
  return Array.from({ length: count }, () => {
    const body = Buffer.alloc(SEQUENCE_STAMP_BYTES);
    messages.ledger.stamp({ topic: 'T', body }, 0);
    return { body, queueId: 0, brokerName: 'broker-a', storeTimestamp: 0 } as unknown as PulledMessage;
  });
}

describe('what arrives of a run', () => {
  it('is not complete by messages that came twice, nor by those whose send was not confirmed', () => {
    const messages = new RunMessages();
    const arrivals = new Arrivals('T', messages, []);
    const [first, second, third] = send(messages, 3);
    messages.ledger.failed({ topic: 'T', body: third!.body });
    for (const message of [first!, first!, third!]) {
      arrivals.receive(message);
    }
    expect(arrivals).toMatchObject({ received: 2, isComplete: false });
    arrivals.receive(second!);
    expect(arrivals).toMatchObject({ received: 3, isComplete: true });
    expect(arrivals.judge()).toMatchObject({ lost: 0, duplicates: 1 });
  });

  it('is complete when the messages of the warm-up are there, too', () => {
    const messages = new RunMessages();
    const arrivals = new Arrivals('T', messages, []);
    const [early] = send(messages, 1);
    messages.beginWindow();
    const [late] = send(messages, 1);
    expect(arrivals.receive(late!)).toBe(true);
    expect(arrivals.isComplete).toBe(false);
    expect(arrivals.receive(early!)).toBe(false);
    expect(arrivals.isComplete).toBe(true);
  });

  it('does not count messages of other runs', () => {
    const arrivals = new Arrivals('T', new RunMessages(), []);
    for (const message of send(new RunMessages(), 5)) {
      expect(arrivals.receive(message)).toBe(false);
    }
    expect(arrivals.received).toBe(0);
  });
});
