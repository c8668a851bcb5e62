/**
 * Runs `task` in a turn of the event loop of its own, after what waits there: timers, input, a frame.
 * A timer would do, but is held back, in a hidden page for a second.
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
