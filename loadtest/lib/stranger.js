// Stranger speaks HTTP over a wire, from an address of its own: what goes wrong on the way is its own affair.
import wire from 'k6/x/wire';

import { ADDRESS } from './hub.js';

const BOUNDARY = 'stranger';
const ANSWER_MS = 3000;

export class Stranger {
  #token = '';

  constructor(address) {
    this.address = address;
  }

  // ask makes one request and answers the status; 0 when there was none.
  ask(method, path, headers = {}, body = '') {
    const connection = wire.open(ADDRESS, this.address);
    connection.write(this.#head(method, path, { Connection: 'close', 'Content-Length': body.length, ...headers }) + body);
    const status = Number(connection.line(ANSWER_MS).split(' ')[1] || 0);
    this.answer = '';
    for (let line = connection.line(ANSWER_MS); line; line = connection.line(ANSWER_MS)) {
      if (line.toLowerCase().startsWith('set-cookie: ')) {
        this.answer = line.slice('set-cookie: '.length).split(';')[0];
      }
    }
    connection.close();
    return status;
  }

  // enter starts a session, and answers whether it could.
  enter() {
    const body = JSON.stringify({ name: 'stranger', access_key: __ENV.SEGHUB_ACCESS_KEY || '' });
    const status = this.ask('POST', '/api/v1/sessions', { 'Content-Type': 'application/json' }, body);
    this.#token = status === 201 ? this.answer.slice(this.answer.indexOf('=') + 1) : '';
    return status === 201;
  }

  leave() {
    return this.ask('DELETE', '/api/v1/session');
  }

  // socket opens one; what comes down it is never read unless somebody does.
  socket() {
    const connection = wire.open(ADDRESS, this.address);
    connection.write(this.#head('GET', '/api/v1/ws', {
      Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Protocol': 'seghub.v1',
    }));
    return connection;
  }

  // form is the request that uploads a file, as {head, body}.
  form(filename, file, model = 'unet_spherohq') {
    const part = (disposition, content) =>
      `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`;
    const body = `${part('name="model"', model)}${part(`name="files"; filename="${filename}"`, file)}--${BOUNDARY}--\r\n`;
    const headers = { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}`, 'Content-Length': body.length };
    return { head: this.#head('POST', '/api/v1/images', headers), body };
  }

  #head(method, path, headers) {
    const all = { Host: ADDRESS, ...(this.#token && { Authorization: `Bearer ${this.#token}` }), ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
  }
}
