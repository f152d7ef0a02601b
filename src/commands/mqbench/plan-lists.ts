import { UsageError } from '../../common/errors.js';

/** Whole numbers of `1,8,64`. @throws UsageError that names the option and the part that is wrong */
export function numberList(option: string, text: string, range: { readonly min: number; readonly max: number }): number[] {
  const { min, max } = range;
  const values = text.split(',').map((part) => {
    const value = part.trim() === '' ? Number.NaN : Number(part);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new UsageError(
        `--${option} ${text}: ${part.trim() === '' ? 'an empty part' : part.trim()} is not a whole number from ${min} to ${max}`,
      );
    }
    return value;
  });
  return [...new Set(values)];
}
