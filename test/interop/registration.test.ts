import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import {
  APACHE_VERSIONS,
  apache,
  javaClient,
  rawRequest,
  registered,
  runLauncher,
  startBundledBroker,
  startBundledNamesrv,
} from '../peers/index.js';
import { createTopic, interop, route, type Target, TOLD_MS, until } from './support.js';

interop('brokers and name servers of both kinds together', 'java', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const temporaryDir = (): string => {
    const dir = mkdtempSync(join(tmpdir(), 'mqkit-mixed-'));
    cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
    return dir;
  };

  /** Sends and receives through the pair with that release's client, and reads the route and the cluster. */
  const exercise = async (version: (typeof APACHE_VERSIONS)[number], target: Target): Promise<void> => {
    await createTopic(target, 'Mixed', 2);
    expect(await route(target, 'Mixed')).toMatchObject({
      queueDatas: [{ brokerName: target.brokerName, readQueueNums: 2, writeQueueNums: 2, perm: 6 }],
      brokerDatas: [{ cluster: target.clusterName, brokerName: target.brokerName, brokerAddrs: { 0: target.broker.address } }],
    });
    const java = await javaClient(version);
    cleanups.push(() => java.close());
    const { namesrvAddr } = target;
    await java.startProducer({ name: 'p', namesrvAddr, group: 'MixedProducer' });
    await java.sendMany('p', { topic: 'Mixed', body: '%d' }, { count: 4 });
    const from = { consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' };
    await java.startPush({ name: 'c', namesrvAddr, group: 'MixedGroup', subscriptions: { Mixed: '*' }, ...from });
    expect((await java.receive('c', 4)).map(({ body }) => body).toSorted()).toEqual(['0', '1', '2', '3']);
    let listed = { stdout: '', stderr: '', exitCode: -1 as number | null };
    await until(async () => {
      listed = await runLauncher('mqadmin', ['clusterList', '-n', namesrvAddr]);
      return listed.exitCode === 0;
    }).catch(() => undefined);
    expect(listed).toMatchObject({ stderr: '', exitCode: 0, stdout: expect.stringContaining(target.broker.address) });
    // Unregistering and the end of the connection both take the route away at once.
    const stopped = await rawRequest(namesrvAddr, 205, { brokerName: target.brokerName });
    expect(stopped).toMatchObject({ code: 0 });
    expect((await route(target, 'Mixed'))?.queueDatas).toMatchObject([{ perm: 4 }]);
  };

  it.each(APACHE_VERSIONS)("Apache's broker %s registers on our name server and leaves it", async (version) => {
    const dir = temporaryDir();
    const namesrv = await startBundledNamesrv(join(dir, 'namesrv'));
    cleanups.push(() => namesrv.process.kill());
    const broker = await apache.startBroker({ version, namesrvAddr: namesrv.address, dir: join(dir, 'broker') });
    cleanups.push(() => broker.kill());
    await registered(namesrv.address, broker.address);
    const target = targetOf(namesrv.address, broker);
    await exercise(version, target);
    await broker.kill();
    await until(async () => (await route(target, 'Mixed')) === null, TOLD_MS);
  });

  it.each(APACHE_VERSIONS)("our broker registers on Apache's name server %s and leaves it", async (version) => {
    const dir = temporaryDir();
    const namesrv = await apache.startNamesrv({ version, dir: join(dir, 'namesrv') });
    cleanups.push(() => namesrv.process.kill());
    const broker = await startBundledBroker({ namesrvAddr: namesrv.address, dir: join(dir, 'broker') });
    cleanups.push(() => broker.kill());
    const target = targetOf(namesrv.address, broker);
    await exercise(version, target);
    expect(await broker.stop()).toBe(0);
    await until(async () => (await route(target, 'Mixed')) === null, TOLD_MS);
  });
});

function targetOf(namesrvAddr: string, broker: Target['broker']): Target {
  const none = (): Promise<void> => Promise.reject(new Error('not of this test'));
  return { namesrvAddr, clusterName: 'DefaultCluster', brokerName: 'broker-a', broker, restartBroker: none, stop: none };
}
