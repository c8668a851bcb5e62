const BYTES = 18;
const FORM = /^r_[\w-]{24}$/;

/** A random id of 144 bits. */
export function randomText(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}

/** An id that cannot be guessed. */
export function randomId(): string {
  return `r_${randomText()}`;
}

/** Whether `randomId` could have generated this id. Such an id is a secret. */
export function isRandomId(id: string): boolean {
  return FORM.test(id);
}

/** Whether this is a valid id of a reply. */
export function isId(id: unknown): id is string {
  return typeof id === 'string' && id.length > 0 && id.length <= 512 && !/\p{Cc}/u.test(id);
}

/** Throws a TypeError if the id is not valid. */
export function checkId(name: string, id: unknown): asserts id is string {
  if (isId(id)) return;
  throw new TypeError(
    `${name}: an id must be a string of 1 to 512 characters without control characters`,
  );
}
