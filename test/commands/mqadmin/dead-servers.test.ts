/* Every command against servers that are not there, or say nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_REQUEST_TIMEOUT_MS, AdminClient } from '../../../src/client/admin/admin-client.js';
import { TimeoutError } from '../../../src/common/errors.js';
import { RawServer } from '../../raw-server.js';
import { ARGUMENTS, TO_ONE_BROKER, WITHOUT_NAMESRV } from './arguments.js';
import { refusedAddress } from './failing-nodes.js';
import { type CommandRun, commandNames, runCommand, specOf } from './run-command.js';

/** Accepts connections and says nothing. */
const silent = new RawServer();
let silentAddr = '';
/** Nothing listens there. */
let refusedAddr = '';

beforeAll(async () => {
  // The first import of every command takes a slow machine long.
  await Promise.all(commandNames.map(specOf));
  silentAddr = (await silent.listen()).addr;
  refusedAddr = await refusedAddress();
});

afterAll(() => silent.close());

/** Runs commands at the same time: most of them wait. Those whose end is another than one line with these texts are a fault. */
async function expectEach(
  names: readonly string[],
  argv: (name: string) => readonly string[],
  end: { exitCode: number; says: readonly string[] },
): Promise<void> {
  const runs = await Promise.all(
    names.map(async (name): Promise<CommandRun & { name: string }> => ({ name, ...(await runCommand(name, argv(name))) })),
  );
  const wrong = runs.filter(
    ({ name, stdout, stderr, exitCode }) =>
      stdout !== '' ||
      !/^[^\n]+\n$/.test(stderr) ||
      // Checks end as monitoring wants it: 3 for all that they cannot look at.
      exitCode !== (name === 'check' ? 3 : end.exitCode) ||
      !end.says.every((text) => stderr.includes(text)),
  );
  expect(wrong).toEqual([]);
}

it('has arguments for every command', () => {
  expect(Object.keys(ARGUMENTS).sort()).toEqual(commandNames);
});

describe('a name server', () => {
  const asking = commandNames.filter((name) => !WITHOUT_NAMESRV.has(name));

  it('that refuses the connection ends every command with the address', () =>
    expectEach(asking, (name) => [...ARGUMENTS[name]!, '-n', refusedAddr], { exitCode: 3, says: [refusedAddr, 'refused'] }));

  it('that does not answer ends every command when --timeout has passed', () =>
    expectEach(asking, (name) => [...ARGUMENTS[name]!, '-n', silentAddr, '--timeout', '50ms'], { exitCode: 3, says: ['50 ms'] }));

  it('that is not given ends every command with a hint', () =>
    expectEach(asking, (name) => ARGUMENTS[name]!, { exitCode: 2, says: ['-n', 'NAMESRV_ADDR'] }));

  it('that does not answer ends a request after its time-out, which is 5 s', async () => {
    expect(ADMIN_REQUEST_TIMEOUT_MS).toBe(5_000);
    const admin = new AdminClient({ namesrvAddr: silentAddr, timeoutMs: 30 });
    const error = await admin.topicNames().catch((failure: unknown) => failure);
    await admin.close();
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as Error).message).toMatch(new RegExp(`${silentAddr} had no answer after 30 ms$`));
  });

  it('and the next one that refuse are both named', () =>
    expectEach(['topicList'], () => ['-n', `${refusedAddr};127.0.0.1:1`], { exitCode: 3, says: [refusedAddr, '127.0.0.1:1'] }));
});

describe('a broker', () => {
  const names = Object.keys(TO_ONE_BROKER);

  it('that refuses the connection ends every command with -b, without a name server', () =>
    expectEach(names, (name) => [...TO_ONE_BROKER[name]!, '-b', refusedAddr], { exitCode: 3, says: [refusedAddr] }));

  it('that does not answer ends every command with -b when --timeout has passed', () =>
    // The option of this name of brokerConsumeStats is one of Apache's.
    expectEach(
      names.filter((name) => name !== 'brokerConsumeStats'),
      (name) => [...TO_ONE_BROKER[name]!, '-b', silentAddr, '--timeout', '50ms'],
      { exitCode: 3, says: ['50 ms'] },
    ));
});

it('an error is one line of JSON for a program that asks for JSON', async () => {
  const run = await runCommand('topicList', ['-n', refusedAddr, '--json']);
  expect(run.stdout).toBe('');
  expect(JSON.parse(run.stderr)).toMatchObject({ error: { category: 'connect', exitCode: 3 } });
});
