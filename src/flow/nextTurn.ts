/**
 * Runs `task` in a later turn of the event loop, after waiting work: timers, input, a frame. A timer is
 * not used because browsers delay it, in a hidden page by a second.
 */
export function nextTurn(task: () => void): void {
  if (typeof setImmediate === 'function') return void setImmediate(task);
  if (typeof MessageChannel !== 'function') return void setTimeout(task);
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', () => {
    port1.close();
    task();
  });
  port1.start();
  port2.postMessage(undefined);
}
