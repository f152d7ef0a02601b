export const PERM_INHERIT = 1;
export const PERM_WRITE = 2;
export const PERM_READ = 4;
export const PERM_PRIORITY = 8;
export const PERM_READ_WRITE = PERM_READ | PERM_WRITE;

export function isReadable(perm: number): boolean {
  return (perm & PERM_READ) !== 0;
}

export function isWriteable(perm: number): boolean {
  return (perm & PERM_WRITE) !== 0;
}

export function isInherited(perm: number): boolean {
  return (perm & PERM_INHERIT) !== 0;
}

/** What a topic's perm may be: 0 to 7. */
export function isValidPerm(perm: number): boolean {
  return Number.isInteger(perm) && perm >= 0 && perm < PERM_PRIORITY;
}

/** Three letters as Java prints them: `RWX`, `R--`, `---`. */
export function permToString(perm: number): string {
  return `${isReadable(perm) ? 'R' : '-'}${isWriteable(perm) ? 'W' : '-'}${isInherited(perm) ? 'X' : '-'}`;
}
