import { type CommonValues, DELETE_OPTIONS, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import type { CleanUp, CleanUpResult } from '../../client/admin/clean-up.js';
import type { CommandContext } from '../base.js';
import { AdminCommand } from './admin-command.js';

/** Options of the commands that have brokers remove what nobody needs. */
export const CLEAN_UP_OPTIONS = defineOptions({
  brokerAddr: { short: 'b', text: 'Broker address' },
  cluster: { short: 'c', text: 'clustername' },
  ...DELETE_OPTIONS,
});

type Values = OptionValues<typeof CLEAN_UP_OPTIONS> & CommonValues;

/** Base of the commands that have brokers remove what nobody needs. */
export abstract class CleanUpCommand extends AdminCommand<typeof CLEAN_UP_OPTIONS, CleanUpResult> {
  /** Key of what is removed in the table of the use case. */
  protected abstract readonly what: keyof typeof CleanUp;
  /** What is removed, for the question. */
  protected abstract readonly noun: string;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<CleanUpResult> {
    const { CleanUp, cleanUp, cleanUpTargets } = await import('../../client/admin/clean-up.js');
    const addrs = await cleanUpTargets(admin, values);
    if (!values.dryRun) {
      const { confirmDeletion } = await import('../../cli/confirm.js');
      const { yes } = values;
      await confirmDeletion(`delete ${this.noun} on ${addrs.join(', ')}`, { yes, signal: context.signal, io: context.io });
    }
    return cleanUp(admin, CleanUp[this.what], addrs, values.dryRun);
  }

  protected override render(result: CleanUpResult, out: Output): void {
    if (result.dryRun) {
      for (const { addr } of result.brokers) {
        out.line(`dry run: would delete ${this.noun} on ${addr}`);
      }
      return;
    }
    out.line(result.brokers.every((broker) => broker.outcome === 'done') ? 'success' : 'false');
  }
}
