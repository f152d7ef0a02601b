/* Single mqadmin commands as processes, against one and the same Apache cluster. */
import { join } from 'node:path';
import { Producer } from '../../../src/client/producer/producer.js';
import { runNode } from '../../bench/process-usage.js';
import { mqadmin } from '../apache.js';
import { runLauncher } from '../bundled.js';
import { repositoryRoot } from '../paths.js';
import { createTopic } from './load.js';
import { median } from './measure.js';
import { type Figure, figure, inPairs, type Row } from './rows.js';
import { APACHE_VERSION, apache, type RunningSide } from './sides.js';

const TOPIC = 'CommandBench';
const MAX_CPU_RATIO = 3;
const MIN_TIME_RATIO = 10;

/** CPU time of `mqadmin topicList` held against that of Node alone. */
export const topicListCpu: Row = async (settings) => {
  const cpu: Figure = figure({
    what: 'mqadmin topicList, CPU time of the process (user + system)',
    unit: 'ms',
    target: 1 / MAX_CPU_RATIO,
    ratioOf: 'apache : ours',
    sides: { ours: 'topicList', apache: 'node -e 0' },
    note: () => `topicList : node -e 0 = ${(median(cpu.ours) / median(cpu.apache)).toFixed(2)}, at most ${MAX_CPU_RATIO}`,
  });
  const side = await apache.start(settings.dir);
  try {
    await inPairs(settings, async (name) => {
      const args = name === 'ours' ? [join(repositoryRoot, 'bin', 'mqadmin.js'), 'topicList', '-n', side.namesrvAddr] : ['-e', '0'];
      const { cpuMs, exitCode, stderr } = await runNode(args);
      if (exitCode !== 0) {
        throw new Error(`node ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
      }
      cpu[name].push(cpuMs);
      settings.say(`  ${name === 'ours' ? 'topicList' : 'node -e 0'}: ${cpuMs.toFixed(1)} ms`);
    });
  } finally {
    await side.stop();
  }
  return [cpu];
};

/** Wall time of the commands that are used most. */
export const commands: Row = async (settings) => {
  const side = await apache.start(settings.dir);
  try {
    const figures: Figure[] = [];
    for (const argv of await commandLines(side)) {
      const time = figure({
        what: `mqadmin ${argv[0]}, wall time of the process`,
        unit: 'ms',
        target: MIN_TIME_RATIO,
        ratioOf: 'apache : ours',
      });
      await inPairs(settings, async (name) => {
        const words = [...argv, '-n', side.namesrvAddr];
        const beganMs = performance.now();
        const { exitCode, stdout, stderr } =
          name === 'ours' ? await runLauncher('mqadmin', words) : await mqadmin(words, { version: APACHE_VERSION });
        time[name].push(performance.now() - beganMs);
        if (exitCode !== 0 || stdout === '') {
          throw new Error(`mqadmin ${words.join(' ')} (${name}) ended with ${exitCode}: ${stdout} ${stderr}`);
        }
      });
      settings.say(`  ${argv[0]}: ours ${Math.round(median(time.ours))} ms, apache ${Math.round(median(time.apache))} ms`);
      figures.push(time);
    }
    return figures;
  } finally {
    await side.stop();
  }
};

/** Twenty commands, on a topic with a message. */
async function commandLines(side: RunningSide): Promise<string[][]> {
  await createTopic(side, TOPIC);
  const producer = new Producer({ namesrvAddr: side.namesrvAddr, producerGroup: 'PG_commands' });
  await producer.start();
  try {
    const queue = { topic: TOPIC, brokerName: 'broker-a', queueId: 0 };
    const { msgId, offsetMsgId } = await producer.send({ topic: TOPIC, body: Buffer.from('one'), keys: 'order-1' }, { queue });
    const cluster = ['-c', 'DefaultCluster'];
    const topic = ['-t', TOPIC];
    return [
      ['topicList'],
      ['topicRoute', ...topic],
      ['topicStatus', ...topic],
      ['topicClusterList', ...topic],
      ['updateTopic', ...cluster, '-t', `${TOPIC}New`],
      ['deleteTopic', ...cluster, '-t', `${TOPIC}New`],
      ['updateSubGroup', ...cluster, '-g', 'CommandBenchGroup'],
      ['deleteSubGroup', ...cluster, '-g', 'CommandBenchGroup'],
      ['clusterList'],
      ['brokerStatus', '-b', side.brokerAddr],
      ['getBrokerConfig', '-b', side.brokerAddr],
      ['updateBrokerConfig', '-b', side.brokerAddr, '-k', 'traceTopicEnable', '-v', 'false'],
      ['consumerProgress'],
      ['getNamesrvConfig'],
      ['queryMsgById', ...topic, '-i', offsetMsgId ?? ''],
      ['queryMsgByKey', ...topic, '-k', 'order-1'],
      ['queryMsgByUniqueKey', ...topic, '-i', msgId],
      ['queryMsgByOffset', ...topic, '-b', 'broker-a', '-i', '0', '-o', '0'],
      ['statsAll', ...topic],
      ['sendMessage', ...topic, '-p', 'two'],
    ];
  } finally {
    await producer.shutdown();
  }
}
