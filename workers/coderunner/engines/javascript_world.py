"""What JavaScript finds around it beside the language: a console, timers, and a few functions newer than the engine.

Kept on one line when it is run: the engine numbers lines from the second on, so that a number is always the author's.
"""

from __future__ import annotations

from typing import Final

_TEXT: Final = r"""
(function () {
  'use strict';
  const log = globalThis.log_line; delete globalThis.log_line; delete globalThis.__date_clock;
  const json = JSON.stringify, parse = JSON.parse, text = String, keys = Object.keys;
  const SomeError = Error, then = Promise.prototype.then, resolved = Promise.resolve.bind(Promise);
  const now = Date.now, isArray = Array.isArray;
  const apply = Reflect.apply, max = Math.max, number = Number, bare = Object.create.bind(null, null);
  const assign = Object.assign;
  const show = function (value) {
    if (typeof value === 'string') { return value; }
    if (value instanceof SomeError) { return text(value); }
    if (typeof value === 'object' && value !== null) {
      try { return json(value); } catch (error) { return '[object]'; }
    }
    try { return text(value); } catch (error) { return '[' + typeof value + ']'; }
  };
  const cut = Function.prototype.call.bind(String.prototype.slice);
  const print = function () {
    let line = '';
    for (let i = 0; i < arguments.length; i++) { line += (i ? ' ' : '') + show(arguments[i]); }
    log(json(line.length > 20000 ? cut(line, 0, 20000) : line));
  };
  globalThis.console = { log: print, info: print, warn: print, error: print, debug: print, trace: print };

  let timers = [], last = 0;
  const begin = function (call, delay, rest, again) {
    if (typeof call !== 'function') { throw new TypeError('a timer needs a function'); }
    last += 1;
    const wait = max(0, number(delay) || 0);
    timers[timers.length] = { id: last, due: now() + wait, call: call, rest: rest, again: again ? max(1, wait) : 0 };
    return last;
  };
  const end = function (id) {
    const left = [];
    for (let i = 0; i < timers.length; i++) { if (timers[i].id !== id) { left[left.length] = timers[i]; } }
    timers = left;
  };
  globalThis.setTimeout = function (call, delay, ...rest) { return begin(call, delay, rest, false); };
  globalThis.setInterval = function (call, delay, ...rest) { return begin(call, delay, rest, true); };
  globalThis.clearTimeout = globalThis.clearInterval = end;
  globalThis.queueMicrotask = function (call) { apply(then, resolved(), [function () { call(); }]); };

  const add = function (where, name, value) {
    if (!(name in where)) {
      Object.defineProperty(where, name, { value: value, writable: true, configurable: true, enumerable: false });
    }
  };
  const at = function (index) {
    const i = Math.trunc(index) || 0;
    return this[i < 0 ? this.length + i : i];
  };
  add(Array.prototype, 'at', at);
  add(String.prototype, 'at', at);
  add(Array.prototype, 'findLast', function (test, self) {
    for (let i = this.length - 1; i >= 0; i--) { if (test.call(self, this[i], i, this)) { return this[i]; } }
  });
  add(Array.prototype, 'findLastIndex', function (test, self) {
    for (let i = this.length - 1; i >= 0; i--) { if (test.call(self, this[i], i, this)) { return i; } }
    return -1;
  });
  add(Array.prototype, 'toSorted', function (compare) { return [...this].sort(compare); });
  add(Array.prototype, 'toReversed', function () { return [...this].reverse(); });
  add(Array.prototype, 'with', function (index, value) {
    const copy = [...this]; copy[index < 0 ? copy.length + index : index] = value; return copy;
  });
  add(Object, 'hasOwn', function (where, name) { return Object.prototype.hasOwnProperty.call(where, name); });
  add(Object, 'groupBy', function (items, key) {
    const groups = {}; let i = 0;
    for (const item of items) { const name = key(item, i++); (groups[name] = groups[name] || []).push(item); }
    return groups;
  });
  const cloned = function (value, seen) {
    if (typeof value === 'function' || typeof value === 'symbol') {
      throw new TypeError('a ' + typeof value + ' cannot be cloned');
    }
    if (typeof value !== 'object' || value === null) { return value; }
    if (seen.has(value)) { return seen.get(value); }
    if (value instanceof Date) { return new Date(value); }
    let copy;
    if (value instanceof Map) {
      copy = new Map(); seen.set(value, copy);
      value.forEach(function (v, k) { copy.set(cloned(k, seen), cloned(v, seen)); });
      return copy;
    }
    if (value instanceof Set) {
      copy = new Set(); seen.set(value, copy);
      value.forEach(function (v) { copy.add(cloned(v, seen)); });
      return copy;
    }
    copy = isArray(value) ? [] : {}; seen.set(value, copy);
    for (const name of keys(value)) { copy[name] = cloned(value[name], seen); }
    return copy;
  };
  add(globalThis, 'structuredClone', function (value) { return cloned(value, new Map()); });
  const signs = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  add(globalThis, 'btoa', function (value) {
    const from = text(value); let made = '';
    for (let i = 0; i < from.length; i += 3) {
      const a = from.charCodeAt(i), b = from.charCodeAt(i + 1), c = from.charCodeAt(i + 2);
      if (a > 255 || b > 255 || c > 255) { throw new TypeError('btoa takes characters up to U+00FF'); }
      made += signs[a >> 2] + signs[((a & 3) << 4) | (b >> 4)]
        + (i + 1 < from.length ? signs[((b & 15) << 2) | (c >> 6)] : '=')
        + (i + 2 < from.length ? signs[c & 63] : '=');
    }
    return made;
  });
  add(globalThis, 'atob', function (value) {
    const from = text(value).replace(/[\s=]/g, ''); let made = '', bits = 0, held = 0;
    for (let i = 0; i < from.length; i++) {
      const sign = signs.indexOf(from[i]);
      if (sign < 0) { throw new TypeError('this is not base64'); }
      held = (held << 6) | sign; bits += 6;
      if (bits >= 8) { bits -= 8; made += text.fromCharCode((held >> bits) & 255); }
    }
    return made;
  });

  /* Without a prototype, where authors could put a toJSON. */
  const tell = function (facts) { return assign(bare(), facts); };
  let state = tell({ state: 'waiting' });
  const failed = function (error) {
    state = tell({ state: 'failed', type: '', message: '', stack: '' });
    try {
      if (error instanceof SomeError) {
        state.type = text(error.name); state.message = text(error.message); state.stack = text(error.stack);
      } else { state.message = show(error); }
    } catch (again) { state.message = 'what was thrown could not say what it is'; }
  };
  const finished = function (value) {
    try {
      if (typeof value !== 'object' || value === null || isArray(value)) {
        const what = value === undefined ? 'nothing' : value === null ? 'null'
          : isArray(value) ? 'an array' : 'a ' + typeof value;
        state = tell({ state: 'odd', message: what });
      } else {
        const found = json(value);
        const fits = found !== undefined && found[0] === '{';
        const odd = { state: 'odd', message: 'what is no object as JSON' };
        state = tell(fits ? { state: 'finished', value: found } : odd);
      }
    } catch (error) { failed(error); }
  };
  return function (step, argument) {
    if (step === 'main') {
      try {
        if (typeof main !== 'function') { state = tell({ state: 'missing' }); } else {
          apply(then, resolved(main({ params: parse(argument) })), [finished, failed]);
        }
      } catch (error) { failed(error); }
    }
    if (step === 'fire') {
      let first = null;
      for (let i = 0; i < timers.length; i++) {
        if (first === null || timers[i].due < first.due) { first = timers[i]; }
      }
      if (first !== null) {
        if (first.again) { first.due = now() + first.again; } else { end(first.id); }
        try { apply(first.call, undefined, first.rest); } catch (error) { failed(error); }
      }
    }
    if (state.state === 'waiting') {
      let due = -1;
      for (let i = 0; i < timers.length; i++) { if (due < 0 || timers[i].due < due) { due = timers[i].due; } }
      return json(tell({ state: 'waiting', wait: due < 0 ? -1 : max(0, due - now()) }));
    }
    return json(state);
  };
})()
"""

WORLD: Final = " ".join(line.strip() for line in _TEXT.splitlines())
