import { afterAll, beforeAll, expect, it } from 'vitest';
import { FrameLog } from '../../../src/cli/frame-log.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { RemotingServer } from '../../../src/remoting/server.js';
import { runCommand } from './run-command.js';

let server: RemotingServer;
let addr = '';

beforeAll(async () => {
  server = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0 });
  server.register(RequestCode.GET_ROUTEINFO_BY_TOPIC, (connection, request) =>
    connection.respond(request, ResponseCode.TOPIC_NOT_EXIST, 'No topic route info\nin name server'),
  );
  server.register(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, (connection, request) =>
    connection.respond(request, ResponseCode.SUCCESS, null, null, Buffer.from('{"topicList":["A"]}')),
  );
  addr = `127.0.0.1:${(await server.listen()).listenPort}`;
});

afterAll(() => server.close());

const KEYS = { ROCKETMQ_ACCESS_KEY: 'AK-of-alice', ROCKETMQ_SECRET_KEY: 'SK-of-alice', ROCKETMQ_SECURITY_TOKEN: 'TOKEN-of-alice' };

it('--debug shows connections, every frame with its code, fields, sizes and time, and a summary, on stderr alone', async () => {
  const { stdout, stderr, exitCode } = await runCommand('topicList', ['-n', addr, '--debug', '--json']);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ topics: ['A'] });
  const lines = stderr.trimEnd().split('\n');
  const at = `debug: \\+\\d+\\.\\d ms ${addr}`;
  expect(lines).toEqual([
    expect.stringMatching(new RegExp(`^${at} > GET_ALL_TOPIC_LIST_FROM_NAMESERVER\\(206\\) opaque=1 bytes=\\d+ body=0$`)),
    expect.stringMatching(new RegExp(`^${at} connected in \\d+\\.\\d ms$`)),
    expect.stringMatching(
      new RegExp(`^${at} < SUCCESS\\(0\\) to GET_ALL_TOPIC_LIST_FROM_NAMESERVER\\(206\\) after \\d+\\.\\d ms opaque=1 bytes=\\d+ body=19$`),
    ),
    expect.stringMatching(
      /^debug: 1 request to 1 node in \d+\.\d ms, 1 connection, \d+ bytes sent, \d+ received, 0 unanswered; slowest GET_ALL_TOPIC_LIST_FROM_NAMESERVER\(206\) of /,
    ),
  ]);
});

it('--debug shows fields and remarks in one line, and masks keys, signatures and tokens', async () => {
  const { stderr, exitCode } = await runCommand('topicRoute', ['-n', addr, '-t', 'Unknown', '--debug'], KEYS);
  expect(exitCode).toBe(4);
  expect(stderr).toMatch(/> GET_ROUTEINFO_BY_TOPIC\(105\) .*topic=Unknown/);
  expect(stderr).toMatch(/< TOPIC_NOT_EXIST\(17\) to GET_ROUTEINFO_BY_TOPIC\(105\) .*remark="No topic route info\\nin name server"/);
  expect(stderr).toContain('Signature=***');
  expect(stderr).toContain('AccessKey=***');
  expect(stderr).not.toMatch(/of-alice/);
});

it('--debug is heard as Apache, too, where names that are near are not asked for', async () => {
  const { stderr } = await runCommand('topicRoute', ['-n', addr, '-t', 'Unknown', '--debug'], { MQADMIN_COMPAT: 'apache' });
  expect(stderr).toMatch(/> GET_ROUTEINFO_BY_TOPIC\(105\) .*topic=Unknown/);
  expect(stderr).not.toContain('GET_ALL_TOPIC_LIST_FROM_NAMESERVER');
});

it('names what was never answered', () => {
  let nowMs = 0;
  const lines: string[] = [];
  const log = new FrameLog(
    (line) => lines.push(line),
    { request: () => 'ASK', response: () => 'SAY' },
    () => nowMs,
  );
  const frame = {
    code: 1,
    opaque: 7,
    flag: 0,
    remark: null,
    extFields: { password: 'p', group: 'a b', note: 'x'.repeat(300) },
    body: null,
  };
  log.sent('h:1', frame, 50);
  nowMs = 12.5;
  log.sent('h:2', { ...frame, flag: 2, extFields: null }, 20);
  log.summary();
  expect(lines).toEqual([
    `debug: +0.0 ms h:1 > ASK(1) opaque=7 bytes=50 body=0 password=*** group="a b" note=${JSON.stringify(`${'x'.repeat(200)}…`)}`,
    'debug: +12.5 ms h:2 > ASK(1) opaque=7 bytes=20 body=0',
    'debug: +12.5 ms h:1 no answer to ASK(1) opaque=7 in 12.5 ms',
    'debug: 2 requests to 2 nodes in 12.5 ms, 0 connections, 70 bytes sent, 0 received, 1 unanswered',
  ]);
});

it('--debug says why there is no connection', async () => {
  const { stderr, exitCode } = await runCommand('topicList', ['-n', '127.0.0.1:1', '--debug']);
  expect(exitCode).toBe(3);
  expect(stderr).toMatch(/127\.0\.0\.1:1 cannot connect to 127\.0\.0\.1:1: connection refused/);
});
