import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NamesrvNode } from '../../../broker/namesrv/index.js';
import type { Timers } from '../../../src/common/clock.js';
import { crc31 } from '../../../src/common/crc.js';
import { parseFastjson } from '../../../src/common/fastjson.js';
import { RemotingClient } from '../../../src/remoting/client.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { namesrvConfig, onFreePorts, type Sandbox, startSandbox, until } from '../../sandbox.js';

interface Broker {
  brokerName?: string;
  brokerAddr?: string;
  brokerId?: number;
  clusterName?: string;
  topics?: Record<string, number>;
  counter?: number;
  ext?: Record<string, string>;
}

let sandbox: Sandbox;
let client: RemotingClient;

beforeEach(async () => {
  sandbox = await startSandbox({ brokers: 0 });
  client = new RemotingClient();
});
afterEach(async () => {
  await client.close();
  await sandbox.stop();
});

function ask(
  code: number,
  extFields: Record<string, string> = {},
  body: Buffer | string | null = null,
  from = client,
): Promise<RemotingCommand> {
  return from.invoke(sandbox.namesrvAddr, { code, extFields, body: typeof body === 'string' ? Buffer.from(body) : body }, 5000);
}

function fields(broker: Broker): Record<string, string> {
  return {
    brokerName: broker.brokerName ?? 'broker-a',
    brokerAddr: broker.brokerAddr ?? '127.0.0.1:10911',
    clusterName: broker.clusterName ?? 'DefaultCluster',
    haServerAddr: '127.0.0.1:10912',
    brokerId: String(broker.brokerId ?? 0),
  };
}

/** Registers a broker; topics are name → perm. */
function register(broker: Broker = {}, from = client): Promise<RemotingCommand> {
  const topics = broker.topics ?? { TopicA: 6, TopicB: 6 };
  const body = JSON.stringify({
    filterServerList: [],
    topicConfigSerializeWrapper: {
      dataVersion: { counter: broker.counter ?? 1, stateVersion: 0, timestamp: 5 },
      topicConfigTable: Object.fromEntries(
        Object.entries(topics).map(([topicName, perm]) => [
          topicName,
          { topicName, readQueueNums: 4, writeQueueNums: 8, perm, topicSysFlag: 0 },
        ]),
      ),
    },
  });
  return ask(103, { ...fields(broker), compressed: 'false', bodyCrc32: String(crc31(Buffer.from(body))), ...broker.ext }, body, from);
}

async function route(topic: string): Promise<Record<string, never> | null> {
  const answer = await ask(105, { topic });
  return answer.code === 0 ? (parseFastjson(answer.body as Buffer) as Record<string, never>) : null;
}

async function permOf(topic: string): Promise<number> {
  const found = (await route(topic)) as unknown as { queueDatas: { perm: number }[] };
  return found.queueDatas[0]?.perm ?? -1;
}

async function clusterInfo(): Promise<{ brokerAddrTable: Record<string, unknown>; clusterAddrTable: Record<string, string[]> }> {
  return parseFastjson((await ask(106)).body as Buffer) as never;
}

