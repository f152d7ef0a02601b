/*
 * What every kind of failure looks like, for commands of every family: exit code and the one line on stderr. The tables are in vectors/failures.txt;
 * `npx vitest run --project node test/commands/mqadmin/failures.test.ts -u` writes them again, to be read before they are committed.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../sandbox.js';
import { ARGUMENTS } from './arguments.js';
import { type FailingNodes, startFailingNodes } from './failing-nodes.js';
import { commandNames, runCommand, specOf } from './run-command.js';

/** One or two commands of every folder of commands: something that reads, and something that changes. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  auth: ['getUser -c DefaultCluster -u U', 'createUser -c DefaultCluster -u U -p P'],
  broker: ['brokerStatus -c DefaultCluster', 'updateBrokerConfig -c DefaultCluster -k flushDiskType -v ASYNC_FLUSH'],
  cluster: ['clusterList', 'clusterRT -a 1 -i 1 --rounds 1'],
  connection: ['consumerConnection -g G', 'producerConnection -g G -t T'],
  consumer: ['consumerProgress -g G', 'updateSubGroup -c DefaultCluster -g G'],
  'dead-letters': ['dlq list', 'retry list'],
  definitions: ['export', 'export -c DefaultCluster --kind groups'],
  health: ['check cluster'],
  export: ['exportPopRecord -c DefaultCluster', 'exportMetadata -c DefaultCluster -f /dev/null/nothing'],
  ha: ['haStatus -c DefaultCluster', 'getBrokerEpoch -c DefaultCluster'],
  message: ['printMsg -t T', 'tail -t T', 'copy -t T --to-topic U', 'sendMessage -t T -p x'],
  namesrv: ['getNamesrvConfig', 'updateKvConfig -s NS -k k -v v'],
  offset: ['offsets export -g G', 'resetOffsetByTime -g G -t T -s now', 'cloneGroupOffset -s G -d H -t T'],
  'plain-acl': ['clusterAclConfigVersion -c DefaultCluster', 'updateGlobalWhiteAddr -c DefaultCluster -g 10.0.0.*'],
  queue: ['queryCq -t T -q 0 -i 0', 'checkRocksdbCqWriteProgress -c DefaultCluster'],
  'static-topic': ['updateStaticTopic -c DefaultCluster -t T -qn 4', 'remappingStaticTopic -c DefaultCluster -t T'],
  stats: ['statsAll -t T', 'exporter --once', 'top --count 1'],
  topic: ['topicStatus -t T', 'topicList', 'updateTopic -c DefaultCluster -t T', 'deleteTopic -c DefaultCluster -t T'],
};

/** Commands that are given an address of their own, which is BROKER in their lines. */
const ADDRESSED: readonly string[] = [
  'producer -b BROKER',
  'brokerStatus -b BROKER',
  'updateTopic -b BROKER -t T',
  'copyUser -f BROKER -t BROKER',
  'addBroker -c BROKER -b x.conf',
  'getControllerMetaData -a BROKER',
  'electMaster -a BROKER -b 1 -bn broker-a -c DefaultCluster',
];

let nodes: FailingNodes;
let dir: string;
const tables: string[] = [];

beforeAll(async () => {
  // The first import of every command takes a slow machine long.
  await Promise.all(commandNames.map(specOf));
  [nodes, dir] = [await startFailingNodes(), mkdtempSync(join(tmpdir(), 'mqkit-failures-'))];
  const { namesrvAddr } = nodes.half;
  const env = { NAMESRV_ADDR: namesrvAddr };
  const { brokerAddr } = nodes.half;
  for (const line of [
    `updateTopic -b ${brokerAddr} -t T`,
    `updateTopic -b ${brokerAddr} -t OrderPaid`,
    `updateSubGroup -b ${brokerAddr} -g G`,
  ]) {
    await run(line, env);
  }
  await until(async () => (await run('topicList', env)).stdout.includes('OrderPaid'), 10_000);
});

afterAll(async () => {
  await nodes?.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Row {
  readonly line: string;
  readonly exitCode: number;
  readonly stderr: string;
  readonly stdout: string;
}

async function run(line: string, env: NodeJS.ProcessEnv = {}, onSignal?: Parameters<typeof runCommand>[4]): Promise<Row> {
  const words = Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), (match) => match[1] ?? match[2] ?? '');
  const [name = '', ...argv] = words;
  return { line, ...(await runCommand(name, argv, { ROCKETMQ_HOME: dir, XDG_STATE_HOME: dir, ...env }, null, onSignal)) };
}

