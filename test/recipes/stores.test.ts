// The compiler first: Angular's packages are compiled when they are loaded.
import '@angular/compiler';
import {
  createPlatformFactory,
  ErrorHandler,
  NgModule,
  platformCore,
  ɵINJECTOR_SCOPE,
} from '@angular/core';
import { TestBed, TestComponentRenderer } from '@angular/core/testing';
import { provideEffects } from '@ngrx/effects';
import { provideState, provideStore, Store } from '@ngrx/store';
import { configureStore } from '@reduxjs/toolkit';
import { createEpicMiddleware } from 'redux-observable';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ASK, ask$, ChatActions, chatFeature } from './ngrxEffects.ts';
import { askEpic, chat } from './reduxObservable.ts';
import { TestModel } from './replies.ts';
import { ChatStore } from './signalStore.ts';
import type { StoredState } from './storable.ts';

interface Chat {
  reply(): StoredState;
  ask(prompt: string): void;
  stop(): void;
}

let model: TestModel;

function reduxObservable(): Chat {
  const epics = createEpicMiddleware();
  const store = configureStore({
    reducer: chat.reducer,
    // Its checks for plain and unchanged data are on, and write to console.error.
    middleware: (defaults) => defaults().concat(epics),
  });
  epics.run(askEpic(model.ask));
  return {
    reply: () => store.getState().reply as StoredState,
    ask: (prompt) => void store.dispatch(chat.actions.ask(prompt)),
    stop: () => void store.dispatch(chat.actions.stop()),
  };
}

function ngrxEffects(): Chat {
  const checks = {
    strictStateSerializability: true,
    strictActionSerializability: true,
    strictStateImmutability: true,
    strictActionImmutability: true,
  };
  TestBed.configureTestingModule({
    providers: [
      { provide: ASK, useValue: model.ask },
      provideStore({}, { runtimeChecks: checks }),
      provideState(chatFeature),
      provideEffects({ ask$ }),
    ],
  });
  const store = TestBed.inject(Store);
  const reply = store.selectSignal(chatFeature.selectReply);
  return {
    reply,
    ask: (prompt) => store.dispatch(ChatActions.ask({ prompt })),
    stop: () => store.dispatch(ChatActions.stop()),
  };
}

function signalStore(): Chat {
  TestBed.configureTestingModule({
    providers: [{ provide: ASK, useValue: model.ask }, ChatStore],
  });
  const store = TestBed.inject(ChatStore);
  return {
    reply: () => store.reply() as StoredState,
    ask: (prompt) => void store.ask(prompt),
    stop: store.stop,
  };
}

beforeAll(() => {
  const Empty = NgModule({
    // What a platform with a document provides otherwise.
    providers: [
      ErrorHandler,
      TestComponentRenderer,
      { provide: ɵINJECTOR_SCOPE, useValue: 'root' },
    ],
  })(class {}) as never;
  TestBed.initTestEnvironment(Empty, createPlatformFactory(platformCore, 'test', [])());
});

const stores: [string, () => Chat][] = [
  ['redux-observable', reduxObservable],
  ['effects of NgRx', ngrxEffects],
  ['a signalStore of NgRx', signalStore],
];

describe.each(stores)('%s', (_name, create) => {
  let store: Chat;
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(console, 'error');
    model = new TestModel();
    store = create();
  });
  afterEach(() => {
    expect(console.error).not.toHaveBeenCalled();
    vi.useRealTimers();
    TestBed.resetTestingModule();
  });

  it('holds the whole reply', () => {
    store.ask('whole');
    expect(store.reply()).toMatchObject({ status: 'complete', text: 'Hello world' });
  });

  it('holds the text and the error of a failed reply as plain data, and asks again', () => {
    store.ask('cut');
    expect(store.reply()).toMatchObject({ status: 'error', text: 'Hello wo' });
    const { error } = store.reply();
    expect(JSON.parse(JSON.stringify(error))).toEqual(error);
    expect(Object.getPrototypeOf(error)).toBe(Object.prototype);
    expect(error).toMatchObject({
      code: 'overloaded',
      message: 'Overloaded',
      retryable: true,
      retryAfterMs: 7,
      partial: { content: [{ type: 'text', text: 'Hello wo' }] },
    });
    store.ask('whole');
    expect(store.reply()).toMatchObject({ status: 'complete' });
  });

  it('aborts the request for the next one, and on stop', () => {
    store.ask('endless');
    store.ask('endless');
    expect(model.open).toEqual(['endless']);
    vi.advanceTimersByTime(250);
    expect(store.reply()).toMatchObject({ status: 'streaming', text: 'Hello wo' });
    store.stop();
    expect(model.open).toEqual([]);
    expect(store.reply()).toMatchObject({ status: 'aborted', text: 'Hello wo' });
  });
});
