import { afterEach, describe, expect, it } from 'vitest';
import { NamesrvClient, parseNamesrvAddr } from '../../src/client/namesrv-client.js';
import { publishQueuesOf, RouteTable, subscribeQueuesOf } from '../../src/client/route-table.js';
import { seededRandom } from '../../src/common/clock.js';
import { ConfigError, ConnectError } from '../../src/common/errors.js';
import type { TopicRouteData } from '../../src/remoting/bodies/route.js';
import { RemotingClient } from '../../src/remoting/client.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { RemotingServer } from '../../src/remoting/server.js';
import { FakeCluster } from './fake-cluster.js';

const closers: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
});

function remotingClient(): RemotingClient {
  const remoting = new RemotingClient({ connectTimeoutMs: 500 });
  closers.push(() => remoting.close());
  return remoting;
}

async function fakeCluster(): Promise<FakeCluster> {
  const cluster = await FakeCluster.start({ brokerNames: ['broker-b', 'broker-a'] });
  closers.push(() => cluster.stop());
  return cluster;
}

describe('a list of name servers', () => {
  it.each([
    ['a:1;b:2', ['a:1', 'b:2']],
    [' a:1 ; ;a:1;', ['a:1']],
    ['http://MQ_INST_1.host:8080', ['MQ_INST_1.host:8080']],
    ['', []],
  ])('%s', (text, expected) => {
    expect(parseNamesrvAddr(text)).toEqual(expected);
  });

  it.each(['host', 'host:', 'host:0', 'host:70000', 'host:x'])('refuses %s', (text) => {
    expect(() => parseNamesrvAddr(text)).toThrow(ConfigError);
  });

  it('is tried in turn until one answers, which is then kept', async () => {
    const cluster = await fakeCluster();
    cluster.addTopic('T');
    const dead = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0 });
    const { listenPort } = await dead.listen();
    await dead.close();
    for (const seed of [1, 2, 3]) {
      const namesrv = new NamesrvClient({
        namesrvAddr: [`127.0.0.1:${listenPort}`, cluster.namesrvAddr],
        remoting: remotingClient(),
        random: seededRandom(seed),
      });
      for (let i = 0; i < 2; i++) {
        const { addr } = await namesrv.invoke({ code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: { topic: 'T' } });
        expect(addr).toBe(cluster.namesrvAddr);
      }
    }
  });

  it('goes on to the next one when one is silent', async () => {
    const cluster = await fakeCluster();
    cluster.addTopic('T');
    const silent = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0 });
    silent.register(RequestCode.GET_ROUTEINFO_BY_TOPIC, () => {});
    const { listenPort } = await silent.listen();
    closers.push(() => silent.close());
    const namesrv = new NamesrvClient({
      namesrvAddr: [`127.0.0.1:${listenPort}`, cluster.namesrvAddr],
      remoting: remotingClient(),
      timeoutMs: 1_500,
      random: { nextInt: () => 0, nextFloat: () => 0 },
    });
    expect((await namesrv.getTopicRoute('T'))?.brokerDatas).toHaveLength(2);
  });

  it('names every address when none answers', async () => {
    const namesrv = new NamesrvClient({ namesrvAddr: '127.0.0.1:1;127.0.0.1:2', remoting: remotingClient() });
    await expect(namesrv.getTopicRoute('T')).rejects.toThrow(/none of the name servers 127.0.0.1:1;127.0.0.1:2 answered/);
    await expect(namesrv.getTopicRoute('T')).rejects.toThrow(ConnectError);
    const none = new NamesrvClient({ namesrvAddr: '', remoting: remotingClient() });
    await expect(none.getTopicRoute('T')).rejects.toMatchObject({ code: 'NO_NAMESRV' });
    expect(await namesrv.invokeAll({ code: RequestCode.GET_NAMESRV_CONFIG })).toEqual([
      { addr: '127.0.0.1:1', error: expect.any(ConnectError) },
      { addr: '127.0.0.1:2', error: expect.any(ConnectError) },
    ]);
  });

  it('takes an error code as an answer', async () => {
    const cluster = await fakeCluster();
    const namesrv = new NamesrvClient({ namesrvAddr: cluster.namesrvAddr, remoting: remotingClient() });
    expect(await namesrv.getTopicRoute('unknown')).toBeNull();
    cluster.namesrv.register(RequestCode.GET_ROUTEINFO_BY_TOPIC, (conn, request) =>
      conn.respond(request, ResponseCode.SYSTEM_ERROR, 'not yet'),
    );
    await expect(namesrv.getTopicRoute('T')).rejects.toThrow(/not yet/);
  });
});

