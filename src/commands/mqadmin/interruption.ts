import type { EndSignal } from '../../cli/io.js';
import { InterruptedError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';

/** One wish to end may come as several signals: from the terminal, and from who started the command. */
const SAME_SIGNAL_MS = 500;

/**
 * Does work that brings to an end what it began when a signal asks for the end; a second signal ends the process at once.
 * @throws InterruptedError with the result in its context, when a signal came
 */
export async function untilSignal<R>(
  context: CommandContext,
  work: (signal: AbortSignal) => Promise<R>,
  soFar: (result: R) => string,
): Promise<R> {
  const controller = new AbortController();
  let came: EndSignal | null = null;
  const forget = context.io.onSignal?.((signal) => {
    if (came !== null) {
      return;
    }
    setTimeout(() => forget?.(), SAME_SIGNAL_MS).unref();
    came = signal;
    context.out.note('ending when what is on its way has arrived; again to end at once');
    controller.abort();
  });
  try {
    const result = await work(AbortSignal.any([context.signal, controller.signal]));
    const signal = came as EndSignal | null;
    if (signal !== null) {
      throw new InterruptedError(`ended by ${signal}: ${soFar(result)}`, { signal, context: { result } });
    }
    return result;
  } finally {
    forget?.();
  }
}
