import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Producer, type ProducerOptions } from '../../src/client/producer/producer.js';
import { replyTo } from '../../src/client/producer/reply.js';
import { compressBody } from '../../src/common/compression.js';
import { type MQError, TimeoutError, UsageError } from '../../src/common/errors.js';
import { decodeProperties, encodeProperties } from '../../src/common/message/properties.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection } from '../../src/remoting/server.js';
import { until } from '../sandbox.js';
import { FakeCluster } from './fake-cluster.js';

let cluster: FakeCluster;
let producer: Producer | undefined;
/** The requester's connection, by its heartbeat. */
let requester: Connection | undefined;

async function startProducer(options: Partial<ProducerOptions> = {}): Promise<Producer> {
  producer = new Producer({ namesrvAddr: cluster.namesrvAddr, producerGroup: 'PG_req', clientIP: '127.0.0.1', ...options });
  await producer.start();
  return producer;
}

const message = { topic: 'T', body: Buffer.from('ping') };

/** Pushes a reply to a send the way a broker does; resolves with the client's answer. */
function push(request: RemotingCommand, body: Buffer, more: { sysFlag?: number; properties?: Record<string, string> } = {}) {
  const sent = decodeProperties(request.extFields?.i ?? '');
  const properties = {
    MSG_TYPE: 'reply',
    CORRELATION_ID: sent.get('CORRELATION_ID') ?? '',
    REPLY_TO_CLIENT: sent.get('REPLY_TO_CLIENT') ?? '',
    UNIQ_KEY: 'REPLY-ID',
    PUSH_REPLY_TIME: '1',
    ...more.properties,
  };
  const extFields = {
    producerGroup: 'PG_rep',
    topic: 'DefaultCluster_REPLY_TOPIC',
    defaultTopic: 'TBW102',
    defaultTopicQueueNums: '4',
    queueId: '0',
    sysFlag: String(more.sysFlag ?? 0),
    bornTimestamp: '5',
    flag: '0',
    properties: encodeProperties(properties),
    reconsumeTimes: '0',
    unitMode: 'false',
    bornHost: '127.0.0.1:39178',
    storeHost: '127.0.0.1:20911',
    storeTimestamp: '6',
  };
  return requester!.invoke({ code: RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, extFields, body }, 3_000);
}

function sends(): RemotingCommand[] {
  return cluster.brokers[0]!.requestsOf(RequestCode.SEND_MESSAGE_V2);
}

beforeEach(async () => {
  cluster = await FakeCluster.start();
  cluster.addTopic('T');
  requester = undefined;
  cluster.brokers[0]!.on(RequestCode.HEART_BEAT, (conn, request) => {
    requester = conn;
    conn.respond(request, ResponseCode.SUCCESS);
  });
});

afterEach(async () => {
  await producer?.shutdown();
  producer = undefined;
  await cluster.stop();
});

describe('a request', () => {
  it('resolves with the reply, also when that overtakes the answer to the send', async () => {
    const broker = cluster.brokers[0]!;
    broker.onSend = async (conn, request) => {
      expect(await push(request, Buffer.from('pong'))).toMatchObject({ code: ResponseCode.SUCCESS });
      broker.store(conn, request);
    };
    const p = await startProducer();
    const reply = await p.request({ ...message, keys: 'k' }, 3_000);
    expect(reply).toMatchObject({
      topic: 'DefaultCluster_REPLY_TOPIC',
      msgId: 'REPLY-ID',
      bornTimestamp: 5,
      storeTimestamp: 6,
      queueId: 0,
    });
    expect(reply.body.toString()).toBe('pong');
    expect(Number(reply.properties.get('ARRIVE_TIME'))).toBeGreaterThan(1_600_000_000_000);
    expect(reply.storeHost).toEqual({ ip: Buffer.from([127, 0, 0, 1]), port: 20911 });
  });

  it('carries correlation, client id and time to live, and the broker knows the client before', async () => {
    const p = await startProducer();
    const asked = p.request(message, 4_000).catch((error: unknown) => error);
    await until(() => sends().length === 1);
    const codes = cluster.brokers[0]!.requests.map(({ code }) => code);
    expect(codes.indexOf(RequestCode.HEART_BEAT)).toBeLessThan(codes.indexOf(RequestCode.SEND_MESSAGE_V2));
    const properties = decodeProperties(sends()[0]!.extFields?.i ?? '');
    expect(properties.get('CORRELATION_ID')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(properties.get('REPLY_TO_CLIENT')).toBe(p.clientId);
    expect(properties.get('TTL')).toBe('4000');
    await push(sends()[0]!, Buffer.from('pong'));
    expect(await asked).toMatchObject({ msgId: 'REPLY-ID' });
  });

  it('inflates a compressed reply', async () => {
    const body = Buffer.alloc(5_000, 'x');
    cluster.brokers[0]!.onSend = (conn, request) => {
      cluster.brokers[0]!.store(conn, request);
      void push(request, compressBody(body), { sysFlag: 0x301 });
    };
    const p = await startProducer();
    const reply = await p.request(message, 3_000);
    expect(reply.body).toEqual(body);
    expect(reply.sysFlag).toBe(0);
  });

  it('gives each of many requests its own reply', async () => {
    cluster.brokers[0]!.onSend = (conn, request) => {
      cluster.brokers[0]!.store(conn, request);
      setTimeout(() => void push(request, Buffer.concat([Buffer.from('re:'), request.body!])), Math.random() * 20);
    };
    const p = await startProducer();
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) => p.request({ topic: 'T', body: Buffer.from(String(i)) }, 10_000)),
    );
    expect(replies.map(({ body }) => body.toString())).toEqual(replies.map((_, i) => `re:${i}`));
  });

  it('times out with a code of its own, and takes a reply that comes too late without harm', async () => {
    const p = await startProducer();
    await p.send(message);
    const startMs = performance.now();
    const error = (await p.request(message, 1_000).catch((thrown: unknown) => thrown)) as MQError;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'REPLY_TIMEOUT', message: 'the request to topic T was sent, but no reply came within 1000 ms' });
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(await push(sends()[1]!, Buffer.from('late'))).toMatchObject({ code: ResponseCode.SUCCESS });
    expect(p.stats().lateReplies).toBe(1);
  });

  it('fails at once when the broker refuses the message', async () => {
    cluster.brokers[0]!.onSend = (conn, request) => conn.respond(request, ResponseCode.NO_PERMISSION, 'no');
    const p = await startProducer();
    await expect(p.request(message, 20_000)).rejects.toMatchObject({ context: { responseCode: ResponseCode.NO_PERMISSION } });
  });

  it('says that no broker took the message when none answered', async () => {
    cluster.brokers[0]!.onSend = () => {};
    const p = await startProducer();
    await p.fetchPublishMessageQueues('T');
    await until(() => requester !== undefined);
    await expect(p.request(message, 500)).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
  });

  it('fails when the client is shut down meanwhile', async () => {
    const p = await startProducer();
    const asked = p.request(message, 20_000).catch((error: unknown) => error);
    await until(() => sends().length === 1 && p.inFlight === 0);
    await p.shutdown();
    expect(await asked).toMatchObject({ code: 'CONNECTION_CLOSED' });
  });

  it('a push that cannot be read is answered with an error, and the client goes on', async () => {
    const p = await startProducer();
    await p.send(message);
    await until(() => requester !== undefined);
    const broken = await requester!.invoke(
      { code: RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, extFields: { topic: 'T' }, body: Buffer.from('x') },
      3_000,
    );
    expect(broken.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(broken.remark).toContain('producerGroup');
    expect(await p.send(message)).toMatchObject({ sendStatus: 'SEND_OK' });
  });
});

