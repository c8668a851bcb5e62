/** Whether animation frames are available: not on a server, and not in a hidden page. */
export function hasFrames(): boolean {
  const isHidden = typeof document !== 'undefined' && document.visibilityState === 'hidden';
  return typeof requestAnimationFrame === 'function' && !isHidden;
}
