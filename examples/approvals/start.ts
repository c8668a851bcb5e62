// A call that waits for a click: ask it to pay a bill, reload the page, restart the service, then click.
//
//   npx tsx examples/approvals/start.ts
//
// The page is plain at `/`. Once `examples/angular-chat` is built, it is there in Angular too, at `/approvals`.
import Anthropic from '@anthropic-ai/sdk';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasKey } from '../hasKey.ts';
import { approvalService } from './service.ts';

const file = process.env['CHAT'] ?? join(tmpdir(), 'claude-rx-approvals.json');

/** A model that pays what it is told to, and then reports. */
async function offline(): Promise<Anthropic> {
  const server = await MessagesServer.start();
  server.handle(({ body }) => {
    const last: unknown = body.messages.at(-1)?.content;
    return JSON.stringify(last).includes('tool_result')
      ? messageEvents.text('Thank you, that is settled.')
      : messageEvents
          .text('I need your approval.')
          .toolUse('pay_bill', { to: 'Gas & Light', amount: 42 });
  });
  return new Anthropic({ apiKey: 'none', baseURL: server.url });
}

const service = approvalService({
  client: hasKey ? new Anthropic() : await offline(),
  file,
  pay: (to, amount) => {
    console.log(`Paid ${amount} to ${to}.`);
    return 'Paid.';
  },
});
await once(service.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1'), 'listening');
console.log(
  `http://127.0.0.1:${(service.address() as AddressInfo).port}/ (the chat is in ${file})`,
);
