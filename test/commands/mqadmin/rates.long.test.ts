import { performance } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { Producer } from '../../../src/client/producer/producer.js';
import { startSandbox } from '../../sandbox.js';
import { runCommand } from './run-command.js';

it('a rate that clusterList shows is the rate at which messages come', { timeout: 40_000 }, async () => {
  const sandbox = await startSandbox();
  const { namesrvAddr } = sandbox;
  const producer = new Producer({ namesrvAddr, producerGroup: 'PG_rate' });
  try {
    await producer.start();
    expect(
      await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', 'Steady', '-r', '2', '-w', '2'], { NAMESRV_ADDR: namesrvAddr }),
    ).toMatchObject({ exitCode: 0 });
    const begin = performance.now();
    let sent = 0;
    const perSecond = 200;
    // The broker's shortest window is 10 s: it must be full of the steady rate.
    while (performance.now() - begin < 13_000) {
      const due = Math.floor(((performance.now() - begin) / 1000) * perSecond);
      await Promise.all(Array.from({ length: Math.max(0, due - sent) }, () => producer.send({ topic: 'Steady', body: Buffer.from('x') })));
      sent = Math.max(sent, due);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const measured = sent / ((performance.now() - begin) / 1000);
    const { stdout } = await runCommand('clusterList', ['--json'], { NAMESRV_ADDR: namesrvAddr });
    const [broker] = (JSON.parse(stdout) as { brokers: { inTps: number }[] }).brokers;
    expect(broker!.inTps / measured).toBeGreaterThan(0.8);
    expect(broker!.inTps / measured).toBeLessThan(1.2);
  } finally {
    await producer.shutdown();
    await sandbox.stop();
  }
});
