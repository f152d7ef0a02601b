import { describe, expect, it } from 'vitest';
import { ConsumerManager, ProducerManager } from '../../../broker/connections/index.js';
import type { Connection } from '../../../src/remoting/server.js';
import { FakeTime } from '../fake-time.js';

interface FakeConnection {
  connection: Connection;
  notices: number;
  closed: string | null;
}

function fakeConnection(): FakeConnection {
  const fake: FakeConnection = { connection: null as unknown as Connection, notices: 0, closed: null };
  fake.connection = {
    invokeOneway: () => {
      fake.notices++;
    },
    close: (reason: string) => {
      fake.closed = reason;
    },
  } as unknown as Connection;
  return fake;
}

const consumerData = {
  groupName: 'G',
  consumeType: 'CONSUME_PASSIVELY',
  messageModel: 'CLUSTERING',
  consumeFromWhere: '',
  subscriptions: [],
};
const beat = (fake: FakeConnection, clientId: string) => ({ connection: fake.connection, clientId, language: 'JAVA', version: 479 });

describe('a silent client', () => {
  it('is dropped after 120 s, its connection closed, and the others are told', () => {
    const time = new FakeTime();
    const consumers = new ConsumerManager({ clock: time });
    const [silent, lively] = [fakeConnection(), fakeConnection()];
    consumers.register(consumerData, beat(silent, 'silent'));
    consumers.register(consumerData, beat(lively, 'lively'));
    const before = lively.notices;
    time.advance(119_000);
    consumers.register(consumerData, beat(lively, 'lively'));
    consumers.expire(120_000, () => true);
    expect(consumers.group('G')!.channels.size).toBe(2);
    time.advance(2000);
    consumers.expire(120_000, () => true);
    expect([...consumers.group('G')!.channels.values()].map((channel) => channel.clientId)).toEqual(['lively']);
    expect(silent.closed).toContain('no heartbeat of consumer silent');
    expect(lively.notices).toBe(before + 1);
    time.advance(130_000);
    consumers.expire(120_000, () => true);
    expect(consumers.group('G')).toBeUndefined();
  });

  it('is dropped as a producer as well', () => {
    const time = new FakeTime();
    const producers = new ProducerManager({ clock: time });
    const fake = fakeConnection();
    producers.register('P', beat(fake, 'p'));
    time.advance(120_001);
    producers.expire(120_000);
    expect(producers.channels('P')).toBeUndefined();
    expect(fake.closed).toContain('producer p');
  });

  it('that is one clientId on two connections counts twice, and each leaves alone', () => {
    const consumers = new ConsumerManager({ clock: new FakeTime() });
    const [one, two] = [fakeConnection(), fakeConnection()];
    consumers.register(consumerData, beat(one, 'same'));
    consumers.register(consumerData, beat(two, 'same'));
    expect(consumers.group('G')!.channels.size).toBe(2);
    consumers.onConnectionClosed(one.connection, () => true);
    expect(consumers.group('G')!.channels.size).toBe(1);
  });
});
