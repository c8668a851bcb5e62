import { useEffect, useLayoutEffect, useRef } from 'react';

/** How many pixels from the end still count as the end. */
const NEAR = 60;

/** Keeps the end of the page in view while `content` grows, unless the reader has scrolled up. */
export function useStickyBottom(content: unknown): void {
  const isAtBottom = useRef(true);
  useEffect(() => {
    const look = () => {
      const { scrollTop, scrollHeight, clientHeight } = document.documentElement;
      isAtBottom.current = scrollHeight - scrollTop - clientHeight < NEAR;
    };
    addEventListener('scroll', look, { passive: true });
    return () => removeEventListener('scroll', look);
  }, []);
  useLayoutEffect(() => {
    if (isAtBottom.current) scrollTo({ top: document.documentElement.scrollHeight });
  }, [content]);
}
