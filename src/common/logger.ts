/** What the project needs from a log; nodes pass a file logger, libraries default to none. */
export interface Logger {
  debug(message: string, context?: object): void;
  info(message: string, context?: object): void;
  warn(message: string, context?: object): void;
  error(message: string, context?: object): void;
}

const ignore = (): void => {};

export const noopLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
