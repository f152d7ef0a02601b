import { describe, expect, it } from 'vitest';
import type { BenchResult, SendMeasured } from '../../src/bench/result.js';
import { withWarnings } from '../../src/bench/warnings.js';
import { commandSpec } from '../../src/cli/command-spec.js';
import { defineOptions, type OptionTable } from '../../src/cli/options.js';
import { commandLine } from '../../src/commands/mqbench/complete.js';
import ProducerCommand from '../../src/commands/mqbench/producer.js';
import { commandWithoutSecrets } from '../../src/commands/mqbench/secrets.js';

const QUIET = { cpuSeconds: 5, cpuPercent: 50, eventLoopUtilization: 0.5, eventLoopLagMs: { p50: 0, p99: 1, max: 5 } };
const SEND = { count: 90, errors: 0, errorsByCode: {}, seconds: 10, unsent: 0 } as unknown as SendMeasured;

function resultOf(change: { generator?: object; environment?: object; send?: object; rest?: object }): BenchResult {
  return {
    schema: 'mqbench/1',
    kind: 'producer',
    config: { rate: 100, namesrvAddr: 'ns:9876' },
    environment: { cores: 2, loadAverage: 1, ...change.environment, generator: { ...QUIET, ...change.generator } },
    send: { ...SEND, ...change.send },
    ...change.rest,
  } as unknown as BenchResult;
}

describe('warnings of a result', () => {
  const warnings = (change: Parameters<typeof resultOf>[0]): readonly string[] => withWarnings(resultOf(change)).warnings ?? [];

  it('are absent when nothing is to be said', () => {
    expect(withWarnings(resultOf({}))).not.toHaveProperty('warnings');
  });

  it('say when the generator may have been the limit', () => {
    expect(warnings({ generator: { cpuPercent: 97 } })).toEqual([expect.stringContaining('the generator used 97 % of one core')]);
    expect(warnings({ generator: { eventLoopLagMs: { p50: 1, p99: 60, max: 90 } } })).toEqual([expect.stringContaining('60 ms late')]);
    expect(warnings({ generator: { gc: { count: 90, totalMs: 2000, maxMs: 45 } } })).toEqual([expect.stringContaining('20 % of the time')]);
    expect(warnings({ environment: { workers: [] }, generator: { cpuPercent: 97 } })[0]).toMatch(
      /^the busiest generator .* not the broker$/,
    );
  });

  it('say that the machine was busy, and what failed or was never sent', () => {
    expect(warnings({ environment: { loadAverage: 7.5 } })).toEqual([expect.stringContaining('a load average of 7.5 on 2 cores')]);
    expect(warnings({ send: { errors: 10, errorsByCode: { SYSTEM_BUSY: 10 } } })).toEqual([
      '10 of 100 messages failed to send: 10 x SYSTEM_BUSY',
    ]);
    expect(warnings({ send: { unsent: 3 } })).toEqual([expect.stringContaining('3 planned messages were never sent')]);
  });

  it('come after those of the run itself', () => {
    expect(warnings({ send: { unsent: 3 }, rest: { warnings: ['first'] } })).toHaveLength(2);
  });
});

describe('the command line that repeats a run', () => {
  const options = defineOptions({
    topic: { short: 't', text: '' },
    accessKey: { short: 'ak', text: '' },
    secretKey: { short: 'sk', text: '' },
    seed: { kind: 'int', text: '' },
  });
  const line = (argv: readonly string[], rest: object = {}): string =>
    commandLine({ name: 'mqbench producer', argv, options }, resultOf({ rest }));

  it('has what was given, and the name server that was found elsewhere', () => {
    expect(line(['-t', 'T', '--rate', '5'])).toBe('mqbench producer -t T --rate 5 -n ns:9876');
    expect(line(['-n', 'other:1'])).toBe('mqbench producer -n other:1');
    expect(line(['--namesrvAddr=other:1'])).toBe('mqbench producer --namesrvAddr=other:1');
    expect(line(['--embedded'])).toBe('mqbench producer --embedded');
  });

  it('has the seed that was drawn', () => {
    expect(line(['-n', 'x:1'], { seed: 7 })).toBe('mqbench producer -n x:1 --seed 7');
    expect(line(['-n', 'x:1', '--seed', '9'], { seed: 9 })).toBe('mqbench producer -n x:1 --seed 9');
  });

  it('leaves keys out, however they are written', () => {
    const spellings = [
      ['-sk', 'S'],
      ['-sk=S'],
      ['--secretKey', 'S'],
      ['--secretKey=S'],
      ['--secretK', 'S'],
      ['--se', 'S'],
      ['--s=S'],
      ['-secretKeyS'],
    ];
    for (const argv of spellings) {
      const words = ['-n', 'x:1', '-ak', 'A', ...argv, '-t', 'T', '--securityToken', 'S'];
      const run = {
        name: 'mqbench producer',
        argv: words,
        options: commandSpec(ProducerCommand, { bin: 'mqbench', id: 'producer' }).options,
      };
      expect(commandLine(run, resultOf({}))).toBe('mqbench producer -n x:1 -t T');
    }
  });

  it('is quoted for a shell', () => {
    expect(line(['-n', 'x:1;y:1', '--assert', "a<'b c'"])).toBe("mqbench producer -n 'x:1;y:1' --assert 'a<'\\''b c'\\'''");
  });
});

describe('the command line of a child', () => {
  const { options } = commandSpec(ProducerCommand, { bin: 'mqbench', id: 'producer' });
  const optionsOf = (word: string): OptionTable | undefined => (word === 'producer' ? options : undefined);

  it.each([
    ['producer -ak A -sk S3cret -t T', 'producer -t T'],
    ['mqbench producer --se=S3cret -t "A B"', "mqbench producer -t 'A B'"],
    ['producer -secretKeyS3cret  --token-file /t', 'producer --token-file /t'],
    ['/opt/bench -sk S3cret --secretKey=S3cret --rate 5', '/opt/bench --rate 5'],
    ['env ROCKETMQ_SECRET_KEY=S3cret mqbench producer', 'env mqbench producer'],
    ["sh -c 'mqbench producer -sk S3cret -t T'", "sh -c 'mqbench producer -t T'"],
    ["producer -sk 'S3cret", '…'],
    ['producer  -t T --seed 5', 'producer  -t T --seed 5'],
    ['result of mine.json', 'result of mine.json'],
  ])('%s shows no keys', (text, shown) => {
    expect(commandWithoutSecrets(text, optionsOf)).toBe(shown);
  });
});
