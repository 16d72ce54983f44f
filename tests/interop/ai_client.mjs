#!/usr/bin/env node
// A client from npm, unchanged, at a node's AI port: what it makes of the answers, as one object of JSON.
//    usage: ai_client.mjs openai | ollama URL

const [, , kind, url] = process.argv;
const told = {};

async function failure(run) {
  try {
    await run();
    return null;
  } catch (error) {
    return { status: error.status ?? error.status_code ?? null, code: error.code ?? null, message: error.message };
  }
}

async function openai() {
  const { OpenAI } = await import('openai');
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  const ask = (content, model, more) => client.chat.completions.create({ model, messages: [{ role: 'user', content }], ...more });
  const read = async (content) => {
    let text = '';
    for await (const chunk of await ask(content, 'one@bob', { stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta.content ?? '';
      told.usage = chunk.usage ?? told.usage;
    }
    return text;
  };
  told.models = [];
  for await (const model of client.models.list()) told.models.push(model.id);
  told.shown = (await client.models.retrieve('one@bob')).id;
  told.whole = (await ask('why?', 'one@bob')).choices[0].message.content;
  told.anybody = (await ask('why?', 'one')).choices[0].message.content;
  told.streamed = await read('why?');
  const embedded = await client.embeddings.create({ model: 'one@bob', input: ['a b', 'abc'] });
  told.embedded = embedded.data.map((entry) => entry.embedding);
  told.missing = await failure(() => ask('why?', 'none'));
  told.broken = await failure(() => read('break'));
  for await (const chunk of await ask('slow', 'one@bob', { stream: true }))
    if (chunk.choices[0].delta.content) break; // ends the request
}

async function ollama() {
  const { Ollama } = await import('ollama');
  const client = new Ollama({ host: url });
  const chat = (content, model, stream) => client.chat({ model, stream, messages: [{ role: 'user', content }] });
  const read = async (stream) => {
    let text = '';
    for await (const part of await stream) {
      text += part.message?.content ?? part.response;
      if (part.done) told.usage = { prompt_tokens: part.prompt_eval_count, completion_tokens: part.eval_count };
    }
    return text;
  };
  told.models = (await client.list()).models.map((model) => model.name);
  told.shown = (await client.show({ model: 'one@bob' })).capabilities;
  told.whole = (await chat('why?', 'one@bob', false)).message.content;
  told.anybody = (await chat('why?', 'one', false)).message.content;
  told.streamed = await read(chat('why?', 'one@bob', true));
  told.generated = await read(client.generate({ model: 'one@bob', prompt: 'why?', stream: true }));
  told.embedded = (await client.embed({ model: 'one@bob', input: ['a b', 'abc'] })).embeddings;
  told.missing = await failure(() => chat('why?', 'none', false));
  told.broken = await failure(() => read(chat('break', 'one@bob', true)));
  told.pulled = await failure(() => client.pull({ model: 'one@bob' }));
  const slow = await chat('slow', 'one@bob', true);
  await failure(async () => {
    for await (const _ of slow) slow.abort();
  });
}

await { openai, ollama }[kind]();
console.log(JSON.stringify(told));