describe('registration', () => {
  it('makes topics routable, and an incremental registration adds one', async () => {
    expect((await register()).code).toBe(0);
    expect(await route('TopicA')).toEqual({
      brokerDatas: [
        { brokerAddrs: { 0: '127.0.0.1:10911' }, brokerName: 'broker-a', cluster: 'DefaultCluster', enableActingMaster: false },
      ],
      filterServerTable: {},
      queueDatas: [{ brokerName: 'broker-a', perm: 6, readQueueNums: 4, topicSysFlag: 0, writeQueueNums: 8 }],
    });
    expect((await register({ topics: { TopicC: 6 }, counter: 2 })).code).toBe(0);
    expect(await route('TopicC')).not.toBeNull();
    expect(await route('TopicB')).not.toBeNull();
  });

  it('refuses a first registration with exactly one topic, and leaves no ghost behind', async () => {
    const answer = await register({ topics: { TopicA: 6 } });
    expect([answer.code, answer.remark]).toEqual([1, 'register broker failed']);
    expect(await clusterInfo()).toEqual({ brokerAddrTable: {}, clusterAddrTable: {} });
  });

  it('refuses a body whose checksum is wrong, and headers without their fields', async () => {
    const answer = await register({ ext: { bodyCrc32: '5' } });
    expect([answer.code, answer.remark]).toEqual([1, 'crc32 not match']);
    const missing = await ask(103, { brokerName: 'b' }, '{}');
    expect([missing.code, missing.remark]).toEqual([1, expect.stringContaining('brokerAddr of RegisterBrokerRequestHeader is missing')]);
    const malformed = await register({ ext: { brokerId: 'x' } });
    expect([malformed.code, malformed.remark]).toEqual([1, expect.stringContaining('brokerId')]);
  });

  it.each(['true', 'false'])('reads a compressed body with the flag %s, and a cut one is an error', async (compressed) => {
    const text = (value: string): Buffer => {
      const bytes = Buffer.from(value);
      const length = Buffer.alloc(4);
      length.writeInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    };
    const count = (value: number): Buffer => text('x'.repeat(value)).subarray(0, 4);
    const parts = [
      text('{"counter":1,"stateVersion":0,"timestamp":5}'),
      count(2),
      text('TopicA 4 8 6 SINGLE_TAG {}'),
      text('TopicB 4 8 4 SINGLE_TAG'),
      text('[]'),
      count(0),
    ];
    const body = deflateSync(Buffer.concat(parts));
    expect((await ask(103, { ...fields({}), compressed, bodyCrc32: String(crc31(body)) }, body)).code).toBe(0);
    expect(await permOf('TopicB')).toBe(4);
    const cut = deflateSync(Buffer.concat(parts).subarray(0, 60));
    expect((await ask(103, { ...fields({ brokerName: 'b' }), compressed, bodyCrc32: '0' }, cut)).code).toBe(1);
  });

  it('takes the last of two ids of one address', async () => {
    await register({ brokerId: 0 });
    await register({ brokerId: 2 });
    expect(await clusterInfo()).toMatchObject({ brokerAddrTable: { 'broker-a': { brokerAddrs: { 2: '127.0.0.1:10911' } } } });
  });

  it('lets only the master define topics', async () => {
    await register();
    await register({ brokerId: 1, brokerAddr: '127.0.0.1:11911', topics: { TopicX: 6, TopicY: 6 }, counter: 9 });
    expect(await route('TopicX')).toBeNull();
  });

  it('keeps longs that do not fit a double', async () => {
    const dataVersion = '{"counter":9223372036854775807,"stateVersion":0,"timestamp":9007199254740993}';
    const topics = '"TopicA":{"perm":6,"readQueueNums":1,"writeQueueNums":1},"TopicB":{"perm":6,"readQueueNums":1,"writeQueueNums":1}';
    const body = `{"topicConfigSerializeWrapper":{"dataVersion":${dataVersion},"topicConfigTable":{${topics}}}}`;
    expect((await ask(103, fields({}), body)).code).toBe(0);
    const same = await ask(322, fields({}), dataVersion);
    expect([same.extFields?.changed, same.body?.toString()]).toEqual(['false', dataVersion]);
  });
});

describe('the end of a broker', () => {
  it('is the end of the connection that registered it', async () => {
    const other = new RemotingClient();
    await register({}, other);
    expect(await route('TopicA')).not.toBeNull();
    await other.close();
    await until(async () => (await route('TopicA')) === null);
    expect(await clusterInfo()).toEqual({ brokerAddrTable: {}, clusterAddrTable: {} });
  });

  it('is not the end of a connection it no longer uses', async () => {
    const other = new RemotingClient();
    await register({}, other);
    await register({});
    await other.close();
    await until(() => sandbox.namesrv.connectionCount === 1);
    expect(await route('TopicA')).not.toBeNull();
  });

  it('is its unregistration; that of an unknown broker is a success', async () => {
    await register();
    expect((await ask(104, fields({}))).code).toBe(0);
    expect(await route('TopicA')).toBeNull();
    expect((await ask(104, fields({ brokerName: 'nobody' }))).code).toBe(0);
  });

  it('comes when it is silent for its time-out, and heartbeats keep it', async () => {
    let nowMs = 0;
    let scan: (() => void) | undefined;
    const timers: Timers = {
      setTimeout: (callback, delayMs) => {
        if (delayMs === 5000) scan = callback;
        return 0;
      },
      clearTimeout: () => {},
      setInterval: () => 0,
      clearInterval: () => {},
      setImmediate: (callback) => setImmediate(callback),
    };
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, monotonicNs: () => BigInt(nowMs) };
    const node = await onFreePorts((listenPort) =>
      NamesrvNode.start(namesrvConfig(sandbox.dir, { listenPort, bindAddress: '127.0.0.1' }), { clock, timers }),
    );
    try {
      const at = (code: number, extFields: Record<string, string>, body: string | null = null): Promise<RemotingCommand> =>
        client.invoke(node.address, { code, extFields, body: body === null ? null : Buffer.from(body) }, 5000);
      const body = '{"topicConfigSerializeWrapper":{"dataVersion":{"counter":1,"timestamp":1},"topicConfigTable":{"A":{},"B":{}}}}';
      await at(103, { ...fields({}), heartbeatTimeoutMillis: '10000' }, body);
      await at(103, fields({ brokerName: 'broker-b', brokerAddr: '127.0.0.1:2' }), body);
      nowMs = 9000;
      await at(904, fields({}));
      nowMs = 15_000;
      scan?.();
      expect(node.routes.groups.size).toBe(2);
      nowMs = 19_001;
      scan?.();
      expect([...node.routes.groups.keys()]).toEqual(['broker-b']);
      nowMs = 130_000;
      scan?.();
      expect(node.routes.topics.size).toBe(0);
    } finally {
      await client.close();
      await node.shutdown();
    }
  });
});

