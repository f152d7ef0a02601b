import os from 'node:os';
import { BrokerWatch } from '../broker-watch.js';
import { type ClusterTarget, probeCluster } from '../cluster-probe.js';
import { describeEnvironment, GeneratorWatch } from '../environment.js';
import type { SoakParts } from './soak.js';

/** What a soak looks at beside its messages: this process and the brokers that run on this machine. */
export async function soakProbe(target: ClusterTarget): Promise<Pick<SoakParts, 'generatorRssBytes' | 'brokerRssBytes' | 'environment'>> {
  const startedAt = new Date();
  const loadAverage = os.loadavg()[0] ?? 0;
  const brokers = BrokerWatch.of((await probeCluster(target)).brokerAddrs);
  const generator = new GeneratorWatch();
  generator.start();
  brokers?.start();
  return {
    generatorRssBytes: () => process.memoryUsage().rss,
    brokerRssBytes: () => {
      const load = brokers?.end();
      brokers?.start();
      return load?.rssBytes;
    },
    environment: () => {
      // The generator's load since the sample before.
      const load = generator.stop();
      generator.start();
      return describeEnvironment(startedAt, loadAverage, load);
    },
  };
}
