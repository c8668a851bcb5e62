import type { messageEvents, ReplyScript } from 'claude-rx/testing';

type Events = typeof messageEvents;

/** A reply that waits before the event with this number until `open` is called. */
export function gated(events: Events, before: number): { reply: ReplyScript; open: () => void } {
  let open = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  return { reply: { events: wait(events, before, gate) }, open };
}

async function* wait(events: Events, before: number, gate: Promise<void>) {
  let number = 0;
  for (const event of events) {
    if (number++ === before) await gate;
    yield event;
  }
}
