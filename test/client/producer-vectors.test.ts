import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Producer, type ProducerOptions } from '../../src/client/producer/producer.js';
import { replyTo } from '../../src/client/producer/reply.js';
import { readReply } from '../../src/client/reply-table.js';
import { type CompressionTypeName, decompressBody } from '../../src/common/compression.js';
import { decodeBatch } from '../../src/common/message/batch.js';
import type { Message } from '../../src/common/message/message.js';
import { decodeProperties } from '../../src/common/message/properties.js';
import { RequestCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { decodeFrame } from '../../src/remoting/frame.js';
import { until } from '../sandbox.js';
import { bodyOf, type RecordedFrame, readRecording } from '../wire/vectors.js';
import { FakeCluster } from './fake-cluster.js';

/** Recordings of Java producers, and the group in them. */
const PRODUCERS = [
  'producer-json',
  'producer-rmq-both',
  'producer-rmq-client',
  'producer-json-client-rmq-server',
  'producer-compress-json',
];
const SENDS: ReadonlySet<number> = new Set([
  RequestCode.SEND_MESSAGE_V2,
  RequestCode.SEND_BATCH_MESSAGE,
  RequestCode.SEND_REPLY_MESSAGE_V2,
]);

/** By sysFlag. */
const COMPRESSION_OF_FLAG: Readonly<Record<string, CompressionTypeName>> = { '769': 'ZLIB', '257': 'LZ4', '513': 'ZSTD' };

let cluster: FakeCluster;
let producer: Producer | undefined;

beforeEach(async () => {
  cluster = await FakeCluster.start();
});
afterEach(async () => {
  await producer?.shutdown();
  producer = undefined;
  await cluster.stop();
});

async function startProducer(options: Partial<ProducerOptions> & { producerGroup: string }): Promise<Producer> {
  producer = new Producer({ namesrvAddr: cluster.namesrvAddr, clientIP: '127.0.0.1', ...options });
  await producer.start();
  return producer;
}

function ext(frame: RecordedFrame): Record<string, string> {
  return frame.decoded.extFields as Record<string, string>;
}

/** Properties that a Java client was given, as our message. */
function messageOf(topic: string, body: Buffer, propertiesText: string, flag = 0): Message {
  const properties = decodeProperties(propertiesText);
  const take = (name: string): string | undefined => {
    const value = properties.get(name);
    properties.delete(name);
    return value;
  };
  const tags = take('TAGS');
  const keys = take('KEYS');
  const delay = take('DELAY');
  take('WAIT');
  return {
    topic,
    body,
    flag,
    ...(tags === undefined ? {} : { tags }),
    ...(keys === undefined ? {} : { keys: keys.split(' ') }),
    ...(delay === undefined ? {} : { delayTimeLevel: Number(delay) }),
    properties,
  };
}

/** The fields of a send, its properties as a map; without what differs from run to run. */
function comparable(fields: Record<string, string>): Record<string, unknown> {
  const { g, ...rest } = fields;
  expect(Number(g)).toBeGreaterThan(1_600_000_000_000);
  return { ...rest, i: Object.fromEntries(decodeProperties(fields.i ?? '')) };
}

/** The send after `count` others. */
async function sent(count = 0): Promise<RemotingCommand> {
  const sends = () => cluster.brokers[0]!.requests.filter(({ code }) => SENDS.has(code));
  await until(() => sends().length > count);
  return sends()[count]!;
}

describe.each(PRODUCERS)('our sends beside those of a Java producer in %s', (recording) => {
  const frames = readRecording(recording).filter(({ dir, code, kind }) => dir === 'c2s' && kind !== 'response' && SENDS.has(code));

  it('have the same header fields and the same body for the same message', async () => {
    expect(frames.length).toBeGreaterThan(2);
    let count = 0;
    for (const frame of frames) {
      const java = ext(frame);
      const body = bodyOf(frame)!;
      const compressType = COMPRESSION_OF_FLAG[java.f!];
      cluster.addTopic(java.b!);
      const p = await startProducer({
        producerGroup: java.a!,
        serializeType: frame.serialize === 'JSON' ? 0 : 1,
        ...(compressType === undefined ? {} : { compressType }),
      });
      const queue = { topic: java.b!, brokerName: java.n!, queueId: Number(java.e) };
      if (frame.code === RequestCode.SEND_BATCH_MESSAGE) {
        const messages = decodeBatch(body).map((one) => messageOf(java.b!, one.body, one.properties, one.flag));
        await p.sendBatch(messages, { queue });
      } else {
        const plain = decompressBody(body, Number(java.f));
        const message = messageOf(java.b!, plain, java.i!, Number(java.h));
        if (frame.kind === 'oneway') await p.sendOneway(message, { queue });
        else await p.send(message, { queue });
      }
      const ours = await sent(count++);
      await p.shutdown();
      expect(ours).toMatchObject({ code: frame.code, serializeType: frame.serialize === 'JSON' ? 0 : 1 });
      expect(ours.flag & 2).toBe(frame.kind === 'oneway' ? 2 : 0);
      if (frame.code === RequestCode.SEND_BATCH_MESSAGE) {
        // Java 5 gives the batch an id of its own, which brokers of 4.9 would give to every message in it.
        const { i: javaProperties, ...javaRest } = comparable(java) as { i: Record<string, string> };
        const { UNIQ_KEY, ...rest } = javaProperties;
        expect(UNIQ_KEY).toMatch(/^[0-9A-F]{32}$/);
        expect(comparable(ours.extFields!)).toEqual({ ...javaRest, i: rest });
        const asMaps = (bytes: Buffer) => decodeBatch(bytes).map((one) => ({ ...one, properties: decodeProperties(one.properties) }));
        expect(asMaps(ours.body!)).toEqual(asMaps(body));
        expect(ours.body).toHaveLength(body.length);
      } else {
        expect(comparable(ours.extFields!)).toEqual(comparable(java));
        // Compressors of different makers write different bytes.
        expect(decompressBody(ours.body!, Number(java.f))).toEqual(decompressBody(body, Number(java.f)));
      }
    }
  });
});

describe('requests and replies beside those of Java clients', () => {
  const frames = readRecording('request-reply-json');
  const find = (code: number) => frames.filter((frame) => frame.code === code && frame.kind === 'request').at(-1)!;

  it('a request carries the properties that Java gives it', async () => {
    const java = ext(find(RequestCode.SEND_MESSAGE_V2));
    cluster.addTopic(java.b!);
    const p = await startProducer({ producerGroup: java.a!, instanceName: 'rqp' });
    const queue = { topic: java.b!, brokerName: java.n!, queueId: Number(java.e) };
    const { UNIQ_KEY } = Object.fromEntries(decodeProperties(java.i!));
    const message = {
      topic: java.b!,
      body: Buffer.from('the request'),
      keys: 'rk',
      tags: 'T',
      properties: new Map([['UNIQ_KEY', UNIQ_KEY!]]),
    };
    const asked = p.request(message, 20_000, queue).catch(() => null);
    const ours = comparable((await sent()).extFields!) as { i: Record<string, string> };
    const theirs = comparable(java) as { i: Record<string, string> };
    await p.shutdown();
    await asked;
    expect({ ...ours, i: { ...ours.i, CORRELATION_ID: theirs.i.CORRELATION_ID } }).toEqual(theirs);
  });

  it('a reply is the one that Java makes', async () => {
    const java = ext(find(RequestCode.SEND_REPLY_MESSAGE_V2));
    cluster.addTopic(java.b!, { queueCount: 1 });
    cluster.brokers[0]!.on(RequestCode.SEND_REPLY_MESSAGE_V2, (conn, request) => cluster.brokers[0]!.store(conn, request));
    const p = await startProducer({ producerGroup: java.a! });
    const request = decodeProperties(ext(find(RequestCode.SEND_MESSAGE_V2)).i!).set('CLUSTER', 'DefaultCluster');
    const reply = replyTo({ properties: request }, Buffer.from('the reply'));
    reply.properties!.set('UNIQ_KEY', decodeProperties(java.i!).get('UNIQ_KEY')!);
    await p.send(reply);
    const ours = comparable((await sent()).extFields!) as { i: Record<string, string> };
    const { WAIT, ...properties } = ours.i;
    // Java leaves WAIT out of replies; the stored message is the same, because WAIT is true without it.
    expect(WAIT).toBe('true');
    expect({ ...ours, i: properties }).toEqual(comparable(java));
  });

  it('a pushed reply of a Java broker is read', () => {
    const frame = find(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT);
    const bytes = Buffer.from(frame.hex, 'hex');
    const reply = readReply(decodeFrame(bytes, 0, bytes.length), 7);
    expect(reply).toMatchObject({
      topic: 'DefaultCluster_REPLY_TOPIC',
      queueId: 0,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: 1795234667018,
      storeTimestamp: 1795234667035,
      reconsumeTimes: 0,
      msgId: '7F000001688630946E0967EB320A0002',
    });
    expect(reply.body.toString()).toBe('the reply');
    expect(reply.properties.get('ARRIVE_TIME')).toBe('7');
  });
});
