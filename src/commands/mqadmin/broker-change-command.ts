import { type CommonValues, defineOptions, type OptionTable, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import type { BrokerChange, BrokerChangeResult } from '../../client/admin/broker-change.js';
import type { CommandContext } from '../base.js';
import { AdminCommand } from './admin-command.js';
import { printOutcomes } from './targets.js';

/** Options of the changes that go to one broker or to the brokers of a cluster; `verb` as in Apache's texts: `create user to`. */
export function targetOptions(verb: string) {
  return defineOptions({
    clusterName: { short: 'c', group: 'target', groupRequired: true, text: `${verb} which cluster` },
    brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: `${verb} which broker` },
  });
}

interface ChangeValues {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Base of the commands that send one and the same change to one broker, or to all of a cluster. */
export abstract class BrokerChangeCommand<T extends OptionTable> extends AdminCommand<T, BrokerChangeResult> {
  /** Whether it takes something away, so that a terminal is asked first. */
  protected readonly deletes: boolean = false;

  protected abstract change(values: OptionValues<T>, context: CommandContext): Promise<BrokerChange>;
  /** The line for a broker that took it. */
  protected abstract done(addr: string, values: OptionValues<T>): string;

  protected override async ask(
    admin: AdminClient,
    values: OptionValues<T> & CommonValues,
    context: CommandContext,
  ): Promise<BrokerChangeResult> {
    const [{ changeBrokers }, change] = await Promise.all([import('../../client/admin/broker-change.js'), this.change(values, context)]);
    const { dryRun = false, yes = false } = values as ChangeValues;
    if (this.deletes && !dryRun) {
      const { confirmDeletion } = await import('../../cli/confirm.js');
      const { brokerAddr, clusterName } = change.target;
      const where = brokerAddr === undefined ? `cluster ${clusterName}` : `broker ${brokerAddr}`;
      await confirmDeletion(`${change.what} on ${where}`, { yes, signal: context.signal, io: context.io });
    }
    return changeBrokers(admin, change, dryRun);
  }

  protected override render(result: BrokerChangeResult, out: Output, values: OptionValues<T>): void {
    printOutcomes(out, result.brokers, {
      done: (addr) => this.done(addr, values),
      planned: (addr) => `would send to ${addr}, for it to say: ${this.done(addr, values)}`,
    });
  }
}