describe('write permission', () => {
  it('is wiped until topics change, and added as exactly 6', async () => {
    await register({ topics: { TopicA: 6, TBW102: 7 } });
    expect((await ask(205, { brokerName: 'broker-a' })).extFields).toEqual({ wipeTopicCount: '2' });
    expect(await permOf('TBW102')).toBe(5);
    await register({ topics: { TopicA: 6, TBW102: 7 } });
    expect(await permOf('TopicA')).toBe(4);
    await register({ topics: { TopicA: 6, TBW102: 7 }, counter: 2 });
    expect(await permOf('TopicA')).toBe(6);
    expect((await ask(327, { brokerName: 'broker-a' })).extFields).toEqual({ addTopicCount: '2' });
    expect(await permOf('TBW102')).toBe(6);
    expect((await ask(205, { brokerName: 'nobody' })).extFields).toEqual({ wipeTopicCount: '0' });
  });
});

describe('topics', () => {
  it('are listed, by cluster too, and deleted, in one cluster or everywhere', async () => {
    await register();
    await register({ brokerName: 'broker-b', brokerAddr: '127.0.0.1:2', clusterName: 'Other', topics: { TopicB: 6, TopicC: 6 } });
    const list = async (code: number, ext = {}): Promise<string[]> =>
      (parseFastjson((await ask(code, ext)).body as Buffer) as { topicList: string[] }).topicList.sort();
    expect(await list(206)).toEqual(['TopicA', 'TopicB', 'TopicC']);
    expect(await list(224, { cluster: 'Other' })).toEqual(['TopicB', 'TopicC']);
    expect(await list(224, { cluster: 'nowhere' })).toEqual([]);
    expect(await list(304)).toEqual(['DefaultCluster', 'Other', 'broker-a', 'broker-b']);
    expect((await ask(216, { topic: 'TopicB', clusterName: 'Other' })).code).toBe(0);
    expect(await list(206)).toEqual(['TopicA', 'TopicB', 'TopicC']);
    expect((await ask(216, { topic: 'TopicB' })).code).toBe(0);
    expect(await list(206)).toEqual(['TopicA', 'TopicC']);
    expect((await ask(216, { topic: 'unknown' })).code).toBe(0);
  });

  it('are told apart by unit flags', async () => {
    await register();
    const put = (topic: string, topicSysFlag: number): void =>
      sandbox.namesrv.routes.putTopic(topic, [{ brokerName: 'broker-a', readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag }]);
    put('Unit', 1);
    put('UnitSub', 3);
    put('UnitSubUnunit', 2);
    const list = async (code: number): Promise<string[]> =>
      (parseFastjson((await ask(code)).body as Buffer) as { topicList: string[] }).topicList;
    expect(await list(311)).toEqual(['Unit', 'UnitSub']);
    expect(await list(312)).toEqual(['UnitSub', 'UnitSubUnunit']);
    expect(await list(313)).toEqual(['UnitSubUnunit']);
  });

  it('lists can be switched off while the node runs', async () => {
    expect((await ask(318, {}, 'enableAllTopicList=false\n')).code).toBe(0);
    expect((await ask(206)).code).toBe(1);
  });
});