/** All of a kind at the same time: most of them wait. */
function runAll(lines: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Row[]> {
  return Promise.all(lines.map((line) => run(line, env)));
}

const everyLine = Object.values(FAMILIES).flat();

/** Names in place of what differs from run to run. */
function masked(text: string): string {
  const { half, clusters, namesrvs } = nodes;
  const names: [string, string][] = [
    [nodes.refused, 'REFUSED'],
    [nodes.silent, 'SILENT'],
    [nodes.web, 'WEB'],
    [nodes.closing, 'CLOSING'],
    [half.namesrvAddr, 'NAMESRV'],
    [half.brokerAddr, 'BROKER_A'],
    [dir, 'DIR'],
    ...Object.values(clusters).flatMap(({ namesrvAddr, brokerAddr }): [string, string][] => [
      [namesrvAddr, 'NAMESRV'],
      [brokerAddr, 'BROKER_A'],
    ]),
    ...Object.values(namesrvs).map((addr): [string, string] => [addr, 'NAMESRV']),
  ];
  // How far a command came within its time is another matter in each run.
  const told = text.replace(/: 1 change may have been made(?=; give it more)/, '');
  return names.reduce((all, [from, to]) => all.replaceAll(from, to), told);
}

/** Adds a table: lines that are the same but for the command are written once. */
function table(title: string, rows: readonly Row[], options: { exitCodes: readonly number[]; prints?: RegExp }): void {
  const commands = new Map<string, string[]>();
  for (const { line, exitCode, stderr } of rows) {
    const name = line.split(' ')[0] ?? '';
    const told = `${exitCode}  ${masked(stderr)
      .trimEnd()
      .replace(new RegExp(`(^|mqadmin )${name}\\b`), '$1COMMAND')}`;
    commands.set(told, [...(commands.get(told) ?? []), masked(line)]);
  }
  tables.push(
    `## ${title}\n${[...commands].map(([told, lines]) => `${told}\n${lines.map((line) => `     ${line}\n`).join('')}`).join('')}`,
  );
  const wrong = rows.filter(
    ({ exitCode, stderr, stdout }) =>
      !options.exitCodes.includes(exitCode) || !/^[^\n]+\n$/.test(stderr) || !(options.prints ?? /^$/).test(stdout),
  );
  expect(wrong).toEqual([]);
}

it('names that do not exist', async () => {
  const lines = [
    'topicRoute -t OrderPaud',
    'topicStatus -t orderpaid',
    'topicClusterList -t Nothing',
    'printMsg -t OrderPaud',
    'sendMessage -t T -p x -b broker-c -i 0',
    'queryMsgByKey -t OrderPaud -k K',
    'queryMsgById -t T -i 7F000001000100000000000000000008',
    'queryCq -t OrderPaud -q 0 -i 0',
    'consumerProgress -g GG',
    'consumerConnection -g GG',
    'getConsumerConfig -g NoSuchGroup',
    'resetOffsetByTime -g GG -t OrderPaud -s now',
    'brokerStatus -c DefaultCluter',
    'updateTopic -c DefaultCluter -t X',
    'updateSubGroup -c Nowhere -g X',
    'clusterList -c DefaultCluter',
    'wipeWritePerm -b broker-aa',
    'sendMsgStatus -b broker-aa',
    'updateBrokerConfig -b BROKER_A -k flushDisktype -v ASYNC_FLUSH'.replace('BROKER_A', nodes.half.brokerAddr),
    'updateNamesrvConfig -k listenPrt -v 1',
    'updateTopicPerm -c DefaultCluster -t OrderPaud -p 6',
  ];
  table('what is named does not exist', await runAll(lines, { NAMESRV_ADDR: nodes.half.namesrvAddr }), { exitCodes: [4] });
});

it('a name server that cannot be used', async () => {
  table('nobody listens at the address of the name server', await runAll(everyLine, { NAMESRV_ADDR: nodes.refused }), { exitCodes: [3] });
  table('the address is that of a web server', await runAll(everyLine, { NAMESRV_ADDR: nodes.web }), { exitCodes: [1, 3] });
  table(
    'the address belongs to something that hangs up',
    await runAll(['topicList', 'topicStatus -t T'], { NAMESRV_ADDR: nodes.closing }),
    {
      exitCodes: [3],
    },
  );
  const silent = everyLine.map((line) => `${line} --timeout 80ms`);
  table('the name server never answers', await runAll(silent, { NAMESRV_ADDR: nodes.silent }), { exitCodes: [3] });
  const bad = ['nonsense', '10.0.0.1', '10.0.0.1:99999', 'host:', ';', '10.0.0.1:9876;nonsense'];
  table('addresses that are none', await runAll(bad.map((addr) => `topicList -n ${addr}`)), { exitCodes: [2] });
  table('no address', await runAll(['topicList', 'topicList --context nowhere']), { exitCodes: [2, 4] });
});

it('brokers that cannot be used', async () => {
  await nodes.registerDownBroker();
  const { namesrvAddr } = nodes.half;
  const down = [
    'topicStatus -t OnlyOnB',
    'printMsg -t OnlyOnB',
    'sendMessage -t OnlyOnB -p x',
    'queryCq -t OnlyOnB -q 0 -i 0',
    'statsAll -t OnlyOnB',
  ];
  table('the broker of the topic is down', await runAll(down, { NAMESRV_ADDR: namesrvAddr }), { exitCodes: [3], prints: /^(#.*\n)*$/ });
  const to = (addr: string): string[] => ADDRESSED.map((line) => line.replaceAll('BROKER', addr));
  table('nobody listens at the address of the broker', await runAll(to(nodes.refused)), { exitCodes: [3] });
  table('the broker never answers', await runAll(to(nodes.silent).map((line) => `${line} --timeout 80ms`)), { exitCodes: [3] });
  const mute = { NAMESRV_ADDR: nodes.clusters.mute.namesrvAddr };
  table(
    'the brokers of the cluster never answer',
    await runAll(
      asking.map((line) => `${line} --timeout 80ms`),
      mute,
    ),
    { exitCodes: [3] },
  );
});

/**
 * What fails with its brokers: the others ask the name server alone, show nodes that do not answer as part of their result (check, exporter, top,
 * retry), or end in a way of their own (copy).
 */
const asking = everyLine.filter(
  (line) => !/^(topicList|getNamesrvConfig|updateKvConfig|clusterRT|check|exporter|top|dlq|retry|copy)\b/.test(line),
);

it('nodes that refuse', async () => {
  const { denying, broken } = nodes.clusters;
  table('the brokers deny it', await runAll(asking, { NAMESRV_ADDR: denying.namesrvAddr }), { exitCodes: [5] });
  table('the name server denies it', await runAll(everyLine, { NAMESRV_ADDR: nodes.namesrvs.denying }), {
    // Monitoring has codes of its own: 3 is UNKNOWN.
    exitCodes: [5, 3],
  });
  table('the brokers have an error of their own', await runAll(asking, { NAMESRV_ADDR: broken.namesrvAddr }), { exitCodes: [1] });
});

it('part of a cluster', async () => {
  // A name server forgets who does not tell of itself for 120 s.
  await nodes.registerDownBroker();
  const lines = [
    'updateTopic -c DefaultCluster -t New',
    'updateSubGroup -c DefaultCluster -g G',
    'brokerStatus -c DefaultCluster',
    'topicStatus -t T',
    'consumerProgress -g G',
    'haStatus -c DefaultCluster',
    'exportMetrics -c DefaultCluster -f DIR'.replace('DIR', dir),
    'cleanExpiredCQ -c DefaultCluster',
    'clusterList',
    'deleteSubGroup -c DefaultCluster -g NewGroup',
  ];
  table('one of the two brokers is down', await runAll(lines, { NAMESRV_ADDR: nodes.half.namesrvAddr }), {
    exitCodes: [6],
    prints: /[\s\S]*/,
  });
});

it('the end from outside', async () => {
  const { namesrvAddr } = nodes.clusters.mute;
  // One after the other: the signal comes when the broker has the request.
  const rows: Row[] = [];
  for (const [i, line] of asking.entries()) {
    rows.push(
      await run(line, { NAMESRV_ADDR: namesrvAddr }, (listener) => {
        nodes.onMuteRequest = () => listener(i === 0 ? 'SIGTERM' : 'SIGINT');
        return () => {
          nodes.onMuteRequest = () => undefined;
        };
      }),
    );
  }
  // What was under way is in the audit file as unknown.
  const audit = join(dir, 'audit.jsonl');
  const env = { NAMESRV_ADDR: namesrvAddr, MQADMIN_AUDIT: audit };
  await run('updateTopic -c DefaultCluster -t T', env, (listener) => {
    nodes.onMuteRequest = () => listener('SIGINT');
    return () => undefined;
  });
  nodes.onMuteRequest = () => undefined;
  expect(JSON.parse(readFileSync(audit, 'utf8'))).toMatchObject({
    outcome: 'interrupted',
    exitCode: 130,
    changes: [{ request: 'UPDATE_AND_CREATE_TOPIC', what: 'topic T', outcome: 'unknown', count: 1 }],
  });
  table('Ctrl-C, or a signal that asks to end', rows, { exitCodes: [130, 143] });
});

it('command lines that say nothing sensible', async () => {
  const lines = [
    'topicRoute',
    'topicRoute -t',
    'topicRoute -x 1 -t T',
    'topicRoute --topi T --tipoc X',
    'updateTopic -t T',
    'updateTopic -t T -c C -b 127.0.0.1:1',
    'updateTopic -c C -t T -r many',
    'updateTopic -c C -t T -r -1',
    'updateTopic -c C -t T -p 9',
    'updateTopic -c C -t T -o maybe',
    'updateTopic -c C -t "a b"',
    `updateTopic -c C -t ${'x'.repeat(128)}`,
    'updateSubGroup -c C -g "a b"',
    'topicList --output xml',
    'topicList --json --output csv',
    'topicList --timeout soon',
    'topicList --timeout 0',
    'topicList --accessKey a',
    'resetOffsetByTime -g G -t T -s yesterday',
    'resetOffsetByTime -g G -t T -s 2026-13-01#00:00:00:000',
    'resetOffsetByTime -g G -t T -s 2026-02-30T08:30:00Z',
    'resetOffsetByTime -g G -t T -s 2026-11-21T08:30:00+1',
    'resetOffsetByTime -g G -t T -s 2026-11-21#08:30:00:000+0100',
    'tail -t T --since 10parsecs',
    'resetOffsetByTime -g G -t T -s now -q 1',
    'printMsg -t T -b whenever',
    'printMsg -t T -c NO-SUCH-CHARSET',
    'queryCq -t T -q x -i 0',
    'brokerConsumeStats -b nonsense',
    'updateTopicList -c C -f DIR/missing.json'.replace('DIR', dir),
    'undoOffsets -f DIR/missing.json'.replace('DIR', dir),
    'sendMessage -t T -p x -i 1',
    'context use',
    'context add x -n nonsense',
    'completion tcsh',
  ];
  const rows = await runAll(lines, { NAMESRV_ADDR: nodes.refused });
  table('usage', rows, { exitCodes: [2], prints: /^(usage: [\s\S]*)?$/ });
});

it('files that are broken', async () => {
  const env = (home: string, content: string): NodeJS.ProcessEnv => {
    mkdirSync(join(dir, home, 'conf'), { recursive: true });
    writeFileSync(join(dir, home, 'conf', 'tools.yml'), content);
    return { ROCKETMQ_HOME: join(dir, home), NAMESRV_ADDR: nodes.refused };
  };
  writeFileSync(join(dir, 'broken.json'), '{"a": [1,');
  writeFileSync(join(dir, 'contexts.json'), '{"contexts": [');
  const rows = [
    await run('topicList', env('unclosed', 'accessKey: "someone\nsecretKey: x')),
    await run('topicList', env('half', 'accessKey: someone\n')),
    await run('topicList', env('list', '- accessKey\n- secretKey\n')),
    await run('topicList', env('tab', 'accessKey: a\n\tsecretKey: b\n')),
    await run('topicList', { MQKIT_CONTEXTS: join(dir, 'contexts.json') }),
    await run(`updateTopicList -c C -f ${join(dir, 'broken.json')}`),
    await run(`updateSubGroupList -c C -f ${join(dir, 'broken.json')}`),
    await run(`undoOffsets -f ${join(dir, 'broken.json')}`),
  ];
  table('files', rows, { exitCodes: [2] });
});

it('the tables are what they were', async () => {
  await expect(`${tables.join('\n')}`).toMatchFileSnapshot('./vectors/failures.txt');
});

it('every folder of commands that asks a cluster is in the tables', () => {
  expect(everyLine.every((line) => line.split(' ')[0]! in ARGUMENTS)).toBe(true);
});
