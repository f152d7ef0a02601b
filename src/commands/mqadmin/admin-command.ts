import type { CommonValues, OptionTable, OptionValues } from '../../cli/options.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import { type CommandContext, MqCommand } from '../base.js';

/** Base of the mqadmin commands that talk to a cluster: opens the connection, signs with the keys given, closes at once. */
export abstract class AdminCommand<T extends OptionTable, R> extends MqCommand<T, R> {
  /** Calls the use case. */
  protected abstract ask(admin: AdminClient, values: OptionValues<T> & CommonValues, context: CommandContext): Promise<R>;

  protected override async execute(values: OptionValues<T> & CommonValues, context: CommandContext): Promise<R> {
    const [{ AdminClient }, { signingKeys }, { contextFor }] = await Promise.all([
      import('../../client/admin/admin-client.js'),
      import('../../cli/credentials.js'),
      import('../../cli/contexts.js'),
    ]);
    const its = contextFor(values, context.io.env);
    // A context that is named wins over an address in the environment, an address on the command line over both.
    const isOption = values.namesrvAddr !== undefined && values.namesrvAddr !== context.io.env.NAMESRV_ADDR?.trim();
    const hasKeys = values.accessKey !== undefined || values.secretKey !== undefined;
    const admin = new AdminClient({
      namesrvAddr: its === null || isOption ? values.namesrvAddr : its.namesrvAddr,
      credentials: await signingKeys(hasKeys ? values : (its ?? {}), context.io.env),
      signal: context.signal,
      addresses: its?.addresses,
      guard: its?.readOnly === true ? (await import('../../client/admin/read-only.js')).readOnlyGuard(`context ${its.name}`) : undefined,
    });
    try {
      return await this.ask(admin, values, context);
    } finally {
      await admin.close();
    }
  }
}
