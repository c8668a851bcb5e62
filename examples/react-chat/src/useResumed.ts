import { useEffect, useRef } from 'react';

const FIRST_DELAY = 250;
const LONGEST_DELAY = 8_000;

/** Whether the connection has failed, and not the reply: `fetch` and its body then throw a `TypeError`. */
export function isLost(error: Error | undefined): boolean {
  return error instanceof TypeError;
}

/** Resumes a reply whose connection was lost: again and again, with longer pauses, and at once when online. */
export function useResumed(error: Error | undefined, resume: () => Promise<void>): void {
  const tries = useRef(0);
  useEffect(() => {
    if (!isLost(error)) {
      if (error) tries.current = 0;
      return;
    }
    const again = () => void resume();
    const delay = Math.min(FIRST_DELAY * 2 ** tries.current++, LONGEST_DELAY);
    const timer = setTimeout(again, delay);
    addEventListener('online', again, { once: true });
    return () => {
      clearTimeout(timer);
      removeEventListener('online', again);
    };
  }, [error, resume]);
}