describe('a reply', () => {
  const request = {
    brokerName: 'broker-a',
    properties: new Map([
      ['CLUSTER', 'DefaultCluster'],
      ['CORRELATION_ID', 'c-1'],
      ['REPLY_TO_CLIENT', '127.0.0.1@x'],
      ['TTL', '3000'],
      ['own', 'stays behind'],
    ]),
  };

  it('goes to the reply topic of the cluster with request code 325', async () => {
    cluster.addTopic('DefaultCluster_REPLY_TOPIC', { queueCount: 1 });
    const codes: number[] = [];
    cluster.brokers[0]!.on(RequestCode.SEND_REPLY_MESSAGE_V2, (conn, sent) => {
      codes.push(sent.code);
      expect(sent.extFields?.b).toBe('DefaultCluster_REPLY_TOPIC');
      const properties = Object.fromEntries(decodeProperties(sent.extFields?.i ?? ''));
      expect(properties).toEqual({
        MSG_TYPE: 'reply',
        CORRELATION_ID: 'c-1',
        REPLY_TO_CLIENT: '127.0.0.1@x',
        TTL: '3000',
        UNIQ_KEY: expect.any(String),
        WAIT: 'true',
      });
      cluster.brokers[0]!.store(conn, sent);
    });
    const p = await startProducer();
    expect(await p.reply(request, Buffer.from('pong'))).toMatchObject({ sendStatus: 'SEND_OK' });
    expect(await p.send(replyTo(request, Buffer.from('pong')))).toMatchObject({ sendStatus: 'SEND_OK' });
    expect(codes).toEqual([325, 325]);
  });

  it.each(['CLUSTER', 'CORRELATION_ID', 'REPLY_TO_CLIENT'])('cannot be made for a message without %s', (name) => {
    const properties = new Map(request.properties);
    properties.delete(name);
    expect(() => replyTo({ properties }, Buffer.from('x'))).toThrow(UsageError);
    expect(() => replyTo({ properties }, Buffer.from('x'))).toThrow(`the message has no property ${name}`);
  });
});

describe('a reply in a cluster of two brokers', () => {
  it('goes first to the broker that the request came from', async () => {
    await cluster.stop();
    cluster = await FakeCluster.start({ brokerNames: ['broker-a', 'broker-b'] });
    cluster.addTopic('DefaultCluster_REPLY_TOPIC', { queueCount: 1 });
    const asked: string[] = [];
    for (const broker of cluster.brokers) {
      broker.on(RequestCode.SEND_REPLY_MESSAGE_V2, (conn, sent) => {
        asked.push(broker.name);
        if (broker.name === 'broker-a') conn.respond(sent, ResponseCode.SYSTEM_ERROR, 'channel of <x> not found');
        else broker.store(conn, sent);
      });
    }
    const p = await startProducer();
    const properties = new Map([
      ['CLUSTER', 'DefaultCluster'],
      ['CORRELATION_ID', 'c'],
      ['REPLY_TO_CLIENT', 'x'],
    ]);
    for (let i = 0; i < 4; i++) {
      expect((await p.reply({ brokerName: 'broker-b', properties }, Buffer.from('x'))).messageQueue.brokerName).toBe('broker-b');
    }
    expect(asked).toEqual(Array(4).fill('broker-b'));
    expect((await p.reply({ brokerName: 'broker-a', properties }, Buffer.from('x'))).messageQueue.brokerName).toBe('broker-b');
    expect(asked.slice(4)).toEqual(['broker-a', 'broker-b']);
  });
});
