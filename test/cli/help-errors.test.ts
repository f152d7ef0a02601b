/*
 * Every recorded run of the Java tool that concerns its command line (vectors/07-help-errors.jsonl), against ours. What differs on
 * purpose: exit codes tell the truth, faults are on stderr, help is given wherever it is asked for.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { normalizeArgv } from '../../src/cli/front.js';
import { COMMON_OPTIONS, defineOptions, type OptionTable } from '../../src/cli/options.js';
import { parseOptions } from '../../src/cli/parse-options.js';
import { readValues } from '../../src/cli/read-values.js';
import { commandListText, usageText } from '../../src/cli/usage.js';
import { UsageError } from '../../src/common/errors.js';
import { commandNames, runCommand, specOf } from '../commands/mqadmin/run-command.js';

interface Recorded {
  readonly seq: number;
  readonly command: readonly string[];
  readonly env?: Record<string, string>;
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

const cases = readFileSync(new URL('./vectors/07-help-errors.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

const apacheCommon = { help: COMMON_OPTIONS.help, namesrvAddr: COMMON_OPTIONS.namesrvAddr };

/** Commands that the recorded runs use and that are not built yet: their options, to check usage texts and spellings. */
const tables: Record<string, OptionTable> = {
  updateStaticTopic: defineOptions({
    ...apacheCommon,
    clusters: { short: 'c', group: 'where', groupRequired: true, text: 'remapping static topic to clusters, comma separated' },
    brokers: { short: 'b', group: 'where', groupRequired: true, text: 'remapping static topic to brokers, comma separated' },
    topic: { short: 't', required: true, text: 'topic name' },
    totalQueueNum: { short: 'qn', required: true, text: 'total queue num' },
    mapFile: { short: 'mf', text: 'The mapping data file name' },
    forceReplace: { short: 'fr', text: 'Force replace the old mapping' },
  }),
  updateUser: defineOptions({
    ...apacheCommon,
    clusterName: { short: 'c', group: 'where', groupRequired: true, text: 'update user to which cluster' },
    brokerAddr: { short: 'b', group: 'where', groupRequired: true, text: 'update user to which broker' },
    username: { short: 'u', required: true, text: 'the username of user to update.' },
    password: { short: 'p', group: 'what', groupRequired: true, text: 'the password of user to update' },
    userType: { short: 't', group: 'what', groupRequired: true, text: 'the userType of user to update' },
    userStatus: { short: 's', group: 'what', groupRequired: true, text: 'the userStatus of user to update' },
  }),
};

const names = { bin: 'mqadmin', ids: [...commandNames, ...Object.keys(tables)] };

function commandOf(recorded: Recorded): string {
  const word = recorded.command[0] ?? '';
  return names.ids.find((id) => id.toLowerCase() === word.toLowerCase()) ?? word;
}

async function optionsOf(id: string): Promise<OptionTable> {
  return tables[id] ?? (await specOf(id)).options;
}

type Kind = 'list' | 'help' | 'unknown' | 'fault' | 'tableFault' | 'ownCheck' | 'spelling' | 'deadServer' | 'server' | 'missingFile';

/** What a recorded run shows; each kind has a test. */
function kindOf(recorded: Recorded): Kind {
  const { command, stdout, stderr, exit } = recorded;
  const id = commandOf(recorded);
  if (command.length === 0) {
    return 'list';
  }
  if (stdout.startsWith('The sub command')) {
    return 'unknown';
  }
  if (command[0] === 'help' || (stdout.startsWith('usage:') && exit === 0 && command.some((word) => word === '-h' || word === '--help'))) {
    return 'help';
  }
  if (id === 'updateTopicList') {
    return 'missingFile';
  }
  if (exit === 1) {
    return tables[id] === undefined ? 'fault' : 'tableFault';
  }
  if (stdout.startsWith('usage:')) {
    return 'ownCheck';
  }
  if (id === 'topicClusterList' || tables[id] !== undefined) {
    return 'spelling';
  }
  // Nothing listens on port 1, and a run without any name server needs none either.
  const needsServer = command.includes('127.0.0.1:49876') && !command.includes('127.0.0.1:1');
  return needsServer || (stderr === '' && command.includes('127.0.0.1:50911')) ? 'server' : 'deadServer';
}

function casesOf(kind: Kind): [string, Recorded][] {
  return cases
    .filter((recorded) => kindOf(recorded) === kind)
    .map((recorded) => [`${recorded.seq} ${recorded.command.join(' ')}`, recorded]);
}

describe('the command list', () => {
  it.each(casesOf('list'))('%s', async (_, recorded) => {
    const specs = await Promise.all(commandNames.map(specOf));
    const nameIn = (line: string): string | undefined => /^ {3}(\w+)/.exec(line)?.[1];
    const isListed = (line: string, names: readonly (string | undefined)[]): boolean => names.includes(nameIn(line));
    const ours = commandListText('mqadmin', specs).split('\n');
    const listed = recorded.stdout.split('\n');
    const theirs = listed.filter((line) => nameIn(line) === undefined || isListed(line, commandNames));
    const last = ours.indexOf('', 1);
    // Commands that Apache's tool does not have come after all of its.
    const own = ours.filter((line) => nameIn(line) !== undefined && !isListed(line, listed.map(nameIn)));
    expect(ours.slice(last - own.length, last)).toEqual(own);
    expect(ours.toSpliced(last - own.length, own.length)).toEqual(theirs);
  });
});

