import { provideZonelessChangeDetection } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { App } from './app/app';

const start = async () => {
  // A page of its own, which the service of `examples/approvals` gives.
  const isApprovals = location.pathname === '/approvals';
  const page = isApprovals ? (await import('./app/approvals')).Approvals : App;
  await bootstrapApplication(page, { providers: [provideZonelessChangeDetection()] });
};
start().catch((error: unknown) => console.error(error));
