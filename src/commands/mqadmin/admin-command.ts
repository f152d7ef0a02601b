import { commandSpec } from '../../cli/command-spec.js';
import type { FrameLog } from '../../cli/frame-log.js';
import type { CommonValues, OptionTable, OptionValues } from '../../cli/options.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import type { ChangeLog } from '../../client/admin/change-log.js';
import { NotFoundError } from '../../common/errors.js';
import { type CommandContext, MqCommand } from '../base.js';
import type { AuditedCommand } from './audited-command.js';

/**
 * Base of the mqadmin commands that talk to a cluster: opens the connection, signs with the keys given, closes at once, and writes to the audit
 * file what was changed.
 */
export abstract class AdminCommand<T extends OptionTable, R> extends MqCommand<T, R> {
  protected override readonly endsBySignal: boolean = true;
  #audited: (Omit<AuditedCommand, 'name' | 'options'> & { readonly changes: ChangeLog }) | null = null;

  #trace: FrameLog | undefined;

  /** Calls the use case. */
  protected abstract ask(admin: AdminClient, values: OptionValues<T> & CommonValues, context: CommandContext): Promise<R>;

  protected override async execute(values: OptionValues<T> & CommonValues, context: CommandContext): Promise<R> {
    const [{ AdminClient }, { signingKeys }, { contextFor }, { ChangeLog }] = await Promise.all([
      import('../../client/admin/admin-client.js'),
      import('../../cli/credentials.js'),
      import('../../cli/contexts.js'),
      import('../../client/admin/change-log.js'),
    ]);
    const its = contextFor(values, context.io.env);
    // A context that is named wins over an address in the environment, an address on the command line over both.
    const isOption = values.namesrvAddr !== undefined && values.namesrvAddr !== context.io.env.NAMESRV_ADDR?.trim();
    const hasKeys = values.accessKey !== undefined || values.secretKey !== undefined;
    const namesrvAddr = its === null || isOption ? values.namesrvAddr : its.namesrvAddr;
    const credentials = await signingKeys(hasKeys ? values : (its ?? {}), context.io.env);
    const changes = new ChangeLog();
    const trace = values.debug === true ? await frameLog(context) : undefined;
    this.#trace = trace;
    this.#audited = { changes, contextName: its?.name, namesrvAddr, accessKey: credentials?.accessKey };
    const admin = new AdminClient({
      namesrvAddr,
      credentials,
      signal: context.signal,
      addresses: its?.addresses,
      guard: its?.readOnly === true ? (await import('../../client/admin/read-only.js')).readOnlyGuard(`context ${its.name}`) : undefined,
      observe: changes.observe,
      trace,
    });
    try {
      return await this.ask(admin, values, context);
    } catch (error) {
      // As Apache's tool it ends without a hint.
      if (error instanceof NotFoundError && !context.apacheCompat) {
        const { withNearNames } = await import('./did-you-mean.js');
        throw await withNearNames(error, values, admin);
      }
      throw error;
    } finally {
      await admin.close();
    }
  }

  protected override soFar(): string {
    const changes = this.#audited?.changes;
    if (changes === undefined || changes.isEmpty) {
      return '';
    }
    const [made, unknown] = [changes.count('done') + changes.count('sent'), changes.count('unknown')];
    const number = (count: number): string => (count === 1 ? '1 change' : `${count} changes`);
    const parts = [made === 0 ? '' : `${number(made)} made`, unknown === 0 ? '' : `${number(unknown)} may have been made`];
    return `: ${parts.filter((part) => part !== '').join(', ') || 'nothing was changed'}`;
  }

  protected override async ended(error: unknown, context: CommandContext): Promise<void> {
    this.#trace?.summary();
    const audited = this.#audited;
    if (audited !== null && !audited.changes.isEmpty) {
      const { auditCommand } = await import('./audited-command.js');
      const command = this.ctor as unknown as typeof MqCommand & { id: string };
      const { options } = commandSpec(command, { bin: this.config.bin, id: command.id });
      auditCommand({ ...audited, name: command.id, options }, error, context);
    }
  }
}

async function frameLog({ out }: CommandContext): Promise<FrameLog> {
  const [{ FrameLog }, codes] = await Promise.all([import('../../cli/frame-log.js'), import('../../remoting/codes.js')]);
  return new FrameLog((line) => out.trace(line), { request: codes.requestCodeName, response: codes.responseCodeName });
}
