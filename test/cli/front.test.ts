import { describe, expect, it } from 'vitest';
import { normalizeArgv } from '../../src/cli/front.js';
import { UsageError } from '../../src/common/errors.js';

const table = { bin: 'mqadmin', ids: ['topicList', 'topicRoute', 'updateTopic'], aliases: { updateTopic: ['createTopic'] } };

describe('the words before the options', () => {
  it('finds a command in any case and leaves its options as they are', () => {
    expect(normalizeArgv(['TOPICLIST', '-n', 'A:1'], table)).toEqual({ kind: 'run', argv: ['topicList', '-n', 'A:1'] });
    expect(normalizeArgv(['topicroute', '--help'], table)).toEqual({ kind: 'run', argv: ['topicRoute', '--help'] });
  });

  it('finds a command by another name', () => {
    expect(normalizeArgv(['CREATETOPIC'], table)).toEqual({ kind: 'run', argv: ['updateTopic'] });
  });

  it('lists the commands when none is named', () => {
    for (const argv of [[], ['help'], ['-h'], ['--help']]) {
      expect(normalizeArgv(argv, table)).toEqual({ kind: 'list' });
    }
  });

  it('answers help of a command', () => {
    expect(normalizeArgv(['help', 'TopicRoute'], table)).toEqual({ kind: 'help', id: 'topicRoute' });
  });

  it('answers the version', () => {
    expect(normalizeArgv(['--version'], table)).toEqual({ kind: 'version' });
  });

  it('refuses an unknown command in the words of the Java tool and suggests near ones', () => {
    const attempt = (): unknown => normalizeArgv(['topicLits'], table);
    expect(attempt).toThrow(UsageError);
    expect(attempt).toThrow('The sub command topicLits not exist.');
    expect(hintOf(attempt)).toBe('did you mean topicList?');
    expect(hintOf(() => normalizeArgv(['xyz'], table))).toBe('see the list: mqadmin');
  });

  it('hands everything to a launcher that is one command', () => {
    expect(normalizeArgv(['-c', 'x'], { bin: 'mqbroker', ids: ['mqbroker'], single: true })).toEqual({ kind: 'run', argv: ['-c', 'x'] });
  });
});

function hintOf(attempt: () => unknown): string | undefined {
  try {
    attempt();
  } catch (error) {
    return error instanceof UsageError ? error.hint : String(error);
  }
  return undefined;
}
