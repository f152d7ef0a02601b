import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MQError } from '../../src/common/errors.js';
import { decodeProperties, encodeProperties } from '../../src/common/message/properties.js';
import { encodeRecordBuffer } from '../../src/common/message/record.js';
import {
  LocalTransactionState,
  TransactionProducer,
  type TransactionProducerOptions,
  type TransactionSendResult,
} from '../../src/index.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { decodeFrame } from '../../src/remoting/frame.js';
import type { Connection } from '../../src/remoting/server.js';
import { until } from '../sandbox.js';
import { type RecordedFrame, readRecording } from '../wire/vectors.js';
import { FakeCluster } from './fake-cluster.js';

const { COMMIT_MESSAGE, ROLLBACK_MESSAGE, UNKNOW } = LocalTransactionState;
const OFFSET_MSG_ID = '7F000001000051AF0000000000000E74';

let cluster: FakeCluster;
const producers: TransactionProducer<never>[] = [];

beforeEach(async () => {
  cluster = await FakeCluster.start();
  cluster.addTopic('TopicTx');
  const broker = cluster.brokers[0]!;
  broker.onSend = (conn, request) => storeHalf(conn, request);
  broker.on(RequestCode.END_TRANSACTION, () => undefined);
});
afterEach(async () => {
  for (const producer of producers.splice(0)) await producer.shutdown();
  await cluster.stop();
});

function storeHalf(conn: Connection, request: RemotingCommand, code: number = ResponseCode.SUCCESS): void {
  const properties = decodeProperties(request.extFields?.i ?? '');
  conn.respond(request, code, null, {
    msgId: OFFSET_MSG_ID,
    queueId: request.extFields?.e ?? '0',
    queueOffset: '17',
    transactionId: properties.get('UNIQ_KEY') ?? '',
    MSG_REGION: 'DefaultRegion',
    TRACE_ON: 'true',
  });
}

async function started<Arg = unknown>(options: Partial<TransactionProducerOptions<Arg>> = {}): Promise<TransactionProducer<Arg>> {
  const producer = new TransactionProducer<Arg>({
    namesrvAddr: cluster.namesrvAddr,
    producerGroup: 'PG_tx',
    clientIP: '127.0.0.1',
    listener: { executeLocalTransaction: () => COMMIT_MESSAGE, checkLocalTransaction: () => COMMIT_MESSAGE },
    ...options,
  });
  producers.push(producer as unknown as TransactionProducer<never>);
  await producer.start();
  return producer;
}

async function ends(count: number): Promise<RemotingCommand[]> {
  const broker = cluster.brokers[0]!;
  await until(() => broker.requestsOf(RequestCode.END_TRANSACTION).length >= count);
  return broker.requestsOf(RequestCode.END_TRANSACTION);
}

function inTransactionAsync<Arg>(producer: TransactionProducer<Arg>, body: string, arg: Arg): Promise<TransactionSendResult> {
  return new Promise((resolve, reject) => {
    const handler = { onSuccess: (result: TransactionSendResult) => resolve(result), onException: (error: MQError) => reject(error) };
    producer.sendInTransactionAsync({ topic: 'TopicTx', body: Buffer.from(body) }, arg, handler, null);
  });
}

/** The broker asks about a half message at this offset of the half queue. */
function check(tranStateTableOffset: string, half: { topic: string; body: Buffer; properties: string }): void {
  const host = { ip: Buffer.from([127, 0, 0, 1]), port: 1 };
  const body = encodeRecordBuffer({
    magicVersion: 1,
    queueId: 0,
    flag: 0,
    queueOffset: 18,
    commitLogOffset: 4000,
    sysFlag: 0,
    bornTimestamp: 1,
    bornHost: host,
    storeTimestamp: 2,
    storeHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    ...half,
  });
  const extFields = { tranStateTableOffset, commitLogOffset: '4000', msgId: 'm', transactionId: 'm', bname: 'broker-a' };
  const [connection] = [...cluster.brokers[0]!.server.connections()];
  connection!.invokeOneway({ code: RequestCode.CHECK_TRANSACTION_STATE, extFields, body });
}

