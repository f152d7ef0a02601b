import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerNode } from '../../broker/broker.js';
import { NamesrvNode } from '../../broker/namesrv/index.js';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import { noopLogger } from '../../src/common/logger.js';
import { brokerConfig, namesrvConfig, onFreePorts, until } from '../sandbox.js';

let dir: string;
const closers: Array<() => Promise<void>> = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mqkit-restart-'));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
  await rm(dir, { recursive: true, force: true });
});

async function startNamesrv(name: string): Promise<NamesrvNode> {
  const node = await onFreePorts((listenPort) => NamesrvNode.start(namesrvConfig(join(dir, name), { listenPort }), { logger: noopLogger }));
  closers.push(() => node.shutdown());
  return node;
}

describe('clients', () => {
  it('go on when the broker is restarted and one of two name servers is gone', { timeout: 120_000 }, async () => {
    const first = await startNamesrv('ns1');
    const second = await startNamesrv('ns2');
    const namesrvAddr = `${first.address};${second.address}`;
    let port = 0;
    const startBroker = (listenPort: number): Promise<BrokerNode> => {
      port = listenPort;
      return BrokerNode.start(brokerConfig({ listenPort, namesrvAddr, brokerName: 'broker-a', storePathRootDir: join(dir, 'store') }), {
        logger: noopLogger,
      });
    };
    let broker = await onFreePorts(startBroker);
    closers.push(() => broker.shutdown());

    const producer = new Producer({ namesrvAddr, producerGroup: 'PG_restart' });
    await producer.start();
    closers.push(() => producer.shutdown());
    const sent = new Set<string>();
    const send = async (body: string): Promise<void> => {
      await producer.send({ topic: 'Restart', body: Buffer.from(body) });
      sent.add(body);
    };
    for (let i = 0; i < 10; i++) {
      await send(`before${i}`);
    }
    const received = new Set<string>();
    const consumer = new PushConsumer({ namesrvAddr, consumerGroup: 'CG_restart', persistConsumerOffsetIntervalMs: 100 });
    await consumer.subscribe('Restart');
    consumer.onMessage((messages) => {
      received.add(messages[0]!.body.toString());
      return 'CONSUME_SUCCESS';
    });
    await consumer.start();
    closers.push(() => consumer.shutdown());
    await until(() => received.size === sent.size);

    await first.shutdown();
    await broker.shutdown();
    await expect(send('down')).rejects.toThrow(/127\.0\.0\.1/);
    broker = await startBroker(port);
    await until(() =>
      send('up')
        .then(() => true)
        .catch(() => false),
    );
    for (let i = 0; i < 10; i++) {
      await send(`after${i}`);
    }
    await until(() => [...sent].every((body) => received.has(body)), 10_000);
  });
});
