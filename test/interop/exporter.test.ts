import { afterAll, beforeAll, expect, it } from 'vitest';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { parseExposition, type Series, sum, theValue } from '../commands/mqadmin/prometheus-text.js';
import { type CommandRun, runCommand } from '../commands/mqadmin/run-command.js';
import { apache, rawRequest } from '../peers/index.js';
import { freePortBlock } from '../ports.js';
import { createGroup, createTopic, interop, type Target, until } from './support.js';

const TOPIC = 'Exported';
const GROUP = 'ExportedGroup';
const SENT = 7;

interop('the exporter on a cluster of Apache', 'java', () => {
  let target: Target;
  let consumer: PushConsumer;
  let itsMetrics = '';
  let release: () => void = () => undefined;

  beforeAll(async () => {
    const port = await freePortBlock();
    itsMetrics = `http://127.0.0.1:${port}/metrics`;
    const brokerConfig = { metricsExporterType: 'PROM', metricsPromExporterHost: '127.0.0.1', metricsPromExporterPort: port };
    target = await apache.startCluster({ version: '5.3.3', brokerConfig });
    await createTopic(target, TOPIC, 2);
    await createGroup(target, GROUP);
    for (let i = 0; i < SENT; i++) {
      await json('sendMessage', '-t', TOPIC, '-p', 'x', '-b', 'broker-a', '-i', String(i % 2));
    }
    for (const queueId of ['0', '1']) {
      const fields = { consumerGroup: GROUP, topic: TOPIC, queueId, commitOffset: '1' };
      expect(await rawRequest(target.broker.address, 15, fields)).toMatchObject({ code: 0 });
    }
    consumer = new PushConsumer({ namesrvAddr: target.namesrvAddr, consumerGroup: GROUP, heartbeatBrokerIntervalMs: 500 });
    consumer.subscribe(TOPIC, '*');
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    consumer.onMessage(async () => {
      await released;
      return 'CONSUME_SUCCESS';
    });
    await consumer.start();
    // What it holds it has pulled and not consumed.
    await until(async () => sum(await ours(), { name: 'rocketmq_consumer_inflight_messages', topic: TOPIC }) === SENT - 2, 90_000);
  }, 300_000);

  afterAll(async () => {
    release();
    await consumer?.shutdown();
    await target?.stop();
  });

  async function json<R>(name: string, ...argv: string[]): Promise<R> {
    const run = await runCommand(name, [...argv, '--json'], { NAMESRV_ADDR: target.namesrvAddr });
    expect(run).toMatchObject({ exitCode: 0 });
    return JSON.parse(run.stdout) as R;
  }

  async function ours(): Promise<Series[]> {
    const run: CommandRun = await runCommand('exporter', ['--once'], { NAMESRV_ADDR: target.namesrvAddr });
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    return parseExposition(run.stdout);
  }

  it('says what the other commands say', async () => {
    const runtimeInfo = async (): Promise<Record<string, string>> => {
      const { brokers } = await json<{ brokers: { runtimeInfo: Record<string, string> }[] }>('brokerStatus', '-c', target.clusterName);
      return brokers[0]?.runtimeInfo ?? {};
    };
    const before = await runtimeInfo();
    const series = await ours();
    const after = await runtimeInfo();
    const progress = await json<{ diffTotal: number; inflightTotal: number }>('consumerProgress', '-g', GROUP);
    expect(progress.diffTotal).toBe(SENT - 2);
    expect(sum(series, { name: 'rocketmq_consumer_lag_messages', consumer_group: GROUP })).toBe(progress.diffTotal);
    expect(sum(series, { name: 'rocketmq_consumer_inflight_messages', consumer_group: GROUP })).toBe(progress.inflightTotal);
    const { queues } = await json<{ queues: { maxOffset: number }[] }>('topicStatus', '-t', TOPIC);
    expect(theValue(series, { name: 'rocketmq_messages_in_total', topic: TOPIC })).toBe(
      queues.reduce((all, { maxOffset }) => all + maxOffset, 0),
    );
    for (const [name, key] of [
      ['rocketmq_brokeruntime_commitlog_maxoffset', 'commitLogMaxOffset'],
      ['rocketmq_brokeruntime_msg_put_total_today_now', 'msgPutTotalTodayNow'],
      ['rocketmq_storage_dispatch_behind_bytes', 'dispatchBehindBytes'],
    ] as const) {
      // Three moments: what grows in between, or starts again at midnight, was one or the other or something between them.
      const [least, most] = [before, after].map((info) => Number(info[key])).sort((a, b) => a - b) as [number, number];
      const value = theValue(series, { name, node_id: 'broker-a' });
      expect(value, name).toBeGreaterThanOrEqual(least);
      expect(value, name).toBeLessThanOrEqual(most);
    }
    expect(theValue(series, { name: 'rocketmq_consumer_connections', consumer_group: GROUP, consume_mode: 'push' })).toBe(1);
  });

  it('says what the broker’s own metrics say, with their labels', async () => {
    const its = readTheirs(await (await fetch(itsMetrics)).text());
    const series = await ours();
    for (const wanted of [
      { name: 'rocketmq_broker_permission' },
      { name: 'rocketmq_topic_number' },
      { name: 'rocketmq_consumer_group_number' },
      { name: 'rocketmq_processor_watermark', processor: 'send' },
      { name: 'rocketmq_storage_dispatch_behind_bytes' },
      { name: 'rocketmq_messages_in_total', topic: TOPIC },
      { name: 'rocketmq_consumer_lag_messages', consumer_group: GROUP, topic: TOPIC },
      { name: 'rocketmq_consumer_inflight_messages', consumer_group: GROUP, topic: TOPIC },
      { name: 'rocketmq_consumer_ready_messages', consumer_group: GROUP, topic: TOPIC },
      { name: 'rocketmq_consumer_connections', consumer_group: GROUP },
    ] as const) {
      const labels: Record<string, string> = { ...only(its, wanted).labels };
      // What kind of messages came is known to the broker alone.
      delete labels.message_type;
      expect(theValue(series, { ...labels, name: wanted.name }), wanted.name).toBe(theValue(its, wanted));
    }
    // Two moments, and the texts of a disk's size are rounded.
    const [size, theirs] = [series, its].map((all) => theValue(all, { name: 'rocketmq_storage_size_bytes' })) as [number, number];
    expect(Math.abs(size - theirs) / theirs).toBeLessThan(0.05);
    const latency = { name: 'rocketmq_consumer_lag_latency_milliseconds', consumer_group: GROUP, topic: TOPIC };
    expect(theValue(series, latency)).toBeGreaterThanOrEqual(theValue(its, latency));
  });
});

function only(series: readonly Series[], { name, ...labels }: { readonly name: string } & Readonly<Record<string, string>>): Series {
  const found = series.filter(
    (entry) => entry.name === name && Object.entries(labels).every(([label, text]) => entry.labels[label] === text),
  );
  expect(found, JSON.stringify({ name, ...labels })).toHaveLength(1);
  return found[0] as Series;
}

/** The broker's text has time stamps and a HELP line where it likes. */
function readTheirs(text: string): Series[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\w+)\{(.*)\} (\S+)/.exec(line);
    const labels = Object.fromEntries(Array.from(match?.[2]?.matchAll(/(\w+)="([^"]*)"/g) ?? [], ([, name, value]) => [name, value]));
    // Whose meter it is says nothing of the cluster.
    delete labels.otel_scope_name;
    return match === null ? [] : [{ name: match[1] ?? '', labels, value: Number(match[3]) }];
  });
}