describe('a transactional send', () => {
  it('stores a half message, executes the local transaction, and tells the broker its end', async () => {
    const seen: unknown[] = [];
    const producer = await started<{ order: number }>({
      listener: {
        executeLocalTransaction: async (message, arg, transactionId) => {
          seen.push(message.body.toString(), arg.order, transactionId);
          return COMMIT_MESSAGE;
        },
        checkLocalTransaction: () => UNKNOW,
      },
    });
    const message = {
      topic: 'TopicTx',
      body: Buffer.from('b'),
      tags: 'T',
      keys: 'k',
      delayTimeLevel: 3,
      properties: new Map([['a', 'ü']]),
    };
    const result = await producer.sendInTransaction(message, { order: 42 });
    expect(result).toMatchObject({
      sendStatus: 'SEND_OK',
      queueOffset: 17,
      localTransactionState: COMMIT_MESSAGE,
      transactionId: result.msgId,
    });
    expect(result).not.toHaveProperty('offsetMsgId');
    expect(seen).toEqual(['b', 42, result.msgId]);
    expect(message.properties).toEqual(new Map([['a', 'ü']]));
    const [send] = cluster.brokers[0]!.requestsOf(RequestCode.SEND_MESSAGE_V2);
    expect(send!.extFields).toMatchObject({ a: 'PG_tx', b: 'TopicTx', f: '4', m: 'false' });
    expect(Object.fromEntries(decodeProperties(send!.extFields!.i!))).toEqual({
      TAGS: 'T',
      KEYS: 'k',
      WAIT: 'true',
      UNIQ_KEY: result.msgId,
      TRAN_MSG: 'true',
      PGROUP: 'PG_tx',
      a: 'ü',
    });
    const [end] = await ends(1);
    expect(end).toMatchObject({ flag: 2, remark: null });
    expect(end!.extFields).toEqual({
      topic: 'TopicTx',
      producerGroup: 'PG_tx',
      tranStateTableOffset: '17',
      commitLogOffset: String(0xe74),
      commitOrRollback: '8',
      fromTransactionCheck: 'false',
      msgId: result.msgId,
      transactionId: result.msgId,
      bname: 'broker-a',
    });
  });

  it.each([
    [COMMIT_MESSAGE, '8'],
    [ROLLBACK_MESSAGE, '12'],
    [UNKNOW, '0'],
    [undefined, '0'],
  ])('that the listener answers with %s ends with type %s, with and without a promise', async (answer, type) => {
    const producer = await started<boolean>({
      listener: {
        executeLocalTransaction: (_message, isLate) => (isLate ? Promise.resolve(answer as never) : (answer as never)),
        checkLocalTransaction: () => UNKNOW,
      },
    });
    const state = answer ?? UNKNOW;
    expect((await producer.sendInTransaction({ topic: 'TopicTx', body: Buffer.from('b') }, true)).localTransactionState).toBe(state);
    expect((await inTransactionAsync(producer, 'now', false)).localTransactionState).toBe(state);
    expect((await inTransactionAsync(producer, 'late', true)).localTransactionState).toBe(state);
    expect((await ends(3)).map((end) => end.extFields!.commitOrRollback)).toEqual([type, type, type]);
    expect(producer.inFlight).toBe(0);
  });

  it('whose local transaction fails ends as UNKNOW, with the reason', async () => {
    const producer = await started<boolean>({
      listener: {
        executeLocalTransaction: (_message, isLate) => {
          if (isLate) return Promise.reject(new Error('no database'));
          throw new Error('no database');
        },
        checkLocalTransaction: () => UNKNOW,
      },
    });
    const message = { topic: 'TopicTx', body: Buffer.from('b') };
    for (const result of [
      await producer.sendInTransaction(message, false),
      await producer.sendInTransaction(message, true),
      await inTransactionAsync(producer, 'b', false),
      await inTransactionAsync(producer, 'b', true),
    ]) {
      expect(result.localTransactionState).toBe(UNKNOW);
    }
    for (const end of await ends(4)) {
      expect(end).toMatchObject({ remark: 'Error: no database', extFields: { commitOrRollback: '0' } });
    }
  });

  it('whose half message missed a promise is rolled back without a local transaction', async () => {
    let executed = 0;
    const producer = await started({
      listener: {
        executeLocalTransaction: () => {
          executed++;
          return COMMIT_MESSAGE;
        },
        checkLocalTransaction: () => UNKNOW,
      },
    });
    cluster.brokers[0]!.onSend = (conn, request) => storeHalf(conn, request, ResponseCode.FLUSH_DISK_TIMEOUT);
    const result = await producer.sendInTransaction({ topic: 'TopicTx', body: Buffer.from('b') }, null);
    expect(result).toMatchObject({ sendStatus: 'FLUSH_DISK_TIMEOUT', localTransactionState: ROLLBACK_MESSAGE });
    expect((await inTransactionAsync(producer, 'b', null)).localTransactionState).toBe(ROLLBACK_MESSAGE);
    expect((await ends(2)).map((end) => end.extFields!.commitOrRollback)).toEqual(['12', '12']);
    expect(executed).toBe(0);
  });

  it('that the broker refuses fails, and nothing is ended', async () => {
    const producer = await started();
    cluster.brokers[0]!.onSend = (conn, request) => conn.respond(request, ResponseCode.MESSAGE_ILLEGAL, 'no');
    await expect(producer.sendInTransaction({ topic: 'TopicTx', body: Buffer.from('b') }, null)).rejects.toMatchObject({
      responseCode: 13,
    });
    await expect(inTransactionAsync(producer, 'b', null)).rejects.toMatchObject({ responseCode: 13 });
    await expect(inTransactionAsync(producer, '', null)).rejects.toThrow('length 0');
    expect(cluster.brokers[0]!.requestsOf(RequestCode.END_TRANSACTION)).toEqual([]);
    expect(producer.inFlight).toBe(0);
  });

  it('is the same request on the hot path, also with properties of its own', async () => {
    const producer = await started();
    const message = { topic: 'TopicTx', body: Buffer.from('b'), tags: 'T', properties: new Map([['user', 'value']]) };
    await producer.sendInTransaction(message, null);
    await producer.sendInTransaction({ ...message, flag: 1 }, null);
    await producer.sendInTransaction({ ...message, properties: new Map([['user', 'välue']]) }, null);
    const [hot, plain] = cluster.brokers[0]!.requestsOf(RequestCode.SEND_MESSAGE_V2);
    const same = ({ extFields }: RemotingCommand): object => ({
      ...extFields,
      e: '',
      g: '',
      h: '',
      i: extFields!.i!.replace(/UNIQ_KEY.[0-9A-F]+/, ''),
    });
    expect(same(hot!)).toEqual(same(plain!));
  });
});

