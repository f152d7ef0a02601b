import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ControllerMetaData } from '../../../client/admin/controller.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  controllerAddress: { short: 'a', required: true, text: 'the address of controller' },
});

/** Shows the group of a controller. */
export default class GetControllerMetaData extends AdminCommand<typeof options, ControllerMetaData> {
  static override summary = "Get controller cluster's metadata.";
  static override description = 'Of several addresses, separated by ;, the first is asked.';
  static override examples = ['mqadmin getControllerMetaData -a 127.0.0.1:9878', 'mqadmin getControllerMetaData -a 127.0.0.1:9878 --json'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<ControllerMetaData> {
    const { controllerMetaData } = await import('../../../client/admin/controller.js');
    return controllerMetaData(admin, values.controllerAddress);
  }

  protected override render(result: ControllerMetaData, out: Output): void {
    out.line();
    out.line(`#ControllerGroup\t${result.group}`);
    out.line(`#ControllerLeaderId\t${result.controllerLeaderId}`);
    out.line(`#ControllerLeaderAddress\t${result.controllerLeaderAddress}`);
    for (const peer of result.peers) {
      out.line(`#Peer:\t${peer}`);
    }
  }
}
