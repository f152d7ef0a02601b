import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerNode } from '../../../broker/broker.js';
import { NamesrvNode } from '../../../broker/namesrv/index.js';
import { RemotingClient } from '../../../src/remoting/client.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import { freePortBlock } from '../../ports.js';
import { brokerConfig, namesrvConfig, onFreePorts, until } from '../../sandbox.js';
import { json, RawClient } from '../kit.js';

let dir: string;
let client: RemotingClient;
const started: { shutdown(): Promise<void> }[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mqkit-reg-'));
  client = new RemotingClient();
});
afterEach(async () => {
  await client.close();
  for (const node of started.splice(0).reverse()) await node.shutdown();
  await rm(dir, { recursive: true, force: true });
});

async function startNamesrv(port?: number): Promise<NamesrvNode> {
  const start = (listenPort: number) => NamesrvNode.start(namesrvConfig(join(dir, `${listenPort}`), { listenPort }));
  const node = port === undefined ? await onFreePorts(start) : await start(port);
  started.push(node);
  return node;
}

async function startBroker(namesrvAddr: string, settings: Record<string, string | number | boolean> = {}): Promise<BrokerNode> {
  const node = await onFreePorts((listenPort) =>
    BrokerNode.start(brokerConfig({ listenPort, namesrvAddr, brokerName: 'broker-a', storePathRootDir: join(dir, 'store'), ...settings })),
  );
  started.push(node);
  return node;
}

const routeOf = (namesrv: string, topic: string) =>
  client.invoke(namesrv, { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: { topic } }, 3000);

describe('a broker', () => {
  it('is registered with all its name servers when it has started, and on none after a clean stop', async () => {
    const [one, two] = [await startNamesrv(), await startNamesrv()];
    const broker = await startBroker(`${one.address};${two.address}`);
    for (const { address } of [one, two]) {
      const route = json(await routeOf(address, 'TBW102'));
      expect(route.brokerDatas).toMatchObject([{ brokerAddrs: { 0: broker.address }, brokerName: 'broker-a', cluster: 'DefaultCluster' }]);
    }
    await broker.shutdown();
    for (const { address } of [one, two]) expect((await routeOf(address, 'TBW102')).code).toBe(17);
  });

  it('tells all name servers of a new topic at once, on the connection it keeps', async () => {
    const [one, two] = [await startNamesrv(), await startNamesrv()];
    const broker = await startBroker(`${one.address};${two.address}`);
    const raw = new RawClient(broker.address);
    for (let i = 0; i < 5; i++) {
      await raw.send({ topic: `New${i}` });
      for (const { address } of [one, two]) expect((await routeOf(address, `New${i}`)).code).toBe(0);
    }
    // The broker and this test: no connection was opened for each request.
    expect(one.connectionCount).toBe(2);
    await raw.close();
  });

  it('starts without its name server, and registers when that appears', async () => {
    const port = await freePortBlock();
    const broker = await startBroker(`127.0.0.1:${port}`);
    const raw = new RawClient(broker.address);
    expect((await raw.send({ topic: 'Early' })).code).toBe(0);
    const namesrv = await startNamesrv(port);
    await until(async () => (await routeOf(namesrv.address, 'Early')).code === 0, 10_000);
    await raw.close();
  });

  it('registers again when its name server was restarted', async () => {
    const namesrv = await startNamesrv();
    await startBroker(namesrv.address);
    await namesrv.shutdown();
    started.splice(started.indexOf(namesrv), 1);
    await startNamesrv(Number(namesrv.address.split(':')[1]));
    await until(async () => (await routeOf(namesrv.address, 'TBW102').catch(() => null))?.code === 0, 10_000);
  });

  it('shows its topics without the bits it lacks itself', async () => {
    const namesrv = await startNamesrv();
    await startBroker(namesrv.address, { brokerPermission: 4 });
    expect(json(await routeOf(namesrv.address, 'BenchmarkTest')).queueDatas[0].perm).toBe(4);
  });

  it('can register compressed', async () => {
    const namesrv = await startNamesrv();
    await startBroker(namesrv.address, { compressedRegister: true });
    expect(json(await routeOf(namesrv.address, 'BenchmarkTest')).queueDatas[0]).toMatchObject({ perm: 6, readQueueNums: 1024 });
  });
});
