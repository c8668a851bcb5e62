import { pipeToResponse, type StreamEvent, toSse, toSseResponse } from 'claude-rx';
import { toAgUi } from 'claude-rx/ag-ui';
import { toMessageEvents } from 'claude-rx/nest';
import { createRelay, relaySse } from 'claude-rx/relay';
import { toUiMessages } from 'claude-rx/ui';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { lastValueFrom, type Observable, type OperatorFunction, toArray } from 'rxjs';

const throughOperator =
  (operator: () => OperatorFunction<StreamEvent, unknown>) =>
  async (reply$: Observable<StreamEvent>): Promise<string> =>
    JSON.stringify(await lastValueFrom(reply$.pipe(operator(), toArray())));

/** What leaves a service through each of its sinks, with their default options: all of it, as text. */
export const SINKS: Readonly<Record<string, (reply$: Observable<StreamEvent>) => Promise<string>>> =
  {
    toSse: throughOperator(() => toSse()),
    toMessageEvents: throughOperator(() => toMessageEvents()),
    toAgUi: throughOperator(() => toAgUi({ threadId: 't', runId: 'r' })),
    toUiMessages: throughOperator(() => toUiMessages()),
    toSseResponse: async (reply$) => {
      const response = toSseResponse(reply$);
      return JSON.stringify([...response.headers]) + (await response.text());
    },
    async pipeToResponse(reply$) {
      const server = createServer((_request, response) => pipeToResponse(reply$, response));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { port } = server.address() as AddressInfo;
        const response = await fetch(`http://127.0.0.1:${port}/`);
        return JSON.stringify([...response.headers]) + (await response.text());
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
    async relaySse(reply$) {
      const relay = createRelay();
      const { id, concluded } = await relay.publish(reply$);
      await concluded;
      const response = await relaySse(relay).toResponse(new Request(`http://x/${id}`));
      const sent = JSON.stringify([...response.headers]) + (await response.text());
      await relay.close();
      return sent;
    },
  };
