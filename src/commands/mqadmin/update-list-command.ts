import { CHANGE_OPTIONS, type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import type { UpdateListResult } from '../../client/admin/update-list.js';
import type { JsonObject } from '../../common/fastjson.js';
import { AdminCommand } from './admin-command.js';
import { readJsonList } from './json-list.js';
import { type BrokerOrCluster, printOutcomes, requireTarget } from './targets.js';

/** Options of the commands that create or replace what a file lists. */
export function updateListOptions(noun: string, fileText: string) {
  return defineOptions({
    brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: `create ${noun} to which broker` },
    clusterName: { short: 'c', group: 'target', groupRequired: true, text: `create ${noun} to which cluster` },
    filename: { short: 'f', required: true, text: fileText },
    ...CHANGE_OPTIONS,
  });
}

type Options = ReturnType<typeof updateListOptions>;
type Values = OptionValues<Options> & CommonValues;

/** Base of the commands that create or replace what a file lists. */
export abstract class UpdateListCommand<T, R extends UpdateListResult> extends AdminCommand<Options, R> {
  /** One thing of the list. */
  protected abstract readonly noun: string;

  /** Reads one thing. */
  protected abstract decoder(): Promise<(item: JsonObject) => T>;
  protected abstract update(admin: AdminClient, items: readonly T[], target: BrokerOrCluster & { dryRun: boolean }): Promise<R>;
  protected abstract names(result: R): string[];
  /** What was submitted, in the words of Apache's tool. */
  protected abstract submitted(values: Values): string;

  protected override async ask(admin: AdminClient, values: Values): Promise<R> {
    const items = await readJsonList(values.filename, this.noun, await this.decoder());
    return this.update(admin, items, { ...requireTarget(values), dryRun: values.dryRun });
  }

  protected override render(result: R, out: Output, values: Values): void {
    const names = this.names(result);
    printOutcomes(out, result.brokers, {
      done: (addr) => `submit batch of ${this.submitted(values)} config to ${addr} success, please check the result later.`,
      planned: (addr) => `would submit ${names.length} ${this.noun}s to ${addr}: ${names.join(', ')}`,
    });
  }
}
