/* Which exit code a command ends with is decided in one table of response codes. */
import { describe, expect, it } from 'vitest';
import { ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { RESPONSE_CATEGORIES, responseError } from '../../src/remoting/response-error.js';

const answer = (code: number): RemotingCommand => ({ code, remark: 'because' }) as RemotingCommand;

describe('the error that stands for a response code', () => {
  it.each([
    [16, 'denied', 5],
    [17, 'notFound', 4],
    [22, 'notFound', 4],
    [26, 'notFound', 4],
    [206, 'notFound', 4],
    [208, 'notFound', 4],
    [211, 'notFound', 4],
    [3001, 'notFound', 4],
    [3002, 'notFound', 4],
    [1, 'broker', 1],
    [2, 'broker', 1],
    [29, 'broker', 1],
    [-17, 'broker', 1],
  ])('%i is of the kind %s, exit code %i', (code, category, exitCode) => {
    const error = responseError(answer(code), '127.0.0.1:10911');
    expect(error).toMatchObject({ category, exitCode, context: { responseCode: code, remark: 'because', brokerAddr: '127.0.0.1:10911' } });
    expect(error.message).toContain('because');
  });

  it('is a denial where a 4.9 broker says so in the remark of another code', () => {
    const remark = 'org.apache.rocketmq.acl.common.AclException: Check signature failed for accessKey=RocketMQ';
    expect(responseError({ code: 1, remark } as RemotingCommand, '127.0.0.1:10911')).toMatchObject({ category: 'denied', exitCode: 5 });
  });

  it('is one of the broker for every code that the table does not name', () => {
    for (const code of Object.values(ResponseCode)) {
      const { category } = responseError(answer(code), '127.0.0.1:10911');
      expect({ code, category }).toEqual({ code, category: RESPONSE_CATEGORIES.get(code) ?? 'broker' });
    }
  });
});
