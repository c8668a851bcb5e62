const BYTES = 18;
const FORM = /^r_[\w-]{24}$/;

/** A random text of 144 bits. */
export function randomText(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}

/** An id that nobody can guess. */
export function randomId(): string {
  return `r_${randomText()}`;
}

/** Whether an id is one that `randomId` makes: who has it was given it. */
export function isRandomId(id: string): boolean {
  return FORM.test(id);
}

/** Whether a reply may have this id. */
export function isId(id: unknown): id is string {
  return typeof id === 'string' && id.length > 0 && id.length <= 512 && !/\p{Cc}/u.test(id);
}

/** Throws where an id cannot be one. */
export function checkId(name: string, id: unknown): asserts id is string {
  if (isId(id)) return;
  throw new TypeError(
    `${name}: an id must be a text of 1 to 512 characters without control characters`,
  );
}
