/* More topics than one registration has room for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NamesrvNode } from '../../../broker/namesrv/index.js';
import { Registration } from '../../../broker/registration/index.js';
import { BrokerStats } from '../../../broker/stats/index.js';
import { TopicConfigManager, topicConfig } from '../../../broker/topics/index.js';
import { systemClock as clock, systemTimers as timers } from '../../../src/common/clock.js';
import { noopLogger } from '../../../src/common/logger.js';
import { RemotingClient } from '../../../src/remoting/client.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import { brokerConfig, namesrvConfig, onFreePorts, until } from '../../sandbox.js';

const NAMES = { brokerName: 'broker-a', brokerClusterName: 'DefaultCluster' };

let dir: string;
let namesrv: NamesrvNode;
let client: RemotingClient;
let topics: TopicConfigManager;
let registration: Registration;
const errors: string[] = [];

async function register(maxBodyBytes: number): Promise<void> {
  const config = brokerConfig({ namesrvAddr: namesrv.address, ...NAMES }).broker;
  const logger = { ...noopLogger, error: (text: string) => void errors.push(text) };
  const addrs = { brokerAddr: '127.0.0.1:10911', haServerAddr: '127.0.0.1:10912' };
  registration = new Registration({ config, topics, client, ...addrs, clock, timers, logger, maxBodyBytes });
  topics.setListener(registration);
  await registration.start();
}

beforeEach(async () => {
  errors.length = 0;
  dir = await mkdtemp(join(tmpdir(), 'mqkit-many-'));
  namesrv = await onFreePorts((listenPort) => NamesrvNode.start(namesrvConfig(dir, { listenPort })));
  client = new RemotingClient();
  const stats = new BrokerStats({ clock, timers, clusterName: NAMES.brokerClusterName, policy: brokerConfig({}).broker });
  const file = { load: () => null, save: () => undefined, problem: null, isSaving: false };
  topics = new TopicConfigManager({ file, clock, stats, ...NAMES });
  topics.updateAll(Array.from({ length: 100 }, (_, i) => topicConfig(`orders-of-customer-${i}`, { perm: 4, readQueueNums: i + 1 })));
  topics.addSystemTopics([topicConfig('TBW102'), topicConfig('broker-a')]);
});
afterEach(async () => {
  await registration.stop();
  await client.close();
  await namesrv.shutdown();
  await rm(dir, { recursive: true, force: true });
});

it('that are too long as JSON are registered in the compressed form', async () => {
  const invoke = vi.spyOn(client, 'invoke');
  await register(8_000);
  expect(registration.registeredCount).toBe(1);
  const [[, request] = []] = invoke.mock.calls;
  expect(request).toMatchObject({ code: RequestCode.REGISTER_BROKER, extFields: { compressed: 'true' } });
  expect(request?.body?.length).toBeLessThan(8_000);
  expect(namesrv.routes.topics.size).toBe(102);
  expect(namesrv.routes.topics.get('orders-of-customer-99')?.get('broker-a')).toMatchObject({ perm: 4, readQueueNums: 100 });
  expect(errors).toEqual([]);
});

it('that are too long in any form leave the broker registered with those that fit, the system ones among them', async () => {
  await register(2_000);
  expect(registration.registeredCount).toBe(1);
  const { size } = namesrv.routes.topics;
  expect(size).toBeGreaterThan(20);
  expect(size).toBeLessThan(102);
  expect(namesrv.routes.topics.has('TBW102')).toBe(true);
  expect(namesrv.routes.topics.has('orders-of-customer-99')).toBe(false);
  expect(errors).toEqual([expect.stringMatching(`too many topics: a registration has room for ${size} of 102`)]);

  // What is new is told alone, and what name servers know stays with them.
  topics.update(topicConfig('one-more'));
  await registration.settled();
  registration.registerAll();
  await registration.settled();
  expect(registration.registeredCount).toBe(1);
  expect(namesrv.routes.topics.size).toBe(size + 1);
  expect(errors).toHaveLength(2);

  for (let i = 0; i < 90; i++) topics.delete(`orders-of-customer-${i}`);
  await until(() => namesrv.routes.topics.has('orders-of-customer-99'));
});
