import { afterEach, expect, it, vi } from 'vitest';
import { loadHistograms } from '../../src/bench/latency-histogram.js';
import { Recorder } from '../../src/bench/recorder.js';
import { runSends } from '../../src/bench/run-frame.js';
import type { SendTarget } from '../../src/bench/send-load.js';
import type { ProducerStats } from '../../src/client/producer/send-stats.js';
import type { SendResult } from '../../src/client/types.js';
import { ConnectError } from '../../src/common/errors.js';

afterEach(() => vi.useRealTimers());

/** Takes one message; from then on the broker is gone. */
function lostTarget(): SendTarget {
  let sends = 0;
  return {
    sendAsync: (_, handler, context) => {
      const isTaken = sends++ === 0;
      setTimeout(() => {
        if (isTaken) {
          handler.onSuccess({ sendStatus: 'SEND_OK' } as SendResult, context);
        } else {
          handler.onException(new ConnectError('gone'), context);
        }
      }, 1);
    },
  };
}

it('a load of a number of messages that gives up says why, and was not interrupted', async () => {
  await loadHistograms();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  const stats = (): ProducerStats => ({ attempts: 0, retries: 0, failedAttemptsByCode: {} }) as unknown as ProducerStats;
  const load = { target: lostTarget(), inFlight: 1, warmupMs: 0, quantity: 10_000 };
  const run = runSends({
    recorder: new Recorder(),
    stats,
    hooks: {},
    load: { ...load, createMessage: () => ({ topic: 'T', body: Buffer.alloc(32) }) },
  });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await run).toMatchObject({
    interrupted: false,
    failure: expect.stringMatching(/^no send succeeded in the last 3\d\.\d s: gone$/),
    send: { count: 1 },
  });
});
