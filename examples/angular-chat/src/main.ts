import { provideZonelessChangeDetection } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { App } from './app/app';

const pageOf = async ({ pathname, search }: Location) => {
  // Served by `examples/approvals`.
  if (pathname === '/approvals') return (await import('./app/approvals')).Approvals;
  // The first component of docs/angular.md.
  if (search === '?first') return (await import('./app/first-reply')).FirstReply;
  return App;
};
const start = async () => {
  await bootstrapApplication(await pageOf(location), {
    providers: [provideZonelessChangeDetection()],
  });
};
start().catch((error: unknown) => console.error(error));