describe('usage texts', () => {
  it.each(casesOf('help'))('%s', async (_, recorded) => {
    const id = recorded.command[0] === 'help' ? (recorded.command[1] ?? '') : commandOf(recorded);
    const front = normalizeArgv(recorded.command, names);
    expect(front.kind === 'run' ? front.argv[0] : front.kind === 'help' ? front.id : '').toBe(id);
    expect(usageText({ bin: 'mqadmin', id, options: await optionsOf(id) })).toBe(recorded.stdout);
  });
});

describe('commands that do not exist', () => {
  // 5.3 has no commands of these names any more; 4.9 clusters need them.
  const isOlder = (name: string): boolean => ['updateAclConfig', 'clusterAclConfigVersion'].includes(name);

  // Apache's tool takes these for names of commands; asking for help or the version is answered here.
  const answered = new Set(['help', '-h', '--help', '--version']);

  it.each(casesOf('unknown').filter(([, { command }]) => !isOlder(command[0] ?? '')))('%s', (_, recorded) => {
    if (answered.has(recorded.command.join(' '))) {
      expect(normalizeArgv(recorded.command, names).kind).toMatch(/^(list|version)$/);
    } else if (recorded.command[0] === 'help') {
      expect(() => normalizeArgv(recorded.command, names)).toThrow(/^The sub command .* not exist\.$/);
    } else {
      expect(() => normalizeArgv(recorded.command, names)).toThrow(recorded.stdout.trim());
    }
  });
});

describe('faults', () => {
  it.each(casesOf('fault'))('%s', async (_, recorded) => {
    const run = await runCommand(commandOf(recorded), recorded.command.slice(1));
    if (recorded.command.includes('-h')) {
      // The Java tool complains of the missing option; asking for help is answered here.
      expect(run).toMatchObject({ exitCode: 0, stderr: '' });
      expect(run.stdout.startsWith(recorded.stdout.trimEnd())).toBe(true);
      return;
    }
    expect(run).toEqual({ exitCode: 2, stdout: recorded.stdout, stderr: `${recorded.stderr.trim()}\n` });
  });

  it.each(casesOf('tableFault'))('%s', (_, recorded) => {
    const attempt = (): unknown => parseOptions(recorded.command.slice(1), tables[commandOf(recorded)] ?? {});
    expect(attempt).toThrow(UsageError);
    expect(attempt).toThrow(recorded.stderr.trim());
  });

  it.each(casesOf('ownCheck'))('%s is a usage error, not a success', async (_, recorded) => {
    const run = await runCommand(commandOf(recorded), recorded.command.slice(1));
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toMatch(/^Missing required option: .*\n$/);
  });
});

describe('spellings', () => {
  it.each(casesOf('spelling'))('%s', async (_, recorded) => {
    const { options } = await specOf('topicClusterList');
    const values = readValues(options, parseOptions(recorded.command.slice(1), options).values, recorded.env ?? {}) as Record<
      string,
      unknown
    >;
    const repeated = recorded.command.filter((word) => word === '-t').length > 1;
    expect(values.topic).toBe(repeated ? 'A' : 'PlainTopic');
    if (recorded.command.includes('-n')) {
      expect(values.namesrvAddr).toBe(recorded.command[recorded.command.indexOf('-n') + 1]);
    } else {
      expect(values.namesrvAddr).toBe(recorded.env?.NAMESRV_ADDR);
    }
  });
});

describe('servers that are not there', () => {
  it.each(casesOf('deadServer'))('%s ends with one line and an exit code', async (_, recorded) => {
    const run = await runCommand(commandOf(recorded), recorded.command.slice(1), recorded.env ?? {});
    expect(run.stdout).toBe('');
    const note = recorded.command.includes('--') ? 1 : 0;
    expect(run.stderr.trim().split('\n')).toHaveLength(1 + note);
    expect([2, 3]).toContain(run.exitCode);
  });
});

describe('runs against a server', () => {
  // Values that are no numbers or out of range: the Java tool or the broker throws, here the option is named.
  const refusedHere = new Set([184, 187]);

  it.each(casesOf('server'))('%s finds its command and options', async (_, recorded) => {
    const front = normalizeArgv(recorded.command, names);
    expect(front.kind).toBe('run');
    const options = (await specOf(commandOf(recorded))).options;
    const read = (): unknown => readValues(options, parseOptions(recorded.command.slice(1), options).values, {});
    if (refusedHere.has(recorded.seq)) {
      expect(read).toThrow(UsageError);
    } else {
      expect(read).not.toThrow();
    }
  });
});

it.each(casesOf('missingFile'))('%s is a usage error that names the file', async (_, recorded) => {
  const run = await runCommand(commandOf(recorded), recorded.command.slice(1));
  expect(run).toMatchObject({ stdout: '', exitCode: 2 });
  expect(run.stderr).toContain('missing.json cannot be read (ENOENT)');
});

it('uses every recorded run', () => {
  expect(cases.length).toBe(75);
});
