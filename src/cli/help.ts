import { HelpBase } from '@oclif/core';
import { type CommandShape, commandSpec } from './command-spec.js';
import { commandListText, helpText } from './usage.js';

/** Help in the form Apache's tool has: a list of commands, and a usage text for each. The oclif roots name it as their help class. */
export class MqHelp extends HelpBase {
  async showHelp(argv: string[]): Promise<void> {
    const id = argv.find((word) => word !== 'help' && !word.startsWith('-'));
    const command = this.config.isSingleCommandCLI ? this.config.commands[0] : id === undefined ? undefined : this.config.findCommand(id);
    if (command === undefined) {
      process.stdout.write(commandListText(this.config.bin, this.config.commands));
      return;
    }
    await this.showCommandHelp(command);
  }

  override async showCommandHelp(command: CommandShape & { id: string }): Promise<void> {
    process.stdout.write(helpText(commandSpec(command, { bin: this.config.bin, id: command.id })));
  }
}
