import type { CommonValues, OptionTable, OptionValues } from '../../cli/options.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import { type CommandContext, MqCommand } from '../base.js';

/** Base of the mqadmin commands that talk to a cluster: opens the connection, signs with the keys given, closes at once. */
export abstract class AdminCommand<T extends OptionTable, R> extends MqCommand<T, R> {
  /** Calls the use case. */
  protected abstract ask(admin: AdminClient, values: OptionValues<T> & CommonValues, context: CommandContext): Promise<R>;

  protected override async execute(values: OptionValues<T> & CommonValues, context: CommandContext): Promise<R> {
    const [{ AdminClient }, { signingKeys }] = await Promise.all([
      import('../../client/admin/admin-client.js'),
      import('../../cli/credentials.js'),
    ]);
    const admin = new AdminClient({
      namesrvAddr: values.namesrvAddr,
      credentials: await signingKeys(values, context.io.env),
      signal: context.signal,
    });
    try {
      return await this.ask(admin, values, context);
    } finally {
      await admin.close();
    }
  }
}
