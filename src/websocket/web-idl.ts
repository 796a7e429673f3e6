/** Conversions and shapes that Web IDL prescribes, as far as they are used here. */

/** Code units of surrogates that are no half of a pair. */
const LONE = /\p{Surrogate}/gu;

/** To a string of Unicode scalar values: lone surrogates become U+FFFD. Throws a TypeError for a symbol. (Web IDL §3.2.12) */
export function usvString(value: unknown): string {
  const text = typeof value === 'string' ? value : `${value as string}`;
  const { isWellFormed } = text as { isWellFormed?(): boolean };
  return isWellFormed?.call(text) ? text : text.replace(LONE, '\uFFFD');
}

/** `[Clamp] unsigned short`: to the nearest whole number in range, ties to the even one. Throws a TypeError for a bigint or symbol. (§3.3.3) */
export function clampedShort(value: unknown): number {
  const number = Math.min(Math.max(+(value as number), 0), 65_535);
  const floor = Math.floor(number);
  const rest = number - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  return floor + (up ? 1 : 0) || 0;
}

/** `unsigned short`: modulo 65536. (§3.2.4.4) */
export function unsignedShort(value: unknown): number {
  return +(value as number) & 0xffff;
}

/** Throws what Web IDL prescribes for a call with too few arguments. */
export function needArguments(count: number, least: number, what: string): void {
  if (count < least) throw new TypeError(`${what}: ${least} argument required, but only ${count} present.`);
}

/**
 * Gives a class the shape of an interface object: attributes and operations are enumerable, constants are on the class and its
 * prototype, and its name survives a bundler. (§3.7)
 */
export function shapeInterface(
  Class: { readonly prototype: object },
  name: string,
  constants: Readonly<Record<string, number>> = {},
): void {
  const { prototype } = Class;
  Object.defineProperty(Class, 'name', { value: name, configurable: true });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
  for (const member of Object.getOwnPropertyNames(prototype)) {
    if (member !== 'constructor') Object.defineProperty(prototype, member, { enumerable: true });
  }
  for (const [constant, value] of Object.entries(constants)) {
    for (const holder of [Class, prototype]) Object.defineProperty(holder, constant, { value, enumerable: true });
  }
}
