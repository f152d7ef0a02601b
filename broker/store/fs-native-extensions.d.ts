declare module 'fs-native-extensions' {
  /** Takes a lock on a byte range without waiting; false when another holds it. */
  export function tryLock(fd: number, offset: number, length: number): boolean;
  export function unlock(fd: number, offset: number, length: number): void;
}
