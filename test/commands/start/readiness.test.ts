import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitForBroker } from '../../../src/commands/start/readiness.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.stop());

/** A process that ends after it was looked at so often. */
function endingAfter(looks: number) {
  let left = looks;
  return {
    bin: 'mqbroker',
    exitCode: 1,
    lastWords: () => 'no more',
    get hasExited() {
      return left-- <= 0;
    },
  };
}

describe('a started broker', () => {
  it('is ready when the name server knows it and it answers', async () => {
    await waitForBroker(sandbox.namesrvAddr, { name: 'broker-a', address: sandbox.brokerAddr }, [endingAfter(500)]);
  });

  it('is not ready when only another one of its name is registered', async () => {
    const waiting = waitForBroker(sandbox.namesrvAddr, { name: 'broker-a', address: '127.0.0.1:1' }, [endingAfter(5)]);
    await expect(waiting).rejects.toThrow('mqbroker ended with exit code 1: no more');
  });
});
