// The hub's HTTP calls, as any client of the public API makes them.
import http from 'k6/http';

export const BASE_URL = (__ENV.BASE_URL || 'http://127.0.0.1:8080').replace(/\/+$/, '');
export const ADDRESS = BASE_URL.replace(/^https?:\/\//, ''); // host:port
export const SOCKET_URL = `${BASE_URL.replace(/^http/, 'ws')}/api/v1/ws`;

const API = `${BASE_URL}/api/v1`;

function expected(response, status, what) {
  if (response.status !== status) {
    throw new Error(`${what}: ${response.status} ${response.error || ''} ${String(response.body).slice(0, 300)}`);
  }
  return response;
}

// createSession answers {session, token}.
export async function createSession(name) {
  const body = { name };
  if (__ENV.SEGHUB_ACCESS_KEY) {
    body.access_key = __ENV.SEGHUB_ACCESS_KEY;
  }
  const response = await http.asyncRequest('POST', `${API}/sessions`, JSON.stringify(body), {
    headers: { 'Content-Type': 'application/json' },
    tags: { name: 'POST /sessions' },
  });
  return expected(response, 201, 'POST /sessions').json();
}

// samples fetches the pictures that the hub offers: [{name, data}], data an ArrayBuffer of a PNG.
export function samples() {
  const list = expected(http.get(`${BASE_URL}/samples`), 200, 'GET /samples').json().samples;
  return list.map(({ name, url }) => {
    const params = { responseType: 'binary', tags: { name: 'GET /samples/NAME.png' } };
    const picture = expected(http.get(BASE_URL + url, params), 200, `GET ${url}`);
    return { name: `${name}.png`, data: picture.body };
  });
}

// Caller makes the calls of one session. The token travels in a header: five sessions of one virtual
// user would overwrite each other's cookie.
export class Caller {
  constructor(token) {
    this.headers = { Authorization: `Bearer ${token}`, Origin: BASE_URL };
  }

  // upload answers {accepted, rejected}.
  async upload(image, model) {
    const body = { files: http.file(image.data, image.name), model };
    return (await this.#call('POST', '/images', body, 202)).json();
  }

  async result(job) {
    return (await this.#call('GET', `/jobs/${job}/result`, null, 200)).json();
  }

  // mask answers the PNG as an ArrayBuffer.
  async mask(job) {
    return (await this.#call('GET', `/jobs/${job}/mask.png`, null, 200, 'binary')).body;
  }

  async session() {
    return (await this.#call('GET', '/session', null, 200)).json();
  }

  async close() {
    await this.#call('DELETE', '/session', null, 204);
  }

  async #call(method, path, body, status, responseType = 'text') {
    const name = `${method} ${path.replace(/^\/jobs\/[^/]+/, '/jobs/ID')}`;
    const params = { headers: this.headers, responseType, tags: { name } };
    return expected(await http.asyncRequest(method, API + path, body, params), status, name);
  }
}