describe('checks', () => {
  it('of a transaction that hangs in the listener leave room for others, and the last of them is answered', async () => {
    let finish: (state: LocalTransactionState) => void = () => undefined;
    await started({
      checkConcurrency: 2,
      listener: {
        executeLocalTransaction: () => UNKNOW,
        checkLocalTransaction: ({ body }) =>
          body.toString() === 'other'
            ? COMMIT_MESSAGE
            : new Promise<LocalTransactionState>((resolve) => {
                finish = resolve;
              }),
      },
    }).then((producer) => producer.sendInTransaction({ topic: 'TopicTx', body: Buffer.from('first') }, null));
    const half = (text: string) => ({
      topic: 'TopicTx',
      body: Buffer.from(text),
      properties: encodeProperties({ UNIQ_KEY: text, PGROUP: 'PG_tx' }),
    });
    for (const offset of ['18', '19', '20']) check(offset, half('hangs'));
    check('21', half('other'));
    expect((await ends(2))[1]!.extFields).toMatchObject({ tranStateTableOffset: '21', commitOrRollback: '8' });
    finish(ROLLBACK_MESSAGE);
    expect((await ends(3))[2]!.extFields).toMatchObject({ tranStateTableOffset: '20', commitOrRollback: '12' });
  });
});

describe('stopping a transaction producer', () => {
  it('waits for local transactions that are under way', async () => {
    let finish: (state: LocalTransactionState) => void = () => undefined;
    const producer = await started({
      listener: {
        executeLocalTransaction: () =>
          new Promise<LocalTransactionState>((resolve) => {
            finish = resolve;
          }),
        checkLocalTransaction: () => UNKNOW,
      },
    });
    const sending = producer.sendInTransaction({ topic: 'TopicTx', body: Buffer.from('b') }, null);
    await until(() => cluster.brokers[0]!.requestsOf(RequestCode.SEND_MESSAGE_V2).length === 1);
    await until(() => finish.length === 1);
    const stopping = producer.shutdown();
    await expect(producer.sendInTransaction({ topic: 'TopicTx', body: Buffer.from('b') }, null)).rejects.toThrow();
    finish(COMMIT_MESSAGE);
    await stopping;
    expect((await sending).localTransactionState).toBe(COMMIT_MESSAGE);
    await ends(1);
  });
});

