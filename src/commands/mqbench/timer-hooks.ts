import { apacheTimerConsumeLine } from '../../bench/kind-text.js';
import type { BenchHooks } from '../../bench/progress.js';
import type { TimerBenchOptions, TimerHooks } from '../../bench/timer-bench.js';
import type { CommandContext } from '../base.js';

/** What a run of timer messages tells while it goes on: a line of what was sent, and one of what arrived. */
export function timerHooks(options: {
  readonly hooks: BenchHooks;
  readonly role: TimerBenchOptions['role'];
  readonly context: CommandContext;
  readonly classic: boolean;
  readonly say: (line: string) => void;
}): TimerHooks {
  const { hooks, role, context, classic, say } = options;
  const { onInterval, ...rest } = hooks;
  const isLive = context.io.terminal.animates && !classic;
  return {
    ...rest,
    // On a terminal there is one line: that of what arrives, where something does.
    ...(onInterval === undefined || (isLive && role !== 'producer') ? {} : { onInterval }),
    onReceived: (snapshot, lateness) => (isLive ? onInterval?.(snapshot) : say(apacheTimerConsumeLine(snapshot, lateness.classic()))),
    ...(classic ? { onStart: () => say(role === 'consumer' ? 'Start receiving messages' : 'Start sending messages') } : {}),
  };
}
