import type Anthropic from '@anthropic-ai/sdk';
import { fromMessages } from 'claude-rx';
import { MessagesServer } from 'claude-rx/testing';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read } from '../support/examples.ts';
import { params, until } from '../support/server.ts';
import { statusOf, useTelemetry } from '../support/telemetry.ts';
import { endings, events, expectSameSpan } from '../support/tracedEndings.ts';

const { peerDependencies, devDependencies } = JSON.parse(read('package.json')) as {
  [kind in 'peerDependencies' | 'devDependencies']: Record<string, string>;
};
/** The first SDK that is supported, one in between, and the newest. */
const versions = ['1.0.0', '1.11.0', peerDependencies['@anthropic-ai/sdk']!];
const nameOf = (version: string) => `sdk-${versions.indexOf(version)}`;

const folder = mkdtempSync(join(tmpdir(), 'claude-rx-traced-'));
let server: MessagesServer;

beforeAll(async () => {
  const sdks = versions.map((version) => [nameOf(version), `npm:@anthropic-ai/sdk@${version}`]);
  const manifest = {
    private: true,
    dependencies: Object.fromEntries(sdks),
    // A newer API of OpenTelemetry does not find a provider that is registered with an older one.
    overrides: { '@opentelemetry/api': devDependencies['@opentelemetry/api'] },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  const options = ['--silent', '--ignore-scripts', '--no-audit', '--no-fund'];
  await promisify(execFile)('npm', ['install', ...options], { cwd: folder });
  server = await MessagesServer.start();
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(versions)('the span of SDK %s for a request of fromMessages', (version) => {
  const spans = useTelemetry();
  let sdk: Anthropic;
  const clients: [string, () => Anthropic][] = [
    ['client', () => sdk],
    ['client.beta', () => sdk.beta as never],
  ];

  beforeAll(async () => {
    const installed = join(folder, 'node_modules', nameOf(version));
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    process.stdout.write(`@anthropic-ai/sdk ${manifest.version}\n`);
    const { default: Client } = (await import(
      pathToFileURL(join(installed, 'index.mjs')).href
    )) as { default: typeof Anthropic };
    const options = { apiKey: 'test', baseURL: server.url, maxRetries: 0 };
    sdk = new Client({ ...options, logLevel: 'off' });
  });

  describe.each(clients)('of %s', (_, clientOf) => {
    it.each(endings)('ends as that of the stream of the SDK: %s', (...ending) =>
      expectSameSpan(clientOf(), server, spans, ending),
    );

    it('is unset after an unsubscribe', async () => {
      server.reply({ events, fault: { kind: 'stall', beforeEvent: 4 } });
      let seen = 0;
      const subscription = fromMessages(clientOf(), params).subscribe(() => seen++);
      await until(() => seen === 4);
      subscription.unsubscribe();
      const [span] = await spans.ended(1);
      expect(statusOf(span!)).toBe('UNSET');
      expect(span!.attributes).not.toHaveProperty('error.type');
    });
  });
});
