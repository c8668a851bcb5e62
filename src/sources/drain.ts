/** How long a finished reply may take to end its body, in milliseconds. */
const PATIENCE = 250;

/**
 * Waits briefly for `end` after `message_stop`, so that the connection can be used again; a body
 * that does not end is aborted.
 */
export function drain(end: PromiseLike<unknown>, abort: () => void): void {
  const timer = setTimeout(abort, PATIENCE);
  const settle = () => clearTimeout(timer);
  end.then(settle, settle);
}