describe('a route table', () => {
  it('keeps a route, and replaces it only when it changed', async () => {
    const cluster = await fakeCluster();
    cluster.addTopic('T', { queueCount: 2 });
    const namesrv = new NamesrvClient({ namesrvAddr: cluster.namesrvAddr, remoting: remotingClient() });
    const routes = new RouteTable({ namesrv });
    const [first, second] = await Promise.all([routes.resolve('T'), routes.resolve('T')]);
    expect(second).toBe(first);
    expect(cluster.asked).toEqual(['T']);
    expect(await routes.refresh('T')).toBe(first);
    const { version } = routes;
    cluster.addTopic('T', { queueCount: 3 });
    expect((await routes.refresh('T'))?.publishQueues).toHaveLength(6);
    expect(routes.version).toBeGreaterThan(version);
    cluster.routes.delete('T');
    expect(await routes.refresh('T')).toBeNull();
    expect(routes.get('T')?.publishQueues).toHaveLength(6);
  });

  it('finds members of a broker', async () => {
    const cluster = await fakeCluster();
    cluster.addTopic('T');
    cluster.routes.get('T')!.brokerDatas[0]!.brokerAddrs = new Map([
      [1, 's:1'],
      [2, 's:2'],
    ]);
    const routes = new RouteTable({ namesrv: new NamesrvClient({ namesrvAddr: cluster.namesrvAddr, remoting: remotingClient() }) });
    const route = await routes.resolve('T');
    expect(new Set(route?.publishQueues.map((queue) => queue.brokerName))).toEqual(new Set(['broker-a']));
    expect(new Set(route?.subscribeQueues.map((queue) => queue.brokerName))).toEqual(new Set(['broker-a', 'broker-b']));
    expect(routes.masterAddr('broker-b')).toBeUndefined();
    expect(routes.readAddr('broker-b')).toEqual({ addr: 's:1', brokerId: 1, isSlave: true });
    expect(routes.readAddr('broker-b', 2)).toEqual({ addr: 's:2', brokerId: 2, isSlave: true });
    expect(routes.readAddr('broker-b', 0, true)).toBeUndefined();
    expect(routes.readAddr('broker-x')).toBeUndefined();
    expect([...routes.brokers()]).toHaveLength(3);
  });
});

describe('the queues of a route', () => {
  const data: TopicRouteData = {
    queueDatas: [
      { brokerName: 'b', readQueueNums: 1, writeQueueNums: 2, perm: 6, topicSysFlag: 0 },
      { brokerName: 'a', readQueueNums: 2, writeQueueNums: 1, perm: 4, topicSysFlag: 0 },
      { brokerName: 'c', readQueueNums: 1, writeQueueNums: 1, perm: 2, topicSysFlag: 0 },
    ],
    brokerDatas: ['a', 'b', 'c'].map((brokerName) => ({
      cluster: 'C',
      brokerName,
      brokerAddrs: new Map([[0, `${brokerName}:1`]]),
      enableActingMaster: false,
    })),
    filterServerTable: new Map(),
  };
  const names = (queues: readonly { brokerName: string; queueId: number }[]): string[] =>
    queues.map((queue) => `${queue.brokerName}${queue.queueId}`);

  it('depend on permissions', () => {
    expect(names(publishQueuesOf('T', data))).toEqual(['b0', 'b1', 'c0']);
    expect(names(subscribeQueuesOf('T', data))).toEqual(['a0', 'a1', 'b0']);
  });

  it('for sending are those of an ordered topic where it is one', () => {
    expect(names(publishQueuesOf('T', { ...data, orderTopicConf: 'b:3;a:1' }))).toEqual(['b0', 'b1', 'b2', 'a0']);
  });
});
