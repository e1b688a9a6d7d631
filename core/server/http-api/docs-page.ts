import type { FastifyInstance } from 'fastify';

/** Nothing is loaded from elsewhere, and what the document says is never markup. */
const POLICY =
  "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Switchyard API</title>
<link rel="stylesheet" href="docs/style.css">
<main><h1>Switchyard API</h1><p id="about">Loading <a href="openapi.json">openapi.json</a>…</p>
<label>Authorization <input id="auth" placeholder="Bearer … (not needed in development mode)" autocomplete="off"></label>
<div id="operations"></div></main>
<script src="docs/script.js"></script>
`;

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:2rem auto;padding:0 1rem}
details{border:1px solid #8886;border-radius:.5rem;margin:.5rem 0;padding:.5rem 1rem}
summary{cursor:pointer}summary b{display:inline-block;min-width:4.5rem}
code,pre,textarea{font:14px/1.4 ui-monospace,monospace}
pre{overflow:auto;max-height:24rem;background:#8881;padding:.75rem;border-radius:.25rem}
input,textarea{width:100%;box-sizing:border-box;padding:.4rem;margin:.2rem 0}
textarea{min-height:7rem}button{padding:.4rem 1.2rem}
`;

/** Plain browser JavaScript: reads openapi.json and lists what it finds, with a form to try each. */
const SCRIPT = `'use strict';
const make = (tag, text, ...children) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};
const expand = (schema, document, depth) => {
  if (!schema || typeof schema !== 'object') return schema;
  if (schema.$ref && depth < 6)
    return expand(schema.$ref.slice(2).split('/').reduce((at, key) => at && at[key], document), document, depth + 1);
  if (Array.isArray(schema)) return schema.map((each) => expand(each, document, depth));
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => key !== 'additionalProperties' && key !== '$schema' && key !== 'title')
      .map(([key, value]) => [key, expand(value, document, depth)]),
  );
};
const schemaOf = (part) => part && part.content && Object.values(part.content)[0].schema;
const block = (title, value) => [make('h4', title), make('pre', JSON.stringify(value, null, 2))];
const form = (method, path, operation) => {
  const inputs = (operation.parameters || []).map(({ name }) => {
    const input = make('input');
    input.placeholder = name;
    return [name, input];
  });
  const body = schemaOf(operation.requestBody) ? make('textarea') : undefined;
  if (body) body.value = '{\\n  "room": "demo"\\n}';
  const button = make('button', 'Send');
  const answer = make('pre');
  answer.hidden = true;
  button.onclick = async () => {
    const url = inputs.reduce((at, [name, { value }]) => at.replace('{' + name + '}', encodeURIComponent(value)), path);
    const auth = document.getElementById('auth').value.trim();
    const headers = {};
    if (auth) headers.authorization = /^(bearer|basic) /i.test(auth) ? auth : 'Bearer ' + auth;
    if (body) headers['content-type'] = 'application/json';
    answer.hidden = false;
    try {
      const response = await fetch('.' + url, { method: method.toUpperCase(), headers, body: body && body.value });
      const text = await response.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch {}
      answer.textContent = response.status + ' ' + response.statusText + '\\n\\n' + shown;
    } catch (error) {
      answer.textContent = String(error);
    }
  };
  return make('div', '', ...inputs.map(([, input]) => input), ...(body ? [body] : []), button, answer);
};
fetch('openapi.json').then((response) => response.json()).then((api) => {
  document.getElementById('about').replaceChildren(api.info.description + ' ', Object.assign(make('a', 'openapi.json'), { href: 'openapi.json' }));
  for (const [path, methods] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(methods)) {
      const request = schemaOf(operation.requestBody);
      const answers = Object.entries(operation.responses || {}).flatMap(([status, answer]) => {
        const schema = schemaOf(answer);
        return status < 400 && schema ? block(status + ' ' + (answer.description || ''), expand(schema, api, 0)) : [];
      });
      document.getElementById('operations').append(
        make('details', '',
          make('summary', '', make('b', method.toUpperCase()), make('code', path), ' ', operation.summary || ''),
          make('p', operation.description || ''),
          ...(request ? block('Body', expand(request, api, 0)) : []),
          ...answers, make('h4', 'Try it'), form(method, path, operation)));
    }
}).catch((error) => { document.getElementById('about').textContent = 'The document cannot be read: ' + error; });
`;

/** `GET /docs`: the OpenAPI document for people, with nothing from any other server. */
export function docsPage(api: FastifyInstance): void {
  const hidden = { schema: { hide: true } };
  for (const [url, type, content] of [
    ['/docs', 'text/html; charset=utf-8', PAGE],
    ['/docs/style.css', 'text/css; charset=utf-8', STYLE],
    ['/docs/script.js', 'text/javascript; charset=utf-8', SCRIPT],
  ] as const)
    api.get(url, hidden, (_request, reply) =>
      reply
        .header('content-security-policy', POLICY)
        .header('x-content-type-options', 'nosniff')
        .type(type)
        .send(content),
    );
}