describe('a namespace of the first kind', () => {
  it('is in topic and group for the broker, and in neither for the listener', async () => {
    cluster.addTopic('ns%TopicTx');
    const asked: string[] = [];
    const producer = await started({
      namespace: 'ns',
      listener: {
        executeLocalTransaction: () => UNKNOW,
        checkLocalTransaction: (message) => {
          asked.push(message.topic);
          return COMMIT_MESSAGE;
        },
      },
    });
    expect((await producer.sendInTransaction({ topic: 'TopicTx', body: Buffer.from('b') }, null)).messageQueue.topic).toBe('TopicTx');
    const [send] = cluster.brokers[0]!.requestsOf(RequestCode.SEND_MESSAGE_V2);
    expect(send!.extFields).toMatchObject({ a: 'ns%PG_tx', b: 'ns%TopicTx' });
    check('18', { topic: 'ns%TopicTx', body: send!.body!, properties: send!.extFields!.i! });
    const [, answer] = await ends(2);
    expect(asked).toEqual(['TopicTx']);
    expect(answer!.extFields).toMatchObject({ producerGroup: 'ns%PG_tx', tranStateTableOffset: '18', commitOrRollback: '8' });
  });
});

describe('options of a transaction producer', () => {
  it('need a listener, and one producer a group and client', async () => {
    const options = { namesrvAddr: cluster.namesrvAddr, producerGroup: 'PG_tx' };
    expect(() => new TransactionProducer({ ...options, listener: {} as never })).toThrow('listener');
    const listener = { executeLocalTransaction: () => UNKNOW, checkLocalTransaction: () => UNKNOW };
    expect(() => new TransactionProducer({ ...options, listener, checkConcurrency: 0 })).toThrow('checkConcurrency');
  });
});