describe('key-value pairs', () => {
  it('are kept over a restart', async () => {
    expect((await ask(100, { namespace: 'NS', key: 'k', value: 'grüße' })).code).toBe(0);
    expect((await ask(101, { namespace: 'NS', key: 'k' })).extFields).toEqual({ value: 'grüße' });
    const file = join(sandbox.dir, 'namesrv', 'kvConfig.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ configTable: { NS: { k: 'grüße' } } });
    await sandbox.namesrv.shutdown();
    const again = await onFreePorts((listenPort) => NamesrvNode.start(namesrvConfig(sandbox.dir, { listenPort })));
    const answer = await client.invoke(again.address, { code: 219, extFields: { namespace: 'NS' } }, 5000);
    expect(answer.body?.toString()).toBe('{"table":{"k":"grüße"}}');
    await again.shutdown();
  });

  it('are taken from the copy when the file is broken, and without a copy the start stops', async () => {
    await ask(100, { namespace: 'NS', key: 'k', value: '1' });
    await ask(100, { namespace: 'NS', key: 'k', value: '2' });
    const file = join(sandbox.dir, 'namesrv', 'kvConfig.json');
    expect(existsSync(`${file}.bak`)).toBe(true);
    writeFileSync(file, '{"configTable":{"NS"');
    const again = await onFreePorts((listenPort) => NamesrvNode.start(namesrvConfig(sandbox.dir, { listenPort })));
    expect((await client.invoke(again.address, { code: 101, extFields: { namespace: 'NS', key: 'k' } }, 5000)).extFields).toEqual({
      value: '1',
    });
    await again.shutdown();
    writeFileSync(`${file}.bak`, '[]x');
    await expect(onFreePorts((listenPort) => NamesrvNode.start(namesrvConfig(sandbox.dir, { listenPort })))).rejects.toThrow(
      'kvConfig.json cannot be read',
    );
  });

  it('give ordered topics their queue list when that is switched on', async () => {
    await register();
    await ask(100, { namespace: 'ORDER_TOPIC_CONFIG', key: 'TopicA', value: 'broker-a:4' });
    expect((await route('TopicA'))?.orderTopicConf).toBeUndefined();
    await ask(318, {}, 'orderMessageEnable=true');
    expect((await route('TopicA'))?.orderTopicConf).toBe('broker-a:4');
    expect((await register()).body?.toString()).toBe('{"table":{"TopicA":"broker-a:4"}}');
  });
});

describe('configuration', () => {
  it('is shown sorted and changed where that is possible', async () => {
    const text = (await ask(319)).body?.toString() ?? '';
    expect(text).toContain('bindAddress=127.0.0.1\n');
    const denied = await ask(318, {}, 'kvConfigPath=/x');
    expect([denied.code, denied.remark]).toEqual([16, 'Can not update config in black list.']);
    const later = await ask(318, {}, 'listenPort=9999');
    expect([later.code, later.remark]).toEqual([0, expect.stringContaining('after restart: listenPort')]);
    const bad = await ask(318, {}, 'listenPort=abc');
    expect([bad.code, bad.remark]).toEqual([1, expect.stringContaining('listenPort=abc is not a whole number')]);
  });
});

describe('acting masters', () => {
  it('are shown without write permission while the master is away, and members hear of the lowest id', async () => {
    await ask(318, {}, 'supportActingMaster=true\nnotifyMinBrokerIdChanged=true');
    const slave = new RemotingClient();
    const heard: Record<string, string>[] = [];
    slave.registerProcessor(905, (_, request) => {
      heard.push(request.extFields ?? {});
      return null;
    });
    const ext = { enableActingMaster: 'true' };
    await register({ ext });
    await register({ brokerId: 1, brokerAddr: '127.0.0.1:2', ext });
    await register({ brokerId: 2, brokerAddr: '127.0.0.1:3', ext }, slave);
    await ask(104, fields({}));
    expect(await route('TopicA')).toMatchObject({
      brokerDatas: [{ brokerAddrs: { 0: '127.0.0.1:2', 2: '127.0.0.1:3' } }],
      queueDatas: [{ perm: 4 }],
    });
    await until(() => heard.length > 0);
    expect(heard[0]).toMatchObject({ minBrokerId: '1', brokerName: 'broker-a', offlineBrokerAddr: '127.0.0.1:10911' });
    await slave.close();
  });
});
