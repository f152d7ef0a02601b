/* Requests that Apache's brokers refuse for their signature: no keys, unknown ones, a wrong secret. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../commands/mqadmin/run-command.js';
import { apache } from '../peers/index.js';
import { interop, startAll } from './support.js';

const AUTH = 'org.apache.rocketmq.auth.authentication';
const [USER, SECRET] = ['RocketMQ', '12345678'];

interop('keys that a broker refuses', 'java', () => {
  const cleanups: (() => unknown)[] = [];
  const brokers: Record<string, string> = {};

  beforeAll(async () => {
    const dir = mkdtempSync(join(tmpdir(), 'mqkit-keys-'));
    cleanups.push(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
    mkdirSync(join(dir, 'conf'));
    const accounts = `accounts:\n- accessKey: ${USER}\n  secretKey: ${SECRET}\n  admin: true\n`;
    writeFileSync(join(dir, 'conf', 'plain_acl.yml'), accounts);
    const [of49, of53] = await startAll(
      apache.startNamesrv({ version: '4.9.7' }),
      apache.startCluster({
        version: '5.3.3',
        brokerConfig: {
          authenticationEnabled: true,
          authenticationProvider: `${AUTH}.provider.DefaultAuthenticationProvider`,
          authenticationMetadataProvider: `${AUTH}.provider.LocalAuthenticationMetadataProvider`,
          initAuthenticationUser: `{"username":"${USER}","password":"${SECRET}"}`,
          innerClientAuthenticationCredentials: `{"accessKey":"${USER}","secretKey":"${SECRET}"}`,
        },
      }),
    );
    cleanups.push(
      () => of49.stop(),
      () => of53.stop(),
    );
    const broker = await apache.startBroker({ version: '4.9.7', namesrvAddr: of49.address, dir, config: { aclEnable: true } });
    cleanups.push(() => broker.stop());
    Object.assign(brokers, { '4.9.7': broker.address, '5.3.3': of53.broker.address });
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  describe.each(['4.9.7', '5.3.3'])('Apache %s', (version) => {
    const change = (...keys: string[]) => runCommand('updateTopic', ['-b', brokers[version] ?? '', '-t', 'Signed', ...keys]);

    it('takes requests that are signed, and denies the others: exit code 5, one line', async () => {
      expect(await change('--accessKey', USER, '--secretKey', SECRET)).toMatchObject({ stderr: '', exitCode: 0 });
      for (const keys of [[], ['--accessKey', USER, '--secretKey', 'wrong-secret'], ['--accessKey', 'nobody', '--secretKey', SECRET]]) {
        const denied = await change(...keys);
        expect(denied).toMatchObject({ stdout: '', exitCode: 5 });
        expect(denied.stderr).toMatch(/^[^\n]*; check accessKey and secretKey, [^\n]*\n$/);
      }
    });
  });
});