describe.each(['transaction-json', 'client497-transaction-json'])('the requests recorded in %s', (name) => {
  const frames = readRecording(name).filter((frame) => frame.peer === 'broker');
  const commandOf = (frame: RecordedFrame): RemotingCommand => {
    const bytes = Buffer.from(frame.hex, 'hex');
    return decodeFrame(bytes, 0, bytes.length);
  };
  const recorded = (code: number): RemotingCommand[] => frames.filter((frame) => frame.dir === 'c2s' && frame.code === code).map(commandOf);
  /** 4.9 leaves the topic out. */
  const withoutTopic = (fields: Record<string, string> | null): object => ({ ...fields, topic: undefined });

  it('are those of this producer', async () => {
    const states = [COMMIT_MESSAGE, ROLLBACK_MESSAGE, UNKNOW];
    const producer = await started<number>({
      listener: { executeLocalTransaction: (_message, i) => states[i]!, checkLocalTransaction: () => COMMIT_MESSAGE },
    });
    const answers = frames.filter((frame) => frame.dir === 's2c' && frame.code === 0).map(commandOf);
    cluster.brokers[0]!.onSend = (conn, request) => {
      const key = decodeProperties(request.extFields!.i!).get('UNIQ_KEY');
      const answer = answers.find((each) => each.extFields?.transactionId === key)!;
      conn.respond(request, ResponseCode.SUCCESS, null, answer.extFields);
    };
    const sends = recorded(RequestCode.SEND_MESSAGE_V2);
    for (const [i, send] of sends.entries()) {
      const properties = decodeProperties(send.extFields!.i!);
      await producer.sendInTransaction(
        {
          topic: 'TopicTx',
          body: Buffer.from(send.body!),
          tags: 'T',
          keys: properties.get('KEYS')!,
          properties: new Map([['UNIQ_KEY', properties.get('UNIQ_KEY')!]]),
        },
        i,
      );
    }
    const ours = cluster.brokers[0]!.requestsOf(RequestCode.SEND_MESSAGE_V2);
    for (const [i, send] of sends.entries()) {
      const mine = ours[i]!;
      expect({ ...mine.extFields, e: '', g: '', i: '' }).toEqual({ ...send.extFields, e: '', g: '', i: '' });
      expect(Object.fromEntries(decodeProperties(mine.extFields!.i!))).toEqual(Object.fromEntries(decodeProperties(send.extFields!.i!)));
      expect(mine.body!.equals(send.body!)).toBe(true);
    }
    const recordedEnds = recorded(RequestCode.END_TRANSACTION).filter((end) => end.extFields!.fromTransactionCheck === 'false');
    const ourEnds = await ends(recordedEnds.length);
    expect(ourEnds.map(({ extFields }) => withoutTopic(extFields))).toEqual(recordedEnds.map(({ extFields }) => withoutTopic(extFields)));
    expect(ourEnds.every((end) => end.flag === 2)).toBe(true);
  });

  it('answer a recorded check, and nothing answers for a group that is not here', async () => {
    const asked: string[] = [];
    const producer = await started({
      listener: {
        executeLocalTransaction: () => UNKNOW,
        checkLocalTransaction: async (message) => {
          asked.push(message.topic, message.body.toString(), message.msgId, message.properties.get('PGROUP')!);
          return COMMIT_MESSAGE;
        },
      },
    });
    await producer.sendInTransaction({ topic: 'TopicTx', body: Buffer.from('b') }, null);
    await ends(1);
    const check = commandOf(frames.find((frame) => frame.dir === 's2c' && frame.code === RequestCode.CHECK_TRANSACTION_STATE)!);
    const [connection] = [...cluster.brokers[0]!.server.connections()];
    const stranger = Buffer.from(check.body!.toString('latin1').replace('PG_tx', 'PG_xx'), 'latin1');
    connection!.invokeOneway({ code: check.code, extFields: check.extFields, body: stranger });
    connection!.invokeOneway({ code: check.code, extFields: check.extFields, body: check.body });
    const [, answer] = await ends(2);
    const expected = recorded(RequestCode.END_TRANSACTION).find((end) => end.extFields!.fromTransactionCheck === 'true')!;
    expect(withoutTopic(answer!.extFields)).toEqual(withoutTopic(expected.extFields));
    expect(answer!.flag).toBe(2);
    expect(asked).toEqual(['TopicTx', 'tx unknown', expected.extFields!.msgId, 'PG_tx']);
  });
});
